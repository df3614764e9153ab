package agent

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"
)

func (e *examination) disk() {
	free, err := e.Free(e.Config.Data)
	left := say("%d МБ", "%d MB", free>>20)
	room := e.onSystem("sudo du -xh --max-depth=2 / | sort -h | tail", "cleanmgr")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return // said already
	case err != nil:
		e.warn("disk", "", say("Место на диске не узнать: %v", "Free disk space cannot be told: %v", err))
	case free < freeError:
		e.bad("disk", room, say("На диске осталось %[1]s: освободите место, иначе продажи остановятся", "The disk has %[2]s left: make room, or sales will stop", left.RU, left.EN))
	case free < freeWarning:
		e.warn("disk", room, say("На диске осталось %[1]s: освободите место", "The disk has %[2]s left: make room", left.RU, left.EN))
	default:
		e.ok("disk", say("На диске свободно %[1]s", "The disk has %[2]s free", left.RU, left.EN))
	}
	e.inodes()
	e.fsync()
}

// inodes says nothing while there are enough of them, nor about a file system that does not count them.
func (e *examination) inodes() {
	if e.Inodes == nil {
		return
	}
	free, total, err := e.Inodes(e.Config.Data)
	if err != nil || total == 0 || free > inodesError && free > total/inodesShare {
		return
	}
	text := say("На диске осталось %[1]d свободных файлов (inode) из %[2]d: место есть, а новых файлов не создать. Удалите лишние мелкие файлы", "The disk has %[1]d files (inodes) left of %[2]d: there may be room, yet no new file can be made. Remove needless small files", free, total)
	const where = "sudo du -x --inodes --max-depth=2 / | sort -n | tail"
	if free <= inodesError {
		e.bad("disk", where, text)
		return
	}
	e.warn("disk", where, text)
}

func (e *examination) fsync() {
	s, err := SyncTime(e.Config.Data, e.Now)
	median, worst := millis(s.Median), millis(s.Worst)
	smart := e.onSystem("sudo smartctl -a /dev/sda", "wmic diskdrive get model,status")
	switch {
	case errors.Is(err, fs.ErrPermission):
		e.warn("disk", "sudo kopilka-agent doctor", say("Скорость диска не измерена: нет прав на запись", "The disk's speed was not measured: no right to write there"))
	case err != nil:
		e.bad("disk", e.onSystem("df -h ", "fsutil volume diskfree ")+e.quoted(e.Config.Data), say("На диск не записать: %v", "The disk cannot be written: %v", err))
	case s.Median > syncWarning:
		e.warn("disk", smart, say("Диск медленный: надёжная запись занимает обычно %[1]v, дольше всего %[2]v, кассир это заметит. Проверьте диск", "The disk is slow: a durable write usually takes %[1]v, %[2]v at the worst, the cashier will feel it. Have the disk checked", median, worst))
	case s.Worst > stallWarning:
		e.warn("disk", smart, say("Диск запинается: надёжная запись занимает обычно %[1]v, но одна из %[3]d заняла %[2]v. Так ведёт себя изношенный диск: проверьте его", "The disk stalls: a durable write usually takes %[1]v, but one of %[3]d took %[2]v. Worn disks do that: have it checked", median, worst, s.Writes))
	default:
		e.ok("disk", say("Надёжная запись на диск занимает обычно %[1]v, дольше всего %[2]v", "A durable write to the disk usually takes %[1]v, %[2]v at the worst", median, worst))
	}
}

// Syncs are what some small durable writes took.
type Syncs struct {
	Writes        int
	Median, Worst time.Duration
}

// SyncTime writes a small file durably, some times, as a sale does, and removes it.
func SyncTime(folder string, now func() time.Time) (s Syncs, err error) {
	f, err := os.CreateTemp(folder, "doctor-*.tmp")
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	var took []time.Duration
	page := make([]byte, 4096)
	for first := now(); len(took) < syncTries; {
		begun := now()
		if len(took) > 0 && begun.Sub(first) > syncWait {
			break
		}
		if _, err := f.Write(page); err != nil {
			return s, err
		}
		if err := f.Sync(); err != nil {
			return s, err
		}
		took = append(took, now().Sub(begun))
	}
	slices.Sort(took)
	return Syncs{Writes: len(took), Median: took[len(took)/2], Worst: took[len(took)-1]}, nil
}

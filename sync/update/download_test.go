package update_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/sync/update"
)

// cutAfter hangs up on every download of a program after so many bytes of it.
func cutAfter(o *office, n int, sent *[]string) func(http.ResponseWriter, *http.Request, string) bool {
	return func(w http.ResponseWriter, r *http.Request, name string) bool {
		body, there := o.all()[name]
		if !there || !strings.HasSuffix(name, update.AgentProgram) {
			return false
		}
		from := 0
		if ranged := r.Header.Get("Range"); ranged != "" {
			from, _ = strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(ranged, "bytes="), "-"))
			w.Header().Set("Content-Range", "bytes "+strconv.Itoa(from)+"-"+strconv.Itoa(len(body)-1)+"/"+strconv.Itoa(len(body)))
		}
		*sent = append(*sent, r.Header.Get("Range"))
		w.Header().Set("Content-Length", strconv.Itoa(len(body)-from))
		if from > 0 {
			w.WriteHeader(http.StatusPartialContent)
		}
		end := min(from+n, len(body))
		_, _ = w.Write(body[from:end])
		w.(http.Flusher).Flush()
		if end == len(body) {
			return true
		}
		panic(http.ErrAbortHandler) // the connection is cut
	}
}

func TestADownloadGoesOnWhereItWasCut(t *testing.T) {
	for _, n := range []int{1 << 10, 16 << 10, 16<<10 + 1, 50_000, 199_999} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			o := newOffice(t)
			if n == 1<<10 {
				p := program("1.3.0", "linux", "amd64")
				o.programs[p.Target()] = built{o.programs[p.Target()].body[:20_000], p}
				o.bump()
			}
			tl := o.till()
			var ranges []string
			o.answers(cutAfter(o, n, &ranges))
			attempts := 0
			for {
				attempts++
				require.Less(t, attempts, 300, "every attempt brings something")
				_, _, err := tl.check()
				if err == nil {
					break
				}
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				require.NoFileExists(t, filepath.Join(tl.opts.Folder, update.WantedFile), "nothing is asked for before it is whole")
				tl.restart()
			}
			require.Greater(t, attempts, 1)
			require.Equal(t, "", ranges[0])
			require.Equal(t, "bytes="+strconv.Itoa(n)+"-", ranges[1], "nothing comes twice")
			tl.takes("1.3.0")
		})
	}
}

// TestEveryRequestOfACheckMayBeCut cuts each file of the repository in turn, at its begin and in its middle.
func TestEveryRequestOfACheckMayBeCut(t *testing.T) {
	o := newOffice(t)
	o.till().takes("1.3.0")
	names := o.asked
	require.GreaterOrEqual(t, len(names), 9)
	for _, cut := range names {
		for _, whole := range []bool{false, true} {
			tl := o.till()
			o.answers(func(w http.ResponseWriter, _ *http.Request, name string) bool {
				if name != cut {
					return false
				}
				if body := o.all()[name]; !whole && len(body) > 1 {
					w.Header().Set("Content-Length", strconv.Itoa(len(body)))
					_, _ = w.Write(body[:len(body)/2])
					w.(http.Flusher).Flush()
				}
				panic(http.ErrAbortHandler)
			})
			_, _, err := tl.check()
			require.Error(t, err, cut)
			require.NoFileExists(t, filepath.Join(tl.opts.Folder, update.WantedFile))
			o.answers(nil)
			tl.restart()
			tl.takes("1.3.0")
		}
	}
}

func TestAServerWithoutRangesStartsAnew(t *testing.T) {
	o := newOffice(t)
	tl := o.till()
	var ranges []string
	o.answers(cutAfter(o, 10_000, &ranges))
	_, _, err := tl.check()
	require.Error(t, err)
	o.answers(func(w http.ResponseWriter, r *http.Request, _ string) bool { r.Header.Del("Range"); return false })
	tl.takes("1.3.0")
}

func TestARangeThatIsNotTheOneAskedForIsRefused(t *testing.T) {
	o := newOffice(t)
	tl := o.till()
	var ranges []string
	o.answers(cutAfter(o, 10_000, &ranges))
	_, _, err := tl.check()
	require.Error(t, err)
	o.answers(func(w http.ResponseWriter, _ *http.Request, name string) bool {
		if !strings.HasSuffix(name, update.AgentProgram) {
			return false
		}
		w.Header().Set("Content-Range", "bytes 0-9/200000")
		w.WriteHeader(http.StatusPartialContent)
		return true
	})
	_, _, err = tl.check()
	require.ErrorContains(t, err, "206")
	o.answers(nil)
	tl.takes("1.3.0")
}

func TestABusyServerIsAskedAgainForTheRest(t *testing.T) {
	o := newOffice(t)
	tl := o.till()
	var ranges []string
	o.answers(cutAfter(o, 10_000, &ranges))
	_, _, err := tl.check()
	require.Error(t, err)
	o.answers(func(w http.ResponseWriter, _ *http.Request, name string) bool {
		if strings.HasSuffix(name, update.AgentProgram) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	})
	_, _, err = tl.check()
	require.ErrorIs(t, err, update.ErrBusy)
	o.answers(cutAfter(o, 1<<20, &ranges))
	tl.takes("1.3.0")
	require.Equal(t, []string{"", "bytes=10000-"}, ranges)
}

func TestADownloadThatWasSpoiltOnTheDiskComesAnew(t *testing.T) {
	o := newOffice(t)
	tl := o.till()
	var ranges []string
	o.answers(cutAfter(o, 10_000, &ranges))
	_, _, err := tl.check()
	require.Error(t, err)
	parts, err := filepath.Glob(filepath.Join(tl.opts.Folder, "targets", "*.part"))
	require.NoError(t, err)
	require.Len(t, parts, 1)
	require.NoError(t, os.WriteFile(parts[0], make([]byte, 10_000), 0o600))
	o.answers(nil)
	_, _, err = tl.check()
	require.ErrorIs(t, err, update.ErrForged)
	tl.takes("1.3.0")

	whole := strings.TrimSuffix(parts[0], ".part")
	require.NoError(t, os.WriteFile(whole, []byte("cut short by a power cut"), 0o600))
	tl.takes("1.3.0")
}

func TestALongerProgramThanSignedIsNotTaken(t *testing.T) {
	o := newOffice(t)
	o.answers(func(w http.ResponseWriter, r *http.Request, name string) bool {
		if !strings.HasSuffix(name, update.AgentProgram) {
			return false
		}
		return endless(update.AgentProgram)(w, r, name)
	})
	tl := o.till()
	_, _, err := tl.check()
	require.ErrorIs(t, err, update.ErrForged)
	left, err := filepath.Glob(filepath.Join(tl.opts.Folder, "targets", "*"+update.AgentProgram+"*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestAFullDiskIsSaidBeforeTheDownload(t *testing.T) {
	o := newOffice(t)
	tl := o.tillWith(func(p *update.Options) { p.Free = func(string) (uint64, error) { return 10 << 20, nil } })
	_, _, err := tl.check()
	require.ErrorIs(t, err, update.ErrSpace)
	for _, name := range o.asked {
		require.False(t, strings.HasSuffix(name, update.AgentProgram), "nothing was begun")
	}
	tl.opts.Free = func(string) (uint64, error) { return 0, errors.New("no such disk") }
	tl.restart()
	_, _, err = tl.check()
	require.ErrorContains(t, err, "no such disk")
}

func TestADownloadLeavesTheLineToTheTill(t *testing.T) {
	o := newOffice(t)
	tl := o.tillWith(func(p *update.Options) { p.BytesPerSecond = 400_000 })
	began := time.Now()
	tl.takes("1.3.0")
	require.Greater(t, time.Since(began), 450*time.Millisecond, "200 KB at 400 KB/s")

	ctx, cancel := context.WithCancel(context.Background())
	tl = o.tillWith(func(p *update.Options) { p.BytesPerSecond = 1 })
	o.answers(func(_ http.ResponseWriter, _ *http.Request, name string) bool {
		if strings.HasSuffix(name, update.AgentProgram) {
			time.AfterFunc(50*time.Millisecond, cancel)
		}
		return false
	})
	_, _, err := tl.client.Check(ctx)
	require.ErrorIs(t, err, context.Canceled, "the till stops at once")
}

func TestATillThatWasEnrolledAnewForgetsTheOtherOrganisation(t *testing.T) {
	o := newOffice(t)
	tl := o.till()
	tl.takes("1.3.0")
	other := newOffice(t)
	moved := other.tillWith(func(p *update.Options) { p.Folder = tl.opts.Folder })
	moved.takes("1.3.0")
}

func TestUnwantedIsGone(t *testing.T) {
	o := newOffice(t)
	tl := o.till()
	tl.takes("1.3.0")
	require.NoError(t, tl.client.Unwant())
	require.NoError(t, tl.client.Unwant())
	_, _, err := tl.verify()
	require.ErrorIs(t, err, update.ErrStay)
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/kopilka/kopilka/installer"
	"github.com/kopilka/kopilka/installer/slots"
	"github.com/kopilka/kopilka/sync/update"
)

// adopt is run by packages after they have put their program. The service is theirs to restart.
func (b box) adopt(ctx context.Context, brought string, force bool, out io.Writer) error {
	if brought == "" {
		p, err := b.updater.about(ctx, b.layout.Program(slots.Packaged))
		if err != nil {
			return fmt.Errorf("ask the packaged program for its version (or give -version): %w", err)
		}
		brought = p.Version
	}
	if err := os.MkdirAll(b.layout.State, 0o755); err != nil { //nolint:gosec // status.json is for everybody
		return rights(fmt.Errorf("make the updater's folder: %w", err))
	}
	took, err := b.slots.Adopt(ctx, brought, func(current string) bool { return force || update.Newer(brought, current) })
	if err != nil {
		return rights(err)
	}
	_, slot, err := b.slots.View()
	if err != nil {
		return err
	}
	if err := b.slots.Publish("", reasonAdopted(brought)); err != nil {
		return err
	}
	if !took {
		return say(out, "kopilka: %s stays current / текущей остаётся %s\n", slot, slot)
	}
	return say(out, "kopilka: the package's version %s is current / текущая версия из пакета: %s\n", brought, brought)
}

// apply is what the service does. Another that is at work already does the same.
func (b box) apply(ctx context.Context) error {
	unlock, taken, err := b.layout.Lock(atOnce(ctx), slots.RunLock)
	if err != nil || !taken {
		return rights(err)
	}
	defer unlock()
	return b.updater.apply(ctx)
}

// atOnce does not wait for a lock.
func atOnce(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

func (b box) status(asJSON bool, lang string, out io.Writer) error {
	st, err := slots.ReadStatus(b.layout)
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("the updater has not run yet / обновлений ещё не было")
	}
	if err != nil {
		return err
	}
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(st)
	}
	words := func(t slots.Text) string {
		if lang == "en" {
			return t.EN
		}
		return t.RU
	}
	if err := say(out, "%s  %s  %s\n", st.Version, st.At.Local().Format("2006-01-02 15:04:05"), words(st.Says.Text)); err != nil {
		return err
	}
	for _, v := range slices.Sorted(maps.Keys(st.Verdicts)) {
		if err := say(out, "%s: %s\n", v, words(st.Verdicts[v].Why.Text)); err != nil {
			return err
		}
	}
	return nil
}

// rollback is a person's word. Where an updater is at work, that one does it.
func (b box) rollback(ctx context.Context, out io.Writer) error {
	err := b.slots.Leave(ctx, reasonPerson)
	if errors.Is(err, slots.ErrOver) {
		return errors.New("there is no version to go back to / возвращаться не к чему")
	}
	if err != nil {
		return rights(err)
	}
	unlock, taken, err := b.layout.Lock(atOnce(ctx), slots.RunLock)
	if err != nil {
		return err
	}
	if !taken {
		return say(out, "the updater that is at work goes back / работающая служба обновлений вернёт прежнюю версию\n")
	}
	defer unlock()
	if err := say(out, "going back once nobody is at the till / возврат, как только у кассы никого не будет\n"); err != nil {
		return err
	}
	if err := b.updater.resume(ctx); err != nil {
		return err
	}
	return b.status(false, "ru", out)
}

func (b box) retry(ctx context.Context, version string, out io.Writer) error {
	if err := b.slots.Retry(ctx, version); err != nil {
		return rights(err)
	}
	return say(out, "it is tried again within minutes / попытка повторится в ближайшие минуты\n")
}

// rights says what to do where somebody is not an administrator.
func rights(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: %w", installer.ErrRights, err)
	}
	return err
}

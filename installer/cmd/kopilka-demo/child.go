package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// errLocked says that another demo holds a lock.
var errLocked = errors.New("a demo runs in this folder already / демо в этой папке уже запущено")

// child is one program of the shop.
type child struct {
	name  string
	log   string // its file
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process is gone
	err   error         // how it went; read it after ended
}

func (d *demo) program(name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(d.bin, name)
}

// start runs a program and waits until its page answers.
func (d *demo) start(ctx context.Context, program, name, page string, args ...string) error {
	c := &child{name: name, log: d.at("logs", name+".log"), ended: make(chan struct{})}
	// One older log is kept: it tells how the last run ended. There is none the first time.
	_ = os.Rename(c.log, c.log+".old")
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, filePerm)
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", name, err)
	}
	c.cmd = exec.Command(d.program(program), args...) //nolint:gosec,noctx // our own programs; they are asked to end before they are killed
	c.cmd.Stdout, c.cmd.Stderr, c.cmd.SysProcAttr = log, log, childAttributes()
	if err := errors.Join(c.cmd.Start(), log.Close()); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	d.children = append(d.children, c)
	go func() {
		c.err = c.cmd.Wait()
		close(c.ended)
		d.died <- c
	}()
	if err := d.await(ctx, name, page, nil); err != nil {
		return err
	}
	select {
	case <-c.ended: // somebody else's page answered
		return c.death()
	default:
		return nil
	}
}

// pollEvery is how often a page that does not answer yet is asked again; nothing tells us when it does.
const pollEvery = 50 * time.Millisecond

// answerMax bounds what of an answer is looked at.
const answerMax = 1 << 20

// await waits until a page answers with what is wanted, or a program dies, or the time is up.
func (d *demo) await(ctx context.Context, what, page string, wanted func(body []byte) bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyWait, fmt.Errorf("%s is not ready after %s, see %s", what, readyWait, d.at("logs")))
	defer cancel()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		if body, err := get(ctx, page); err == nil && (wanted == nil || wanted(body)) {
			return nil
		}
		select {
		case <-ticker.C:
		case c := <-d.died:
			return c.death()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func get(ctx context.Context, page string) (body []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get %s: %s", page, answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, answerMax))
}

// once runs a command that ends by itself and gives what it said.
func (d *demo) once(ctx context.Context, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, onceWait)
	defer cancel()
	var said, complained bytes.Buffer
	cmd := exec.CommandContext(ctx, d.program(program), args...)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = &said, &complained, childAttributes()
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", program, args[0], err, complained.String())
	}
	return said.String(), nil
}

// death says which program died and what it said last.
func (c *child) death() error {
	how := "it ended by itself"
	if c.err != nil {
		how = c.err.Error()
	}
	return fmt.Errorf("%s ended / программа %s остановилась: %s\n%s\n(%s)", c.name, c.name, how, c.lastLines(), c.log)
}

// lastLines is the end of the log, as much as fits a screen.
func (c *child) lastLines() string {
	const linesMax = 12
	raw, err := os.ReadFile(c.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-linesMax):], "\n  ")
}

// end asks the programs to end in the reverse order of their start, each when the one before is gone:
// a till still hands over its last records while head office listens.
func (d *demo) end() error {
	var errs []error
	for i := len(d.children) - 1; i >= 0; i-- {
		errs = append(errs, d.children[i].end())
	}
	d.children = nil
	return errors.Join(errs...)
}

func (c *child) end() error {
	select {
	case <-c.ended: // told of as a death already
		return nil
	default:
	}
	if err := terminate(c.cmd.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return errors.Join(fmt.Errorf("ask %s to end: %w", c.name, err), c.kill())
	}
	timer := time.NewTimer(endWait)
	defer timer.Stop()
	select {
	case <-c.ended:
	case <-timer.C:
		return errors.Join(fmt.Errorf("%s did not end within %s and was killed", c.name, endWait), c.kill())
	}
	if c.err != nil && stopsByAsking {
		return fmt.Errorf("%s did not end well: %w\n%s", c.name, c.err, c.lastLines())
	}
	return nil
}

func (c *child) kill() error {
	err := c.cmd.Process.Kill()
	<-c.ended
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

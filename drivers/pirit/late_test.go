package pirit_test

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	emulator "github.com/kopilka/kopilka/drivers/emulator/pirit"
	"github.com/kopilka/kopilka/drivers/pirit"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

// scripted is a device that answers by a function, ENQ by itself.
func scripted(t *testing.T, answer func(ask frame.Request) []frame.Answer) port.Dial {
	return func(context.Context) (port.Conn, error) {
		near, far := net.Pipe()
		go func() {
			var dec frame.Decoder
			buf := make([]byte, 1024)
			for {
				n, err := far.Read(buf)
				if err != nil {
					return
				}
				for _, b := range buf[:n] {
					e, ok := dec.Next(b)
					if !ok {
						continue
					}
					reply := []byte{frame.ACK}
					if ask, err := frame.ParseRequest(e.Body); err == nil {
						reply = nil
						for _, a := range answer(ask) {
							packed, err := a.Encode()
							if err != nil {
								t.Error(err)
							}
							reply = append(reply, packed...)
						}
					}
					if _, err := far.Write(reply); err != nil {
						return
					}
				}
			}
		}()
		return near, nil
	}
}

func texts(fields ...string) (out [][]byte) {
	for _, f := range fields {
		out = append(out, []byte(f))
	}
	return out
}

// TestAnswersToOthersAreDropped: an answer counts by id and command, whatever it says.
func TestAnswersToOthersAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := func(id byte) byte { return frame.IDMin + (id-frame.IDMin+1)%(frame.IDMax-frame.IDMin) }
		p, err := pirit.New("front", scripted(t, func(ask frame.Request) []frame.Answer {
			if ask.Cmd == frame.CmdFlags {
				return []frame.Answer{{ID: ask.ID, Cmd: ask.Cmd, Fields: texts("0", "4", "0")}}
			}
			return []frame.Answer{
				{ID: other(ask.ID), Cmd: ask.Cmd, Fields: texts("7", "999.00")},
				{ID: ask.ID, Cmd: frame.CmdClose, Fields: texts("7", "998.00")},
				{ID: ask.ID, Cmd: ask.Cmd, Fields: texts("7", "1.00")},
			}
		}), nil)
		require.NoError(t, err)
		got, err := p.(drivers.CashMover).CashInDrawer(t.Context())
		require.NoError(t, err)
		require.Equal(t, sale.Rouble, got)
		require.NoError(t, p.Close())
	})
}

// TestNoiseOnTheLine: a device that says that it could not read a frame has not looked at it, so it is sent again,
// and by another name.
func TestNoiseOnTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ids []byte
		p, err := pirit.New("front", scripted(t, func(ask frame.Request) []frame.Answer {
			a := frame.Answer{ID: ask.ID, Cmd: ask.Cmd, Fields: texts("0", "4", "0")}
			if ask.Cmd == frame.CmdDrawer {
				a.Fields = nil
				if ids = append(ids, ask.ID); len(ids) < 3 {
					a.Code = 0x07
				}
			}
			return []frame.Answer{a}
		}), nil)
		require.NoError(t, err)
		require.NoError(t, p.(drivers.Drawer).OpenDrawer(t.Context()))
		require.Len(t, ids, 3)
		require.NotEqual(t, ids[0], ids[1])
		require.NoError(t, p.Close())
	})
}

// post is a line on which the frame of a command stays under way: it arrives when somebody lets it.
type post struct {
	net.Conn
	mu   sync.Mutex
	hold []byte // what to look for
	held []byte
	dead bool
}

func (c *post) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hold != nil && bytes.Contains(p, c.hold) {
		c.held, c.dead = bytes.Clone(p), true
	}
	if c.dead {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// Close leaves the far end open, as a serial server does whose host has gone.
func (c *post) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held != nil {
		return nil
	}
	return c.Conn.Close()
}

func (c *post) deliver() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.Conn.SetWriteDeadline(time.Time{}); err != nil {
		return err
	}
	_, err := c.Conn.Write(c.held)
	return err
}

// TestACloseThatArrivesLate: the line is dead and a new one shows nothing signed, yet the closing command is still
// under way. To say that it was not done would print the receipt twice.
func TestACloseThatArrivesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		reg, err := emulator.New(emulator.Options{})
		require.NoError(t, err)
		var served sync.WaitGroup
		var first *post
		p, err := pirit.New("front", func(context.Context) (port.Conn, error) {
			near, far := net.Pipe()
			served.Go(func() { _ = reg.Serve(ctx, far) }) // ends with the bubble
			if first == nil {
				first = &post{Conn: near}
				return first, nil
			}
			return near, nil
		}, nil)
		require.NoError(t, err)
		_, err = p.OpenShift(ctx, clerk)
		require.NoError(t, err)
		first.mu.Lock()
		first.hold = []byte("31" + "0" + "\x1c" + "a@b.ru")
		first.mu.Unlock()
		r := small()
		r.Footer = nil
		_, err = p.Print(ctx, r)
		require.Error(t, err)
		require.False(t, drivers.NotDone(err), "%v", err)
		n := len(reg.Documents())
		require.NoError(t, first.deliver())
		synctest.Wait()
		require.Len(t, reg.Documents(), n+1, "and now it has been done")
		require.NoError(t, p.Close())
		cancel()
		served.Wait()
		require.NoError(t, reg.Close())
	})
}

package port

import (
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// unplugged is what a pulled USB adapter looks like on Linux: end of file, at once, for ever.
type unplugged struct{ reads int }

func (u *unplugged) Read([]byte) (int, error)    { u.reads++; return 0, io.EOF }
func (u *unplugged) Write(p []byte) (int, error) { return len(p), nil }
func (u *unplugged) Close() error                { return nil }

func TestUnpluggedAdapterIsNotSilence(t *testing.T) {
	u := &unplugged{}
	c := &serialConn{port: u, lock: u, node: os.DevNull}
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, ErrGone)
	require.Equal(t, idleFastMax, u.reads, "not a core burnt on it")
}

func TestVanishedNodeIsNotedAtOnce(t *testing.T) {
	u := &unplugged{}
	c := &serialConn{port: u, lock: u, node: t.TempDir() + "/gone"}
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, ErrGone)
	require.LessOrEqual(t, u.reads, idleFastMax)
}

// silent waits out its timeout, then says what its system says.
type silent struct {
	unplugged
	err error
}

func (s *silent) Read([]byte) (int, error) { <-time.After(readTimeout); return 0, s.err }

func TestSilenceIsNotUnplugging(t *testing.T) {
	for _, err := range []error{nil, io.EOF} {
		synctest.Test(t, func(t *testing.T) {
			s := &silent{err: err}
			c := &serialConn{port: s, lock: s, node: os.DevNull}
			require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Hour)))
			_, err := c.Read(make([]byte, 1))
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		})
	}
}

//go:build linux

package main

import (
	"bufio"
	"net"
	"os/exec"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Another program has the register's only connection; ours is none of others.
func TestConnectionOfAnotherProgramIsSeen(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	m := register(t, 4711)
	var served sync.WaitGroup
	served.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() { _ = m.Serve(t.Context(), c) }) // ends with the link
		}
	})
	t.Cleanup(served.Wait)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	address := "tcp://" + l.Addr().String()

	own, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	names, known := connectionHolders(address)
	require.True(t, known)
	require.Empty(t, names, "our own connection")
	require.NoError(t, own.Close())

	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	other := exec.Command("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/"+port+"; echo up; read")
	in, err := other.StdinPipe()
	require.NoError(t, err)
	out, err := other.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, other.Start())
	_, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	names, _ = connectionHolders(address)
	require.Len(t, names, 1)
	require.Regexp(t, `^bash, \d+$`, names[0])
	require.Equal(t, names, whoHolds(address))
	require.NoError(t, in.Close())
	_ = other.Wait() // read ends with the input, as a failure
	require.Empty(t, whoHolds(address))
}

package drivertest

import (
	"errors"
	"io"
	"net"
)

// Cut is the host's end of a link that fails after a count of bytes in one direction.
type Cut struct {
	net.Conn
	Out    bool // the direction that is counted
	Left   int  // bytes until it fails; negative: it never does
	Silent bool // fails by swallowing every byte both ways; else by closing
	Failed bool
	Passed [2]int // bytes to the device, to the host
}

// Write passes bytes on until the cut.
func (c *Cut) Write(p []byte) (int, error) {
	if c.Failed {
		return len(p), nil
	}
	n := len(p)
	if c.Out && c.Left >= 0 && c.Left < n {
		n = c.Left
	}
	sent, err := c.Conn.Write(p[:n])
	c.Passed[0] += sent
	c.spend(true, sent)
	if err == nil && n < len(p) {
		return c.fail(len(p))
	}
	return sent, err
}

// Read gives what comes until the cut.
func (c *Cut) Read(p []byte) (int, error) {
	if !c.Out && c.Left >= 0 && c.Left < len(p) {
		p = p[:c.Left]
	}
	if !c.Failed && len(p) == 0 {
		if _, err := c.fail(0); err != nil {
			return 0, err
		}
	}
	if c.Failed {
		return c.swallow()
	}
	n, err := c.Conn.Read(p)
	c.Passed[1] += n
	c.spend(false, n)
	return n, err
}

func (c *Cut) spend(out bool, n int) {
	if c.Out == out && c.Left >= 0 {
		c.Left -= n
	}
}

func (c *Cut) fail(done int) (int, error) {
	c.Failed = true
	if c.Silent {
		return done, nil
	}
	return 0, errors.Join(io.ErrUnexpectedEOF, c.Conn.Close())
}

// swallow reads and drops until the deadline.
func (c *Cut) swallow() (int, error) {
	var trash [64]byte
	for {
		if _, err := c.Conn.Read(trash[:]); err != nil {
			return 0, err
		}
	}
}

package main

import (
	"net"
	"sync/atomic"
)

// cable is the way from a till to its register, whatever is spoken on it. Pulled, bytes vanish both ways and
// nobody is told: the worst case for a till.
type cable struct{ out atomic.Bool }

// plug puts a connection on the cable.
func (c *cable) plug(conn net.Conn) net.Conn { return &plugged{Conn: conn, cable: c} }

type plugged struct {
	net.Conn
	cable *cable
}

func (p *plugged) Read(b []byte) (int, error) {
	for {
		n, err := p.Conn.Read(b)
		if err != nil || !p.cable.out.Load() {
			return n, err
		}
	}
}

func (p *plugged) Write(b []byte) (int, error) {
	if p.cable.out.Load() {
		return len(b), nil
	}
	return p.Conn.Write(b)
}

package agent

import (
	"errors"
	"net"
	"sync"
)

// knife counts the bytes of a job over all its links and strikes behind one of them.
type knife struct {
	c *cutter

	mu     sync.Mutex
	out    bool // the direction that is counted: to the device
	left   int  // bytes until it strikes; negative when not armed
	struck bool
	how    breakage
	last   *cutLink // the newest link
	lame   bool     // it was struck
}

// link puts the knife to a new link.
func (k *knife) link(conn net.Conn) *cutLink {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.last, k.lame = &cutLink{Conn: conn, k: k}, false
	return k.last
}

// limps tells whether the till still has to find out that its link is no good.
func (k *knife) limps() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.lame
}

func (k *knife) arm(how breakage, out bool, n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.how, k.out, k.left, k.struck = how, out, n, false
}

func (k *knife) sheathe() (struck bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.left = -1
	return k.struck
}

// hit tells whether it has struck since it was armed.
func (k *knife) hit() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.struck
}

// room is how many bytes may pass before the knife strikes; all where it does not.
func (k *knife) room(out bool, n int) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.left < 0 || k.out != out {
		return n
	}
	return min(n, k.left)
}

// passed counts bytes that went through and tells whether it strikes now.
func (k *knife) passed(out bool, n int) (now bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.left < 0 || k.out != out {
		return false
	}
	if k.left -= n; k.left > 0 {
		return false
	}
	k.left, k.struck = -1, true
	return true
}

// cutLink is the host's end of one link.
type cutLink struct {
	net.Conn
	k      *knife
	silent bool
}

var errCut = errors.New("the cable was cut")

func (l *cutLink) Write(p []byte) (int, error) {
	if l.silent {
		return len(p), nil
	}
	room := l.k.room(true, len(p))
	sent := 0
	if room > 0 {
		var err error
		if sent, err = l.Conn.Write(p[:room]); err != nil {
			return sent, err
		}
	}
	if !l.k.passed(true, sent) {
		return sent, nil
	}
	if err := l.strike(); err != nil {
		return sent, err
	}
	return l.rest(p, sent)
}

// rest is what follows a cut that left this link as it is, or silent.
func (l *cutLink) rest(p []byte, sent int) (int, error) {
	if sent == len(p) {
		return sent, nil
	}
	n, err := l.Write(p[sent:])
	return sent + n, err
}

func (l *cutLink) Read(p []byte) (int, error) {
	if l.silent {
		return l.swallow()
	}
	room := l.k.room(false, len(p))
	if room == 0 && len(p) > 0 {
		l.k.passed(false, 0)
		if err := l.strike(); err != nil {
			return 0, err
		}
		return l.Read(p)
	}
	n, err := l.Conn.Read(p[:room])
	if n > 0 && l.k.passed(false, n) {
		// What was read has arrived; the cut is felt by what comes next.
		_ = l.strike()
	}
	return n, err
}

// swallow drops what comes until the deadline.
func (l *cutLink) swallow() (int, error) {
	var trash [256]byte
	for {
		if _, err := l.Conn.Read(trash[:]); err != nil {
			return 0, err
		}
	}
}

// strike lets the thing happen; the error is what a write on this link then meets.
func (l *cutLink) strike() error {
	l.k.mu.Lock()
	l.k.lame = l.k.lame || l.k.last == l
	l.k.mu.Unlock()
	switch l.k.how {
	case lineSilent:
		l.silent = true
		return nil
	case deviceDark:
		l.k.c.dark()
		return errors.Join(errCut, l.Conn.Close())
	case daemonDies:
		l.k.c.die()
		return errors.Join(errCut, l.Conn.Close())
	}
	return errors.Join(errCut, l.Conn.Close())
}

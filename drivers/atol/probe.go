package atol

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/atol/task"
	"github.com/kopilka/kopilka/drivers/port"
)

const (
	// probeWait is all that a probe may take.
	probeWait = 2 * time.Second
	// rawPrinter is the port on which printers print whatever comes.
	rawPrinter = 9100
	// nobody is a request that was never posted.
	nobody = task.Path + "/00000000-0000-4000-8000-000000000000"
)

// ErrProbe is wrapped when no web server of ATOL is at the other end.
var ErrProbe = errors.New("no ATOL web server here")

// Probe finds out whether a web server of ATOL is at the other end, and which register it has. HTTP is text,
// and a printer would print it, so nothing is sent on a serial line or to a printer's raw port. First a request
// that nobody posted is asked for; only to what answers as a web server does are tasks posted, which only read
// and leave an open document alone.
func Probe(ctx context.Context, dial port.Dial) (drivers.Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, probeWait)
	defer cancel()
	created, err := New("probe", dial, nil)
	if err != nil {
		return drivers.Identity{}, err
	}
	p := created.(*Printer)
	id, err := p.probe(ctx)
	return id, errors.Join(err, p.Close())
}

func (p *Printer) probe(ctx context.Context) (drivers.Identity, error) {
	conn, err := p.dial(ctx)
	if err != nil {
		return drivers.Identity{}, fmt.Errorf("%w: %w", ErrProbe, err)
	}
	if !maySendText(conn) {
		return drivers.Identity{}, errors.Join(ErrProbe, conn.Close())
	}
	if err := conn.Close(); err != nil {
		return drivers.Identity{}, fmt.Errorf("%w: %w", ErrProbe, err)
	}
	a, err := p.exchange(ctx, http.MethodGet, nobody, nil)
	switch {
	case err != nil:
		return drivers.Identity{}, fmt.Errorf("%w: %w", ErrProbe, err)
	case a.code == http.StatusUnauthorized:
		return drivers.Identity{}, p.report("identify", refusedHTTP(a.code))
	case a.code != http.StatusNotFound && a.code != http.StatusOK && a.code != http.StatusInternalServerError:
		return drivers.Identity{}, fmt.Errorf("%w: it answers %d", ErrProbe, a.code)
	}
	return p.Identify(ctx)
}

// maySendText tells links on which text harms nobody: networks, but not a printer's raw port.
func maySendText(conn port.Conn) bool {
	c, ok := conn.(interface{ RemoteAddr() net.Addr })
	if !ok {
		return false
	}
	addr, tcp := c.RemoteAddr().(*net.TCPAddr)
	return !tcp || addr.Port != rawPrinter
}

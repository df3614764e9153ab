package emulator

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// dialMax is how long the far end may take to answer before a connection through the relay is dropped.
const dialMax = 10 * time.Second

// Relay is the cable to the internet of one till. Cut, it goes silent as a pulled cable does: nobody
// is told, bytes wait at the cut and go on when it is mended.
type Relay struct {
	ln     net.Listener
	target string
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu   sync.Mutex
	open chan struct{} // closed while bytes may pass
	cut  bool
}

// NewRelay listens on addr and passes connections on to target.
func NewRelay(addr, target string) (*Relay, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for the network relay: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &Relay{ln: ln, target: target, cancel: cancel, open: make(chan struct{})}
	close(r.open)
	r.wg.Go(func() { r.accept(ctx) })
	return r, nil
}

// Addr is where the till connects.
func (r *Relay) Addr() string { return r.ln.Addr().String() }

// Cut pulls the cable or plugs it in again.
func (r *Relay) Cut(cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if cut == r.cut {
		return
	}
	r.cut = cut
	if cut {
		r.open = make(chan struct{})
		return
	}
	close(r.open)
}

// IsCut tells whether the cable is pulled.
func (r *Relay) IsCut() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cut
}

// Close ends every connection and waits for them.
func (r *Relay) Close() error {
	r.cancel()
	err := r.ln.Close()
	r.wg.Wait()
	return err
}

func (r *Relay) accept(ctx context.Context) {
	for {
		near, err := r.ln.Accept()
		if err != nil {
			return
		}
		r.wg.Go(func() { r.join(ctx, near) })
	}
}

// pass waits until the cable is whole.
func (r *Relay) pass(ctx context.Context) bool {
	for {
		r.mu.Lock()
		open, cut := r.open, r.cut
		r.mu.Unlock()
		if !cut {
			return ctx.Err() == nil
		}
		select {
		case <-open:
		case <-ctx.Done():
			return false
		}
	}
}

func (r *Relay) join(ctx context.Context, near net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer near.Close()
	if !r.pass(ctx) {
		return
	}
	dialer := net.Dialer{Timeout: dialMax}
	far, err := dialer.DialContext(ctx, "tcp", r.target)
	if err != nil {
		return // the till sees its connection close, as it would without a relay
	}
	defer far.Close()
	var wg sync.WaitGroup
	wg.Go(func() { defer cancel(); r.copy(ctx, far, near) })
	wg.Go(func() { defer cancel(); r.copy(ctx, near, far) })
	<-ctx.Done()
	_, _ = near.Close(), far.Close() // to end the copies; their errors say it
	wg.Wait()
}

func (r *Relay) copy(ctx context.Context, to io.Writer, from io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if !r.pass(ctx) {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// Package linktest is a network in memory whose cables a test may pull: named hosts, links with latency
// and bandwidth, black holes, resets and refusals, all out of one seed.
//
// It is made for testing/synctest: it starts no goroutine and waits only on channels and timers, so a
// bubble's time runs on while a packet is under way. What will bite: a cut link behaves as TCP does over
// a pulled cable. Nothing fails; bytes wait, a sender fills its buffer and stops, and only deadlines and
// heartbeats notice. After Restore everything that waited arrives.
package linktest

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"time"
)

// Limits of the model.
const (
	backlogMax = 128      // connections that a listener has not accepted yet, as on Linux by default
	bufferMax  = 64 << 10 // bytes under way in one direction before a writer waits
)

// Link is how the way between two hosts behaves, the same in both directions.
type Link struct {
	Latency time.Duration // one way
	Jitter  time.Duration // added to Latency, uniform; order is kept
	Bytes   int           // per second; zero is without limit
	// ResetAfter ends every connection once so many bytes have gone through it both ways, counted exactly:
	// the last write arrives in part. Zero is never.
	ResetAfter int64
	// Refuse is the part of dials that fail, Reset the part of writes that end their connection.
	Refuse, Reset float64
}

// Network is hosts and the links between them. Its methods are safe for concurrent use.
type Network struct {
	seed uint64

	mu        sync.Mutex
	links     map[pair]*link
	listeners map[string]*listener
	port      int
	dials     int
	common    Link
}

type pair struct{ a, b string }

func pairOf(a, b string) pair {
	if a > b {
		a, b = b, a
	}
	return pair{a, b}
}

type link struct {
	Link
	cut   bool
	wake  chan struct{} // closed when cut or the parameters change
	conns map[*Conn]struct{}
	dials uint64
}

// New makes a network without limits or faults. Every connection draws its chances from the seed, the
// names of its hosts and its number between them, so that actors do not disturb each other's luck.
func New(seed uint64) *Network {
	return &Network{seed: seed, links: map[pair]*link{}, listeners: map[string]*listener{}, port: 40000}
}

// Host is a machine on the network.
type Host struct {
	net  *Network
	name string
}

// Host names a machine; the same name is the same machine.
func (n *Network) Host(name string) *Host { return &Host{n, name} }

// SetAll changes every link, also those not used yet.
func (n *Network) SetAll(l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.common = l
	for _, known := range n.links {
		known.Link = l
		known.signal()
	}
}

// Set changes the link between two hosts; connections that stand feel it from their next write.
func (n *Network) Set(a, b string, l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	k := n.link(a, b)
	k.Link = l
	k.signal()
}

// Cut pulls the cable between two hosts: nothing fails, nothing arrives.
func (n *Network) Cut(a, b string) { n.setCut(a, b, true) }

// Restore plugs it in again: what waited arrives.
func (n *Network) Restore(a, b string) { n.setCut(a, b, false) }

func (n *Network) setCut(a, b string, cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	k := n.link(a, b)
	k.cut = cut
	k.signal()
}

// Reset ends every connection between two hosts, as a router that forgot them does.
func (n *Network) Reset(a, b string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.link(a, b).conns {
		c.reset()
	}
}

// Dials counts the dials that any host has tried.
func (n *Network) Dials() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dials
}

// Conns counts the connections that stand between two hosts.
func (n *Network) Conns(a, b string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.link(a, b).conns)
}

func (n *Network) link(a, b string) *link {
	p := pairOf(a, b)
	k := n.links[p]
	if k == nil {
		k = &link{Link: n.common, wake: make(chan struct{}), conns: map[*Conn]struct{}{}}
		n.links[p] = k
	}
	return k
}

// signal wakes whoever waits for the link.
func (k *link) signal() {
	close(k.wake)
	k.wake = make(chan struct{})
	for c := range k.conns {
		c.in.signal()
	}
}

// Listen opens a port of the host: "80" or ":80"; port 0 takes a free one.
func (h *Host) Listen(port string) (net.Listener, error) {
	n := h.net
	n.mu.Lock()
	defer n.mu.Unlock()
	_, p, err := net.SplitHostPort(port)
	if err != nil {
		p = port
	}
	if p == "0" {
		n.port++
		p = fmt.Sprint(n.port)
	}
	a := addr(net.JoinHostPort(h.name, p))
	if n.listeners[string(a)] != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: a, Err: syscall.EADDRINUSE}
	}
	l := &listener{net: n, addr: a, queue: make(chan *Conn, backlogMax), done: make(chan struct{})}
	n.listeners[string(a)] = l
	return l, nil
}

// Dial connects to "host:port"; it fits http.Transport.DialContext. A cut link makes it wait for as long
// as ctx allows.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := h.dial(ctx, address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: addr(address), Err: err}
	}
	return c, nil
}

func (h *Host) dial(ctx context.Context, address string) (*Conn, error) {
	there, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	rng, latency, refuse := h.luck(there)
	if err := h.net.await(ctx, h.name, there); err != nil {
		return nil, err
	}
	if err := sleep(ctx, 2*latency); err != nil {
		return nil, err
	}
	if rng.Float64() < refuse {
		return nil, syscall.ECONNREFUSED
	}
	return h.net.connect(h.name, there, address, rng)
}

// luck gives a dial its own randomness, and the link as it is now.
func (h *Host) luck(there string) (*rand.Rand, time.Duration, float64) {
	n := h.net
	n.mu.Lock()
	defer n.mu.Unlock()
	k := n.link(h.name, there)
	k.dials++
	n.dials++
	name := fnv.New64a()
	_, _ = name.Write(fmt.Appendf(nil, "%s>%s#%d", h.name, there, k.dials)) // a hash never fails
	return rand.New(rand.NewPCG(n.seed, name.Sum64())), k.Latency, k.Refuse
}

// await waits while the link is cut.
func (n *Network) await(ctx context.Context, a, b string) error {
	for {
		n.mu.Lock()
		k := n.link(a, b)
		cut, wake := k.cut, k.wake
		n.mu.Unlock()
		if !cut {
			return ctx.Err()
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (n *Network) connect(here, there, address string, rng *rand.Rand) (*Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.listeners[address]
	if l == nil {
		return nil, syscall.ECONNREFUSED
	}
	n.port++
	k := n.link(here, there)
	local := addr(net.JoinHostPort(here, fmt.Sprint(n.port)))
	near, far := newPair(n, k, local, l.addr, rng)
	select {
	case l.queue <- far:
	default:
		return nil, syscall.ECONNREFUSED
	}
	k.conns[near], k.conns[far] = struct{}{}, struct{}{}
	return near, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type addr string

func (addr) Network() string  { return "tcp" }
func (a addr) String() string { return string(a) }

type listener struct {
	net   *Network
	addr  addr
	queue chan *Conn
	done  chan struct{}
	once  sync.Once
}

// Accept waits for the next connection.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case <-l.done:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.addr, Err: net.ErrClosed}
	default:
	}
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.done:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.addr, Err: net.ErrClosed}
	}
}

// Close frees the port; connections that nobody accepted are reset.
func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.done)
		l.net.mu.Lock()
		defer l.net.mu.Unlock()
		delete(l.net.listeners, string(l.addr))
		for {
			select {
			case c := <-l.queue:
				c.reset()
			default:
				return
			}
		}
	})
	return nil
}

// Addr is "host:port".
func (l *listener) Addr() net.Addr { return l.addr }

// errReset is what both ends see of a connection that was reset.
var errReset = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}

package uplink_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/linktest"
	"github.com/kopilka/kopilka/sync/wire"
)

const (
	org  = sale.OrgNo(1)
	till = sale.TillNo(7)
)

// keys are an organisation's: the root and what it certifies.
type keys struct {
	root, online, programme, manifest, till          ed25519.PrivateKey
	onlineCert, programmeCert, manifestCert, ownCert []byte
}

func newKey(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func newKeys(t testing.TB, seed byte) *keys {
	k := &keys{root: newKey(seed), online: newKey(seed + 1), programme: newKey(seed + 2), manifest: newKey(seed + 3), till: newKey(seed + 4)}
	cert := func(key ed25519.PrivateKey, role wire.Role, no sale.TillNo) []byte {
		c, err := wire.SignCert(k.root, wire.Cert{Org: org, Role: role, Key: key.Public().(ed25519.PublicKey), Till: no})
		require.NoError(t, err)
		return c
	}
	k.onlineCert, k.programmeCert = cert(k.online, wire.RoleOnline, 0), cert(k.programme, wire.RoleProgramme, 0)
	k.manifestCert, k.ownCert = cert(k.manifest, wire.RoleManifest, 0), cert(k.till, wire.RoleTill, till)
	return k
}

// office is a small head office that keeps to the letter of wire: it takes a batch only if it follows
// what it holds, acknowledges after storing, and says bye to everything else.
type office struct {
	t    testing.TB
	keys *keys

	mu           sync.Mutex
	journal      map[uint32][]sale.Entry // by epoch, in order
	heads        map[uint32]sale.Hash
	newest       uint32
	forked       map[sale.Hash]bool // fork records, by hash
	forkEnd      map[uint32]sale.Position
	known        map[sale.ID]int // how often each record was stored
	feed         []sale.Change
	refill       bool // tills without a snapshot are told to fetch it
	refillAlways bool
	generation   uint32
	window       int
	revoked      bool
	busy         int // how many connections are sent away first
	manifest     []byte
	chunks       map[sale.Hash][]byte
	served       map[string]int // requests by path
	ranges       int            // chunk requests that asked for a part
	cutChunk     int            // bytes after which a chunk's answer is cut, once; zero: not
	hellos       []wire.Hello
	downAcks     []uint64
	asks         [][]sale.CustomerNo
	statuses     []wire.Status
	batches      int
	liar         func(w *wire.Welcome) // changes a welcome after it is signed
	liarAck      func(a *wire.Ack)
	event        func(what string) bool
	extra        []any // sent after every welcome
	answers      map[sale.FiscalKey]func(*wire.Find) *wire.Found
	finds        int
	versionMax   uint16 // zero: this program's

	feedMoved chan struct{}
	sessions  sync.WaitGroup
	quit      chan struct{}
	server    *http.Server
	served1   chan error
}

func newOffice(t testing.TB, n *linktest.Network) *office {
	o := &office{
		t: t, keys: newKeys(t, 1), journal: map[uint32][]sale.Entry{}, heads: map[uint32]sale.Hash{}, forked: map[sale.Hash]bool{},
		forkEnd: map[uint32]sale.Position{}, known: map[sale.ID]int{}, generation: 1, window: wire.WindowDefault,
		chunks: map[sale.Hash][]byte{}, served: map[string]int{}, feedMoved: make(chan struct{}), quit: make(chan struct{}),
		served1: make(chan error, 1), event: func(string) bool { return false },
	}
	l, err := n.Host("office").Listen("80")
	require.NoError(t, err)
	o.server = &http.Server{Handler: o}
	go func() { o.served1 <- o.server.Serve(l) }()
	return o
}

func (o *office) close() {
	close(o.quit)
	require.NoError(o.t, o.server.Close())
	require.ErrorIs(o.t, <-o.served1, http.ErrServerClosed)
	o.sessions.Wait()
}

func (o *office) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	o.mu.Lock()
	o.served[q.URL.Path]++
	busy := o.busy > 0
	if busy {
		o.busy--
	}
	o.mu.Unlock()
	if busy {
		w.Header().Set("Retry-After", "120")
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	}
	if q.URL.Path == wire.PathSocket {
		conn, err := new(websocket.Upgrader).Upgrade(w, q, nil)
		if err != nil {
			return // the till has hung up
		}
		o.sessions.Go(func() { o.talk(conn) })
		return
	}
	o.serveSnapshot(w, q)
}

func (o *office) serveSnapshot(w http.ResponseWriter, q *http.Request) {
	r, err := wire.ParseRequest(q.Header.Get(wire.RequestHeader))
	if err == nil {
		err = r.Verify(o.keys.till.Public().(ed25519.PublicKey), q.URL.Path, sale.At(time.Now()))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	if q.URL.Path == wire.PathManifest {
		o.mu.Lock()
		defer o.mu.Unlock()
		_, _ = w.Write(o.manifest) // the till may hang up
		return
	}
	hash, err := hex.DecodeString(strings.TrimPrefix(q.URL.Path, wire.PathChunk))
	if err != nil || len(hash) != sha256.Size {
		http.Error(w, "no such chunk", http.StatusNotFound)
		return
	}
	o.mu.Lock()
	body, cut := o.chunks[sale.Hash(hash)], o.cutChunk
	o.cutChunk = 0
	if q.Header.Get("Range") != "" {
		o.ranges++
	}
	o.mu.Unlock()
	if cut > 0 {
		w.Header().Set("Content-Length", "1000000")
		_, _ = w.Write(body[:cut])
		panic(http.ErrAbortHandler)
	}
	http.ServeContent(w, q, "", time.Time{}, bytes.NewReader(body))
}

var errHangUp = errors.New("hang up")

func (o *office) talk(conn *websocket.Conn) {
	in, done := make(chan any), make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(in)
		for {
			_, frame, err := conn.ReadMessage()
			if err != nil {
				return
			}
			m, err := wire.Unmarshal(frame)
			if err != nil {
				o.t.Errorf("the till sent: %v", err)
				return
			}
			select {
			case in <- m:
			case <-done:
				return
			}
		}
	})
	err := o.converse(conn, in)
	var bye *wire.Bye
	if errors.As(err, &bye) {
		_ = o.say(conn, bye) // the till may hang up
	}
	close(done)
	_ = conn.Close() // the till may have
	reader.Wait()
}

func (o *office) say(conn *websocket.Conn, m any) error {
	frame, err := wire.Marshal(m)
	if err != nil {
		o.t.Errorf("head office: %v", err)
		return err
	}
	return conn.WriteMessage(websocket.BinaryMessage, frame)
}

func (o *office) converse(conn *websocket.Conn, in <-chan any) error {
	nonce := bytes.Repeat([]byte{9}, wire.NonceBytes)
	if err := o.say(conn, &wire.Challenge{Nonce: nonce, VersionMin: wire.VersionMin, VersionMax: o.speaks()}); err != nil {
		return err
	}
	h, ok := (<-in).(*wire.Hello)
	if !ok {
		return errHangUp
	}
	if !ed25519.Verify(o.keys.till.Public().(ed25519.PublicKey), wire.HelloBytes(nonce, h), h.Signature) {
		return &wire.Bye{Code: wire.ByeSignature}
	}
	if o.hit("hello") {
		return errHangUp
	}
	if err := o.say(conn, o.welcome(h)); err != nil {
		return err
	}
	for _, m := range o.extra {
		if err := o.say(conn, m); err != nil {
			return err
		}
	}
	o.mu.Lock()
	refill := o.refillAlways || (o.refill && h.Snapshot == 0)
	o.mu.Unlock()
	if refill {
		if err := o.say(conn, &wire.Down{Refill: true}); err != nil {
			return err
		}
	}
	return o.serve(conn, in, h, refill)
}

func (o *office) speaks() uint16 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.versionMax != 0 {
		return o.versionMax
	}
	return wire.VersionMax
}

// answer is what this head office says to a question; nil is silence.
func (o *office) answer(q *wire.Find) *wire.Found {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.finds++
	if f := o.answers[q.Doc]; f != nil {
		return f(q)
	}
	return wire.NewFound(q.Ref, nil, nil)
}

func (o *office) hit(what string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.event(what)
}

func (o *office) welcome(h *wire.Hello) *wire.Welcome {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hellos = append(o.hellos, *h)
	w := &wire.Welcome{
		Version: h.Version, Now: sale.At(time.Now()), Generation: o.generation, Window: o.window, Quarantine: o.revoked, Cert: o.keys.onlineCert,
		Have: sale.Position{Epoch: o.newest, Seq: uint64(len(o.journal[o.newest])), Head: o.heads[o.newest]},
	}
	w.Signature = ed25519.Sign(o.keys.online, wire.WelcomeBytes(h.Nonce, w))
	if o.liar != nil {
		o.liar(w)
	}
	return w
}

func (o *office) serve(conn *websocket.Conn, in <-chan any, h *wire.Hello, refill bool) error {
	version := h.Down
	for {
		o.mu.Lock()
		moved := o.feedMoved
		down := o.newer(version)
		o.mu.Unlock()
		if down != nil && !o.revoked && !refill {
			version = down.To
			if err := o.say(conn, down); err != nil {
				return err
			}
			if o.hit("down") {
				return errHangUp
			}
		}
		select {
		case <-o.quit:
			return &wire.Bye{Code: wire.ByeShutdown}
		case <-moved:
		case m, ok := <-in:
			if !ok {
				return errHangUp
			}
			if err := o.hear(conn, m); err != nil {
				return err
			}
		}
	}
}

// newer is the next few changes after a version.
func (o *office) newer(version uint64) *wire.Down {
	if version >= uint64(len(o.feed)) {
		return nil
	}
	to := min(version+3, uint64(len(o.feed)))
	return &wire.Down{From: version, To: to, Changes: o.feed[version:to], Last: to == uint64(len(o.feed))}
}

func (o *office) publish(changes ...sale.Change) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range changes {
		c.Version = uint64(len(o.feed) + 1)
		o.feed = append(o.feed, c)
	}
	close(o.feedMoved)
	o.feedMoved = make(chan struct{})
}

func (o *office) hear(conn *websocket.Conn, m any) error {
	switch m := m.(type) {
	case *wire.Batch:
		if o.hit("batch") {
			return errHangUp
		}
		ack, err := o.store(m)
		if err != nil {
			return err
		}
		if o.hit("stored") {
			return errHangUp
		}
		o.mu.Lock()
		if o.liarAck != nil {
			o.liarAck(ack)
		}
		o.mu.Unlock()
		if err := o.say(conn, ack); err != nil {
			return err
		}
		if o.hit("acked") {
			return errHangUp
		}
		return nil
	case *wire.DownAck:
		o.mu.Lock()
		defer o.mu.Unlock()
		o.downAcks = append(o.downAcks, m.Version)
	case *wire.Find:
		if o.hit("find") {
			return errHangUp
		}
		if f := o.answer(m); f != nil {
			return o.say(conn, f)
		}
	case *wire.Ask:
		o.mu.Lock()
		defer o.mu.Unlock()
		o.asks = append(o.asks, m.Customers)
	case *wire.Status:
		o.mu.Lock()
		defer o.mu.Unlock()
		o.statuses = append(o.statuses, *m)
	default:
		o.t.Errorf("the till sent %T", m)
	}
	return nil
}

// store takes a batch that follows what is there; a fork's may repeat what is there.
func (o *office) store(b *wire.Batch) (*wire.Ack, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.batches++
	if !ed25519.Verify(o.keys.till.Public().(ed25519.PublicKey), wire.BatchBytes(org, till, b), b.Signature) {
		return nil, &wire.Bye{Code: wire.ByeSignature}
	}
	if b.Fork != 0 {
		return o.storeFork(b)
	}
	if b.From != uint64(len(o.journal[b.Epoch]))+1 || b.Epoch < o.newest {
		return nil, &wire.Bye{Code: wire.ByeOrder, Text: "not the next"}
	}
	records, err := b.Open(o.heads[b.Epoch])
	if err != nil {
		o.t.Errorf("the till's batch: %v", err)
		return nil, &wire.Bye{Code: wire.ByeFork}
	}
	for _, r := range records {
		o.journal[b.Epoch] = append(o.journal[b.Epoch], sale.Entry{Record: r.Bytes, Sealed: r.Blob})
		o.heads[b.Epoch] = r.Hash
		o.known[r.Record.ID]++
	}
	o.newest = b.Epoch
	return &wire.Ack{Have: sale.Position{Epoch: b.Epoch, Seq: b.From + uint64(b.Count) - 1, Head: b.Head}}, nil
}

func (o *office) storeFork(b *wire.Batch) (*wire.Ack, error) {
	entries, err := wire.UnpackEntries(b.Payload, b.Count)
	if err != nil {
		return nil, &wire.Bye{Code: wire.ByeMessage}
	}
	first, err := sale.DecodeRecord(entries[0].Record)
	if err != nil {
		return nil, &wire.Bye{Code: wire.ByeMessage}
	}
	if !o.holds(b.Epoch, b.From-1, first.Prev) {
		return nil, &wire.Bye{Code: wire.ByeOrder, Text: "the fork hangs in the air"}
	}
	records, err := b.Open(first.Prev)
	if err != nil {
		return nil, &wire.Bye{Code: wire.ByeFork}
	}
	for _, r := range records {
		o.forked[r.Hash] = true
		if o.known[r.Record.ID] == 0 {
			o.known[r.Record.ID]++
		}
	}
	return &wire.Ack{Have: sale.Position{Epoch: b.Epoch, Seq: b.From + uint64(b.Count) - 1, Head: b.Head}, Fork: b.Fork}, nil
}

func (o *office) holds(epoch uint32, seq uint64, hash sale.Hash) bool {
	if seq == 0 {
		return true
	}
	if seq <= uint64(len(o.journal[epoch])) && sale.HashOf(o.journal[epoch][seq-1].Record) == hash {
		return true
	}
	return o.forked[hash]
}

// stored counts records of all epochs, forks left out.
func (o *office) stored() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for _, j := range o.journal {
		n += len(j)
	}
	return n
}

// snapshot makes a manifest and chunks of so many customers, size a chunk.
func (o *office) snapshot(version uint64, total, size int) {
	m := wire.Manifest{Org: org, Version: version, At: sale.At(time.Now()), Customers: uint64(total)}
	m.Cursors = []wire.SeenByTill{{Till: till, Seen: sale.Seen{Epoch: 1, Seq: 3, At: m.At}}}
	rng := rand.New(rand.NewPCG(1, 1))
	for first := 0; first < total; first += size {
		var customers []sale.CustomerChange
		for i := first; i < min(first+size, total); i++ {
			c := sale.CustomerChange{Customer: sale.Customer{No: sale.CustomerNo(i + 1), Name: "Анна П.", Balance: sale.Points(rng.IntN(100000))}}
			k := sale.CustomerKey{Kind: sale.KeyCard}
			for j := range k.Key {
				k.Key[j] = byte(rng.Uint32())
			}
			c.Keys = []sale.CustomerKey{k}
			customers = append(customers, c)
		}
		b, err := wire.PackChunk(customers)
		require.NoError(o.t, err)
		ref := wire.ChunkRef{Hash: sha256.Sum256(b), Bytes: len(b), Count: len(customers)}
		m.Chunks = append(m.Chunks, ref)
		o.chunks[ref.Hash] = b
	}
	body, err := sale.Encode(m)
	require.NoError(o.t, err)
	o.manifest, err = wire.Sign(o.keys.manifest, o.keys.manifestCert, body)
	require.NoError(o.t, err)
}

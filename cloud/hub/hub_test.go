package hub_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/cloudtest"
	"github.com/kopilka/kopilka/cloud/store"
	"github.com/kopilka/kopilka/cloud/store/storetest"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

func journal(h *cloudtest.HeadOffice, e cloudtest.Enrolled) *storetest.Journal {
	return storetest.New(h.Org, e.Store, e.Till, sale.At(h.Now()))
}

// greet connects a till that has all state.
func greet(t *testing.T, h *cloudtest.HeadOffice, e cloudtest.Enrolled, head sale.Position) *cloudtest.Line {
	t.Helper()
	l, err := cloudtest.Dial(t.Context(), h.URL, e, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() }) // most tests end it themselves
	require.NoError(t, l.Greet(head, 1<<60))
	return l
}

// bye reads until the goodbye.
func bye(t *testing.T, l *cloudtest.Line) wire.ByeCode {
	t.Helper()
	_, err := cloudtest.HearA[*wire.Challenge](l) // which will not come again
	var b *wire.Bye
	require.ErrorAs(t, err, &b)
	return b.Code
}

func TestJournalArrivesOnceWhateverTheLine(t *testing.T) {
	for _, rate := range []float64{0, 0.1, 0.9} {
		h := cloudtest.Start(t, cloudtest.Options{FailureRate: rate, Seed: 7})
		e := h.Enrol(1)
		j := journal(h, e)
		for range 300 {
			j.Add(j.Earning(5, 2, 100))
		}
		breaks, err := cloudtest.Drain(t.Context(), h.URL, e, j)
		require.NoError(t, err)
		require.Equal(t, rate > 0, breaks > 0)
		c, _, _, _, err := h.Store.Standing(t.Context(), h.Org, 5)
		require.NoError(t, err)
		require.Equal(t, sale.Points(30_000), c.Balance, "rate %v", rate)
		h.Stop()
	}
}

func TestQueuedBatchesAreAcknowledgedInOrder(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{})
	e := h.Enrol(1)
	j := journal(h, e)
	for range 39 {
		j.Add(j.Plain(1))
	}
	l := greet(t, h, e, j.Position)
	require.Equal(t, sale.Position{}, l.Welcome.Have)
	for i := range 4 {
		require.NoError(t, l.Send(0, j.Records[10*i:10*i+10]))
	}
	var seq uint64
	for seq < j.Position.Seq {
		a, err := cloudtest.HearA[*wire.Ack](l)
		require.NoError(t, err)
		require.Greater(t, a.Have.Seq, seq)
		seq = a.Have.Seq
		at, err := h.Store.Position(t.Context(), h.Org, e.Till)
		require.NoError(t, err)
		require.GreaterOrEqual(t, at.Seq, seq, "an Ack says that it is on disk")
	}
}

func TestEveryDoubtEndsWithItsOwnGoodbye(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{})
	e := h.Enrol(1)
	j := journal(h, e)
	for range 5 {
		j.Add(j.Plain(1))
	}
	stranger := e
	stranger.Till = 999
	_, other, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	thief := e
	thief.Key = other
	twin := storetest.New(h.Org, 1, e.Till, sale.At(h.Now())+99)
	twin.Add(twin.Plain(3))

	for _, c := range []struct {
		name string
		want wire.ByeCode
		do   func(t *testing.T) *cloudtest.Line
	}{
		{"a stranger", wire.ByeUnknown, func(t *testing.T) *cloudtest.Line { return raw(t, h, stranger, nil) }},
		{"a thief without the key", wire.ByeSignature, func(t *testing.T) *cloudtest.Line { return raw(t, h, thief, nil) }},
		{"a version of the future", wire.ByeVersion, func(t *testing.T) *cloudtest.Line {
			return raw(t, h, e, func(m *wire.Hello) { m.Version = 99 })
		}},
		{"a batch with another's signature", wire.ByeSignature, func(t *testing.T) *cloudtest.Line {
			l := greet(t, h, e, j.Position)
			l.Till.Key = other
			require.NoError(t, l.Send(0, j.Records[:2]))
			return l
		}},
		{"a gap", wire.ByeOrder, func(t *testing.T) *cloudtest.Line {
			l := greet(t, h, e, j.Position)
			require.NoError(t, l.Send(0, j.Records[2:3]))
			return l
		}},
		{"another history", wire.ByeFork, func(t *testing.T) *cloudtest.Line {
			l := greet(t, h, e, j.Position)
			require.NoError(t, l.Send(0, j.Records[:3]))
			_, err := cloudtest.HearA[*wire.Ack](l)
			require.NoError(t, err)
			require.NoError(t, l.Send(0, twin.Records[:2]))
			return l
		}},
		{"a hello from before", wire.ByeFork, func(t *testing.T) *cloudtest.Line {
			return greet(t, h, e, sale.Position{Epoch: 1, Seq: 1, Head: j.Records[0].Hash})
		}},
		{"rubbish", wire.ByeMessage, func(t *testing.T) *cloudtest.Line {
			l := greet(t, h, e, j.Position)
			require.NoError(t, l.WriteMessage(websocket.BinaryMessage, []byte{200, 1, 2}))
			return l
		}},
		{"too much", wire.ByeMessage, func(t *testing.T) *cloudtest.Line {
			l := greet(t, h, e, j.Position)
			require.NoError(t, l.WriteMessage(websocket.TextMessage, []byte("hello")))
			return l
		}},
		{"a damaged payload", wire.ByeMessage, func(t *testing.T) *cloudtest.Line {
			l := greet(t, h, e, j.Position)
			b, err := storetest.Batch(func(m []byte) []byte { return ed25519.Sign(e.Key, m) }, e.Org, e.Till, 0, j.Records[3:4])
			require.NoError(t, err)
			b.Payload[len(b.Payload)-1] ^= 1
			require.NoError(t, l.Say(b))
			return l
		}},
		{"the same till again", wire.ByeReplaced, func(t *testing.T) *cloudtest.Line {
			l := greet(t, h, e, j.Position)
			greet(t, h, e, j.Position)
			return l
		}},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, bye(t, c.do(t))) })
	}
	_, err = cloudtest.Drain(t.Context(), h.URL, e, j)
	require.NoError(t, err, "and nothing was spoilt")
}

// raw says a hello without waiting for the answer.
func raw(t *testing.T, h *cloudtest.HeadOffice, e cloudtest.Enrolled, change func(*wire.Hello)) *cloudtest.Line {
	t.Helper()
	l, err := cloudtest.Dial(t.Context(), h.URL, e, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() }) // head office has hung up
	m := l.Hello(sale.Position{}, 0)
	if change != nil {
		change(m)
	}
	require.NoError(t, l.Say(m))
	return l
}

func TestStateComesDownAndLeasesMove(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{})
	one, two := h.Enrol(1), h.Enrol(1)
	no, err := h.Store.PutPerson(t.Context(), h.Org, store.Person{Name: "Петрова Анна", Phone: "+79160000001", Cards: []string{"2000001"}, Home: 1})
	require.NoError(t, err)
	j1 := journal(h, one)
	require.NoError(t, h.Office.AdjustPoints(t.Context(), h.Org, j1.ID(), no, 5_000, "opening", "test"))

	l1, err := cloudtest.Dial(t.Context(), h.URL, one, nil)
	require.NoError(t, err)
	defer func() { _ = l1.Close() }()
	require.NoError(t, l1.Greet(sale.Position{}, 0))
	state := map[sale.ChangeKind]int{}
	lease := sale.Lease{}
	for down := uint64(0); lease.ID.IsZero(); {
		d, err := cloudtest.HearA[*wire.Down](l1)
		require.NoError(t, err)
		require.Equal(t, down, d.From)
		down = d.To
		for _, c := range d.Changes {
			state[c.Kind]++
			if c.Kind == sale.ChangeLease {
				var x sale.LeaseChange
				require.NoError(t, sale.Decode(c.Body, &x))
				lease = x.Lease
			}
			if c.Kind == sale.ChangeCustomer {
				var x sale.CustomerChange
				require.NoError(t, sale.Decode(c.Body, &x))
				require.Equal(t, "Анна П.", x.Customer.Name)
				require.Len(t, x.Keys, 2)
			}
		}
		require.NoError(t, l1.Say(&wire.DownAck{Version: d.To}))
	}
	require.Equal(t, sale.Points(5_000), lease.Amount())
	require.NotZero(t, state[sale.ChangeProgramme])
	require.NotZero(t, state[sale.ChangeSettings])
	require.NotZero(t, state[sale.ChangeCustomer])

	j2 := journal(h, two)
	l2, err := cloudtest.Dial(t.Context(), h.URL, two, nil)
	require.NoError(t, err)
	defer func() { _ = l2.Close() }()
	require.NoError(t, l2.Greet(j2.Position, 0))
	require.NoError(t, l2.Say(&wire.Ask{Customers: []sale.CustomerNo{no}}))
	hearLease(t, l1, func(c sale.Change, x sale.LeaseChange) bool { return x.Recall })
	j1.Add(j1.Releasing(lease.ID))
	require.NoError(t, l1.Send(0, j1.Records))
	moved := hearLease(t, l2, func(c sale.Change, x sale.LeaseChange) bool { return !c.Gone && x.Lease.Holder.Till == two.Till })
	require.Equal(t, sale.Points(5_000), moved.Lease.Amount())
}

// hearLease waits for a change of a lease, acknowledging what comes.
func hearLease(t *testing.T, l *cloudtest.Line, want func(sale.Change, sale.LeaseChange) bool) sale.LeaseChange {
	t.Helper()
	for {
		d, err := cloudtest.HearA[*wire.Down](l)
		require.NoError(t, err)
		require.NoError(t, l.Say(&wire.DownAck{Version: d.To}))
		for _, c := range d.Changes {
			var x sale.LeaseChange
			if c.Kind != sale.ChangeLease {
				continue
			}
			if !c.Gone {
				require.NoError(t, sale.Decode(c.Body, &x))
			}
			if want(c, x) {
				return x
			}
		}
	}
}

func TestRevokedTillHandsInToQuarantine(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{})
	e := h.Enrol(1)
	j := journal(h, e)
	l := greet(t, h, e, j.Position)
	require.NoError(t, h.Store.RevokeTill(t.Context(), h.Org, e.Till, "boss"))
	require.Equal(t, wire.ByeBusy, bye(t, l), "its session notices at once")
	l = greet(t, h, e, j.Position)
	require.True(t, l.Welcome.Quarantine)
	j.Add(j.Plain(1))
	require.NoError(t, l.Send(0, j.Records))
	a, err := cloudtest.HearA[*wire.Ack](l)
	require.NoError(t, err)
	require.Equal(t, j.Position, a.Have)
	n, err := h.Store.Release(t.Context(), h.Org, e.Till, "boss")
	require.NoError(t, err)
	require.Equal(t, 2, n)
}

// The machine that was replaced, stolen perhaps, must not stay connected with its old key.
func TestAReplacedMachineIsSentAway(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{})
	e := h.Enrol(1)
	l := greet(t, h, e, sale.Position{})
	code, err := h.Store.NewCode(t.Context(), h.Org, 1, e.Till, "boss", rand.Reader)
	require.NoError(t, err)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	status, _ := post(t, h, wire.EnrolRequest{Secret: code.Secret, Key: public, Proof: ed25519.Sign(private, wire.ProofBytes(code.Secret))})
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, wire.ByeBusy, bye(t, l))
}

func TestEnrolmentOverTheWire(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{})
	code := h.Code(1)
	enrol := func() (int, []byte) {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		require.NoError(t, err)
		return post(t, h, wire.EnrolRequest{Secret: code.Secret, Key: public, Proof: ed25519.Sign(private, wire.ProofBytes(code.Secret)), Name: "касса"})
	}
	status, body := enrol()
	require.Equal(t, http.StatusOK, status)
	var a wire.EnrolAnswer
	require.NoError(t, sale.Decode(body, &a))
	require.Equal(t, h.Root, a.Root)
	c, err := wire.VerifyCert(h.Root, a.Cert, wire.RoleTill)
	require.NoError(t, err)
	require.Equal(t, a.Till, c.Till)
	require.NotEmpty(t, a.Settings.CardSecret)
	status, _ = enrol()
	require.Equal(t, http.StatusConflict, status, "a code is spent on one key")
	code.Secret[0] ^= 1
	status, _ = enrol()
	require.Equal(t, http.StatusForbidden, status)
	for range 20 {
		status, _ = enrol()
	}
	require.Equal(t, http.StatusTooManyRequests, status)
}

func post(t *testing.T, h *cloudtest.HeadOffice, req wire.EnrolRequest) (int, []byte) {
	t.Helper()
	body, err := sale.Encode(req)
	require.NoError(t, err)
	r, err := http.Post(h.URL+wire.PathEnrol, "application/cbor", bytes.NewReader(body))
	require.NoError(t, err)
	out, err := io.ReadAll(r.Body)
	require.NoError(t, errors.Join(err, r.Body.Close()))
	return r.StatusCode, out
}

func TestSnapshotOverHTTP(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{})
	e := h.Enrol(1)
	for range 30 {
		_, err := h.Store.PutPerson(t.Context(), h.Org, store.Person{Name: "Петрова Анна", Cards: []string{storetest.Bare(1, 1, 1, 1).ID().String() + time.Now().String()}})
		require.NoError(t, err)
	}
	status, body, etag := get(t, h, e, wire.PathManifest, nil)
	require.Equal(t, http.StatusOK, status)
	m, err := wire.OpenManifest(h.Root, body)
	require.NoError(t, err)
	require.Equal(t, uint64(30), m.Customers)
	status, _, _ = get(t, h, e, wire.PathManifest, map[string]string{"If-None-Match": etag})
	require.Equal(t, http.StatusNotModified, status)

	path := wire.PathChunk + hex.EncodeToString(m.Chunks[0].Hash[:])
	status, whole, _ := get(t, h, e, path, nil)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, m.Chunks[0].Hash, sale.HashOf(whole))
	status, rest, _ := get(t, h, e, path, map[string]string{"Range": "bytes=10-"})
	require.Equal(t, http.StatusPartialContent, status)
	require.Equal(t, whole[10:], rest)
	customers, err := wire.UnpackChunk(whole, m.Seen(e.Till))
	require.NoError(t, err)
	require.Len(t, customers, 30)

	_, e.Key, err = ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	status, _, _ = get(t, h, e, path, nil)
	require.Equal(t, http.StatusForbidden, status)
}

func get(t *testing.T, h *cloudtest.HeadOffice, e cloudtest.Enrolled, path string, header map[string]string) (int, []byte, string) {
	t.Helper()
	q, err := http.NewRequestWithContext(context.Background(), http.MethodGet, h.URL+path, nil)
	require.NoError(t, err)
	signed, err := wire.SignRequest(e.Key, e.Org, e.Till, path, sale.At(h.Now()))
	require.NoError(t, err)
	q.Header.Set(wire.RequestHeader, signed)
	for k, v := range header {
		q.Header.Set(k, v)
	}
	r, err := http.DefaultClient.Do(q)
	require.NoError(t, err)
	body, err := io.ReadAll(r.Body)
	require.NoError(t, errors.Join(err, r.Body.Close()))
	return r.StatusCode, body, r.Header.Get("ETag")
}

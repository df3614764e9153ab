package hub

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// serveEnrol makes a till of whoever holds a code. The answer is secret to the code's holder, so only TLS
// should be between.
func (h *Hub) serveEnrol(w http.ResponseWriter, q *http.Request) {
	address, _, err := net.SplitHostPort(q.RemoteAddr)
	if err != nil {
		address = q.RemoteAddr
	}
	if !h.enrols.allow(address, h.Now()) {
		w.Header().Set("Retry-After", strconv.Itoa(int(enrolEvery.Seconds())))
		http.Error(w, "too many attempts", http.StatusTooManyRequests)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, q.Body, wire.EnrolBodyBytesMax))
	if err != nil {
		http.Error(w, "the request could not be read", http.StatusBadRequest)
		return
	}
	var req wire.EnrolRequest
	if err := sale.Decode(body, &req); err != nil || len(req.Name) > wire.NameBytesMax || len(req.Program) > wire.NameBytesMax {
		http.Error(w, "not an enrolment", http.StatusBadRequest)
		return
	}
	answer, err := h.Store.Enrol(q.Context(), &req)
	if err != nil {
		h.refuseEnrol(w, address, err)
		return
	}
	out, err := sale.Encode(answer)
	if err != nil {
		h.fail(w, "encode an enrolment's answer", err)
		return
	}
	h.Logger.Info("a till is enrolled", "org", answer.Org, "till", answer.Till, "store", answer.Store, "name", req.Name, "from", address)
	w.Header().Set("Content-Type", "application/cbor")
	w.Header().Set("Cache-Control", "no-store")
	if _, err := w.Write(out); err != nil {
		h.Logger.Debug("a till did not hear its enrolment's answer; it will ask again", "err", err)
	}
}

func (h *Hub) refuseEnrol(w http.ResponseWriter, address string, err error) {
	var b *wire.Bye
	switch {
	case errors.As(err, &b) && b.Code == wire.ByeReplaced:
		http.Error(w, b.Text, http.StatusConflict)
	case errors.As(err, &b):
		http.Error(w, b.Text, http.StatusForbidden)
	case errors.Is(err, wire.ErrTrust):
		http.Error(w, "the proof does not fit the key", http.StatusForbidden)
	default:
		h.fail(w, "enrol a till", err)
		return
	}
	h.Logger.Warn("an enrolment was refused", "from", address, "err", err)
}

func (h *Hub) fail(w http.ResponseWriter, what string, err error) {
	h.Logger.Error("could not "+what, "err", err)
	http.Error(w, "head office has a problem of its own; its log says which", http.StatusInternalServerError)
}

// till checks a signed request; the path that was signed is the one asked for.
func (h *Hub) till(ctx context.Context, q *http.Request) (tillKey, error) {
	r, err := wire.ParseRequest(q.Header.Get(wire.RequestHeader))
	if err != nil {
		return tillKey{}, err
	}
	key, revoked, err := h.Store.TillKey(ctx, r.Org, r.Till)
	if err != nil {
		return tillKey{}, err
	}
	if revoked {
		return tillKey{}, fmt.Errorf("%w: till %d is revoked", wire.ErrRequest, r.Till)
	}
	return tillKey{r.Org, r.Till}, r.Verify(key, q.URL.Path, sale.At(h.Now()))
}

// download lets a till fetch, a few at a time.
func (h *Hub) download(w http.ResponseWriter, q *http.Request, serve func(k tillKey)) {
	select {
	case h.downloads <- struct{}{}:
		defer func() { <-h.downloads }()
	default:
		h.busy(w)
		return
	}
	k, err := h.till(q.Context(), q)
	switch {
	case errors.Is(err, wire.ErrRequest):
		http.Error(w, err.Error(), http.StatusForbidden)
	case err != nil:
		h.fail(w, "recognise a till", err)
	default:
		serve(k)
	}
}

func (h *Hub) serveManifest(w http.ResponseWriter, q *http.Request) {
	h.download(w, q, func(k tillKey) {
		signed, version, err := h.Store.Manifest(q.Context(), k.org)
		if err != nil {
			h.fail(w, "make the customers' snapshot", err)
			return
		}
		w.Header().Set("ETag", fmt.Sprintf(`"%d-%d"`, k.org, version))
		w.Header().Set("Cache-Control", "private, no-cache")
		serveBytes(w, q, signed)
	})
}

func (h *Hub) serveChunk(w http.ResponseWriter, q *http.Request) {
	hash, err := hex.DecodeString(q.PathValue("hash"))
	if err != nil || len(hash) != len(sale.Hash{}) {
		http.Error(w, "no such chunk", http.StatusNotFound)
		return
	}
	h.download(w, q, func(k tillKey) {
		body, err := h.Store.Chunk(q.Context(), k.org, sale.Hash(hash))
		if err != nil {
			h.fail(w, "read a chunk", err)
			return
		}
		if body == nil {
			http.Error(w, "no such chunk", http.StatusNotFound)
			return
		}
		w.Header().Set("ETag", `"`+q.PathValue("hash")+`"`)
		w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
		serveBytes(w, q, body)
	})
}

// serveBytes answers ETag and Range as the standard library does.
func serveBytes(w http.ResponseWriter, q *http.Request, body []byte) {
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, q, "", time.Time{}, bytes.NewReader(body))
}

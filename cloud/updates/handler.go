package updates

import (
	"errors"
	"io/fs"
	"net/http"
	"net/netip"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kopilka/kopilka/sync/update"
)

const (
	// downloadsMax is how many tills may fetch a program at a time: eight share the line, the others ask again, so
	// that a thousand tills that hear of a version at once leave room for selling.
	downloadsMax = 8
	// downloadsEach of them may come from one address: a stranger who reads slowly does not hold all tills back, and a
	// shop behind one address takes some turns.
	downloadsEach = 4
	// downloadWait is how long one of these may take: 30 MB at 400 kbit/s.
	downloadWait = 10 * time.Minute
	// retryFrom and retrySpread are the seconds after which a till that found no room asks again.
	retryFrom   = 20
	retrySpread = 40
)

// metadataName is what may be read of the metadata; anything else in the folder is nobody's business.
var metadataName = regexp.MustCompile(`^([0-9]+\.)?(root|targets|snapshot|rollout|timestamp)\.json$`)

// Handler answers below [update.Base]: metadata, programs and the vouch, and nothing else that lies in the folder.
func (r *Repo) Handler() http.Handler {
	room := &room{from: map[string]int{}}
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method != http.MethodGet && q.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET", http.StatusMethodNotAllowed)
			return
		}
		name, found := strings.CutPrefix(q.URL.Path, update.Base)
		if !found || !handedOut(name) {
			http.NotFound(w, q)
			return
		}
		if !program(name) {
			r.hand(w, q, name)
			return
		}
		leave, found := room.enter(q.RemoteAddr)
		if !found {
			w.Header().Set("Retry-After", strconv.FormatInt(retryFrom+time.Now().UnixNano()%retrySpread, 10))
			http.Error(w, "too many tills are downloading; ask again", http.StatusServiceUnavailable)
			return
		}
		defer leave()
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(downloadWait)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			r.Logger.Debug("bound a download", "err", err)
		}
		r.hand(w, q, name)
	})
}

// room is who downloads.
type room struct {
	mu    sync.Mutex
	taken int
	from  map[string]int
}

// enter takes a place for a remote address. This machine's own is a proxy's, behind which everybody comes.
func (x *room) enter(remote string) (leave func(), found bool) {
	address, err := netip.ParseAddrPort(remote)
	host := address.Addr().Unmap()
	if host.Is6() && !host.IsLoopback() { // who has one has as many as he likes
		host = netip.PrefixFrom(host, ipv6Network).Masked().Addr()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.taken >= downloadsMax || (err == nil && !host.IsLoopback() && x.from[host.String()] >= downloadsEach) {
		return nil, false
	}
	x.taken++
	x.from[host.String()]++
	return func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.taken--
		if x.from[host.String()]--; x.from[host.String()] == 0 {
			delete(x.from, host.String())
		}
	}, true
}

// ipv6Network is what one subscriber has, in bits.
const ipv6Network = 64

// handedOut tells whether a file is for tills.
func handedOut(name string) bool {
	if path.Clean(name) != name || !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00:") {
		return false
	}
	if rest, found := strings.CutPrefix(name, metadataFolder+"/"); found {
		return metadataName.MatchString(rest)
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") {
			return false // half a file
		}
	}
	return name == vouchFile || strings.HasPrefix(name, targetsFolder+"/")
}

// program tells what is large.
func program(name string) bool { return strings.HasPrefix(name, targetsFolder+"/agent/") }

func (r *Repo) hand(w http.ResponseWriter, q *http.Request, name string) {
	root, err := os.OpenRoot(r.Folder) // no link leads out of it
	if err != nil {
		http.NotFound(w, q)
		return
	}
	defer root.Close() //nolint:errcheck // nothing was written
	f, err := root.Open(name)
	if err != nil {
		http.NotFound(w, q)
		return
	}
	defer f.Close() //nolint:errcheck // nothing was written
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		http.NotFound(w, q)
		return
	}
	h := w.Header()
	h.Set("ETag", `"`+strconv.FormatInt(info.ModTime().UnixNano(), 36)+"-"+strconv.FormatInt(info.Size(), 36)+`"`)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", "application/octet-stream")
	if strings.HasSuffix(name, ".json") {
		h.Set("Content-Type", "application/json")
	}
	h.Set("Cache-Control", "no-cache")
	if name != vouchFile && path.Base(name) != "timestamp.json" {
		h.Set("Cache-Control", "public, max-age=86400, immutable") // its name has its version or its hash
	}
	http.ServeContent(w, q, "", info.ModTime(), f)
}

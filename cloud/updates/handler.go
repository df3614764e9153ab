package updates

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/kopilka/kopilka/sync/update"
)

const (
	// downloadsMax is how many tills may fetch a program at a time: eight share the line, the others ask again, so
	// that a thousand tills that hear of a version at once leave room for selling.
	downloadsMax = 8
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
	room := make(chan struct{}, downloadsMax)
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
		select {
		case room <- struct{}{}:
			defer func() { <-room }()
			if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(downloadWait)); err != nil && !errors.Is(err, http.ErrNotSupported) {
				r.Logger.Debug("bound a download", "err", err)
			}
			r.hand(w, q, name)
		default:
			w.Header().Set("Retry-After", strconv.FormatInt(retryFrom+time.Now().UnixNano()%retrySpread, 10))
			http.Error(w, "too many tills are downloading; ask again", http.StatusServiceUnavailable)
		}
	})
}

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

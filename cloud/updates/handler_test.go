package updates_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func get(t *testing.T, url string, header ...string) (*http.Response, string) {
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(q)
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res, string(body)
}

func TestHandlerHandsOutNothingElse(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.init()
	o.add("1.3.0")
	res, body := get(t, o.url+"/updates/vouch")
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Equal(t, "vouched", body)
	keys, err := filepath.Glob(filepath.Join(o.repo.Folder, "keys", "*.pem"))
	require.NoError(t, err)
	require.NotEmpty(t, keys)
	key := filepath.Base(keys[0])
	require.NoError(t, os.WriteFile(filepath.Join(o.repo.Folder, "targets", ".part-1"), []byte("half"), 0o600))
	outside := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(outside, []byte("secret"), 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(o.repo.Folder, "targets", "link")))
	for _, path := range []string{
		"", "lock", "withdrawn.json", "keys", "keys/", "keys/" + key, "metadata", "metadata/", "metadata/../keys/" + key, "targets/../keys/" + key, "targets/%2e%2e/keys/" + key,
		"metadata/..%2fkeys%2f" + key, "targets", "targets/", "targets/agent/1.3.0", "targets/.part-1", "targets/link", "metadata/x.json", "../../etc/passwd", "targets//etc/passwd", "targets/..\\keys\\" + key,
	} {
		res, body := get(t, o.url+"/updates/"+path)
		require.Equal(t, http.StatusNotFound, res.StatusCode, path)
		require.NotContains(t, body, "PRIVATE", path)
	}
	q, err := http.Post(o.url+"/updates/vouch", "text/plain", strings.NewReader("x"))
	require.NoError(t, err)
	require.NoError(t, q.Body.Close())
	require.Equal(t, http.StatusMethodNotAllowed, q.StatusCode)

	stamp := o.url + "/updates/metadata/timestamp.json"
	res, whole := get(t, stamp)
	require.Equal(t, http.StatusOK, res.StatusCode)
	again, _ := get(t, stamp, "If-None-Match", res.Header.Get("ETag"))
	require.Equal(t, http.StatusNotModified, again.StatusCode)
	part, tail := get(t, stamp, "Range", "bytes=5-")
	require.Equal(t, http.StatusPartialContent, part.StatusCode)
	require.Equal(t, whole[5:], tail)
}

// TestDownloadsAreBounded: more tills than there is room for are told to ask again; metadata and selling go on.
func TestDownloadsAreBounded(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.init()
	a := artefact(t, "1.3.0", "linux")
	o.add("1.3.0")
	// A program that fits no socket's buffer, so that tills that do not read keep their places.
	path := filepath.Join("targets", "agent", "1.3.0", "linux-amd64", a.SHA256+".kopilka-agent")
	require.NoError(t, os.Truncate(filepath.Join(o.repo.Folder, path), 64<<20))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	url := o.url + "/updates/" + filepath.ToSlash(path)
	var refused *http.Response
	for range 9 {
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		require.NoError(t, err)
		res, err := http.DefaultTransport.RoundTrip(q)
		require.NoError(t, err)
		defer res.Body.Close()
		if res.StatusCode == http.StatusServiceUnavailable {
			refused = res
		}
	}
	require.NotNil(t, refused, "the ninth")
	require.NotEmpty(t, refused.Header.Get("Retry-After"))
	_, _, err := o.till().refresh()
	require.NoError(t, err, "metadata and plan have room of their own")
	cancel()
	require.Eventually(t, func() bool {
		res, _ := get(t, url, "Range", "bytes=0-9")
		return res.StatusCode == http.StatusPartialContent
	}, time.Minute, 20*time.Millisecond, "places are given back")
}

// TestOneAddressDoesNotHoldAllTillsBack: a stranger who reads nothing leaves places to the others.
func TestOneAddressDoesNotHoldAllTillsBack(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.init()
	a := artefact(t, "1.3.0", "linux")
	o.add("1.3.0")
	path := filepath.Join("targets", "agent", "1.3.0", "linux-amd64", a.SHA256+".kopilka-agent")
	require.NoError(t, os.Truncate(filepath.Join(o.repo.Folder, path), 64<<20)) // no socket's buffer takes it
	handler := o.repo.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		q.RemoteAddr = q.Header.Get("From")
		handler.ServeHTTP(w, q)
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ask := func(from string) int {
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/updates/"+filepath.ToSlash(path), nil)
		require.NoError(t, err)
		q.Header.Set("From", from)
		res, err := http.DefaultTransport.RoundTrip(q)
		require.NoError(t, err)
		t.Cleanup(func() { _ = res.Body.Close() })
		return res.StatusCode
	}
	for i := range 4 {
		require.Equal(t, http.StatusOK, ask(fmt.Sprintf("[2001:db8::%d]:40000", i+1)))
	}
	require.Equal(t, http.StatusServiceUnavailable, ask("[2001:db8::9]:40000"), "the same subscriber")
	require.Equal(t, http.StatusOK, ask("203.0.113.5:40000"), "a till of another shop")
	cancel()
}

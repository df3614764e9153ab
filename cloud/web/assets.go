package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed assets templates
var embedded embed.FS

// assetHashDigits of a file's SHA-256 go into its address: a changed file has a new address, so that
// browsers may keep the old one for ever.
const assetHashDigits = 12

// assets serves the embedded files under addresses that name their content.
type assets struct {
	byPath map[string]asset // "app.1f2e3d4c5b6a.js"
	url    map[string]string
}

type asset struct {
	name string
	body []byte
}

func loadAssets() (*assets, error) {
	a := &assets{byPath: make(map[string]asset), url: make(map[string]string)}
	files, err := fs.ReadDir(embedded, "assets")
	if err != nil {
		return nil, fmt.Errorf("list the embedded assets: %w", err)
	}
	for _, file := range files {
		body, err := embedded.ReadFile("assets/" + file.Name())
		if err != nil {
			return nil, fmt.Errorf("read the embedded asset %s: %w", file.Name(), err)
		}
		sum := sha256.Sum256(body)
		ext := path.Ext(file.Name())
		hashed := strings.TrimSuffix(file.Name(), ext) + "." + hex.EncodeToString(sum[:])[:assetHashDigits] + ext
		a.byPath[hashed] = asset{file.Name(), body}
		a.url[file.Name()] = "/assets/" + hashed
	}
	return a, nil
}

// href is the address of an asset; an unknown name fails the template, so a test sees it.
func (a *assets) href(name string) (string, error) {
	if url, ok := a.url[name]; ok {
		return url, nil
	}
	return "", fmt.Errorf("no embedded asset %q", name)
}

func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, ok := a.byPath[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, file.name, time.Time{}, bytes.NewReader(file.body))
}

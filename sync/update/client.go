package update

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/kopilka/kopilka/ledger/durable"
)

// Options are what a till's side of the repository is made of. Free may be nil: then the disk is not asked.
type Options struct {
	URL     string // head office's address, from the identity
	HTTP    *http.Client
	Folder  string // the agent's, [Folder] below its data
	OrgRoot ed25519.PublicKey
	Who     Who
	Running string // this program's version
	OS      string // GOOS
	Arch    string // GOARCH
	Now     func() time.Time

	BytesPerSecond int64         // of a program's download; zero: as fast as the line is
	Patience       time.Duration // with a server that says nothing; zero: a minute
	Free           func(folder string) (uint64, error)
	Loading        func(version string) // hears that a program's download begins; nil: nobody does
}

// Client is a till's side of the repository. One goroutine uses it at a time.
type Client struct {
	Options
	trust   Trust
	current []kept // the metadata and the plan of the last [Client.Ask]
	http    http.Client
}

const (
	patience     = time.Minute      // a satellite line answers within seconds
	downloadMax  = time.Hour        // of one attempt; the next goes on where it ended
	spaceReserve = uint64(64 << 20) // that a download leaves to the ledger
)

// NewClient reads what this till believes so far. A trust of another organisation, as of a till that was enrolled
// anew, is forgotten.
func NewClient(o Options) (*Client, error) {
	if o.Patience == 0 {
		o.Patience = patience
	}
	for _, folder := range []string{o.Folder, filepath.Join(o.Folder, "metadata"), filepath.Join(o.Folder, "targets")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, fmt.Errorf("make the folder of updates: %w", err)
		}
	}
	c := &Client{Options: o, http: *o.HTTP}
	c.http.CheckRedirect = c.stayThere
	mine := Trust{Org: o.Who.Org, Store: o.Who.Store, Till: o.Who.Till, OrgRoot: o.OrgRoot}
	t, err := LoadTrust(c.path(TrustFile))
	switch {
	case err == nil && t.Org == mine.Org && t.OrgRoot.Equal(mine.OrgRoot):
		mine.Root, mine.Seen = t.Root, t.Seen
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	c.trust = mine
	return c, nil
}

func (c *Client) path(name string) string { return filepath.Join(c.Folder, filepath.FromSlash(name)) }

// Offer is what head office has for this till.
type Offer struct {
	Wanted
	found program
}

// Ask refreshes the repository and reads the plan; found is false where this till is to stay as it is. Nothing that
// is large is downloaded.
func (c *Client) Ask(ctx context.Context) (offer Offer, found bool, err error) {
	before := c.trust
	repo, err := walk(&c.trust, c.reader(ctx), c.Now())
	files := repo.roots
	if err == nil {
		files = append(files, repo.files...)
	}
	if kept := c.remember(files); kept != nil {
		c.trust = before // nobody may stand on a root that the updater does not find
		return Offer{}, false, errors.Join(err, kept)
	}
	if err != nil {
		return Offer{}, false, err
	}
	c.current = repo.files
	step, found := Choose(repo.plan, c.Who, c.Running)
	if !found {
		return Offer{}, false, nil
	}
	p, err := repo.find(Program{Name: AgentProgram, Version: step.Version, OS: c.OS, Arch: c.Arch})
	if err != nil {
		return Offer{}, false, err
	}
	return Offer{Wanted{Program: p.Program, Step: step, File: p.file, SHA256: hex.EncodeToString(p.sum)}, p}, true, nil
}

// remember writes what was verified: files first, each before the one that names it, then what they mean.
func (c *Client) remember(files []kept) error {
	for _, f := range files {
		if err := durable.Write(c.path(f.name), f.body, fileMode); err != nil {
			return fmt.Errorf("keep the update repository's %s: %w", f.name, err)
		}
	}
	return c.trust.Save(c.path(TrustFile))
}

// Check asks, and downloads what is offered; what lies about from earlier is cleaned away.
func (c *Client) Check(ctx context.Context) (offer Offer, found bool, err error) {
	if offer, found, err = c.Ask(ctx); err != nil {
		return Offer{}, false, err
	}
	if err := c.clean(offer.found); err != nil || !found {
		return Offer{}, false, err
	}
	return offer, true, c.download(ctx, offer.found)
}

// Want asks the updater to install what was downloaded; said again it changes nothing.
func (c *Client) Want(o Offer) error {
	if err := writeJSON(c.path(WantedFile), o.Wanted); err != nil {
		return fmt.Errorf("ask for the update: %w", err)
	}
	return nil
}

// Unwant takes that back.
func (c *Client) Unwant() error {
	if err := removed(os.Remove(c.path(WantedFile))); err != nil {
		return fmt.Errorf("ask for no update: %w", err)
	}
	return nil
}

// clean removes metadata and targets that nothing names any more. The chain of roots stays: the updater may stand at
// any of them.
func (c *Client) clean(p program) error {
	keep := map[string]bool{p.file: true, p.file + partSuffix: true}
	for _, f := range c.current {
		keep[f.name] = true
	}
	for _, folder := range []string{"metadata", "targets"} {
		entries, err := os.ReadDir(c.path(folder))
		if err != nil {
			return fmt.Errorf("clean the folder of updates: %w", err)
		}
		for _, e := range entries {
			name := path.Join(folder, e.Name())
			if keep[name] || strings.HasSuffix(name, ".root.json") {
				continue
			}
			if err := removed(os.Remove(c.path(name))); err != nil {
				return fmt.Errorf("clean the folder of updates: %w", err)
			}
		}
	}
	return nil
}

// address is where a file of the repository lies.
func (c *Client) address(name string) (string, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("head office's address %q: want https://host", c.URL)
	}
	return u.JoinPath(Base, name).String(), nil
}

// stayThere refuses redirects to another place: a portal of the shop's network, or worse.
func (c *Client) stayThere(to *http.Request, via []*http.Request) error {
	if from := via[0].URL; to.URL.Host != from.Host || to.URL.Scheme != from.Scheme || len(via) > redirectsMax {
		return fmt.Errorf("head office's answer sends to %s: log in to the shop's network if it asks for that", to.URL.Host)
	}
	return nil
}

// redirectsMax is enough for a path that was moved.
const redirectsMax = 3

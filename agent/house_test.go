package agent_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// The rules of the house, read from the source itself: a test that asks `go list` is cached by what the
// test binary opens, so it would go on passing after somebody broke a rule.

const (
	module = "github.com/kopilka/kopilka/"
	root   = ".."
	// linesMax is as much of one file as a person keeps in the head.
	linesMax = 600
)

// room is what a package may know of ours, and why.
type room struct {
	may []string
	why string
}

// rooms has a row for every package that is neither a command nor a test package: those know what they
// wire and what they test.
var rooms = map[string]room{
	"ledger/sale":               {nil, "the vocabulary imports nothing of ours, so that everybody may speak it"},
	"ledger/durable":            {nil, "files and locks know nothing of what is kept in them"},
	"ledger/loyalty":            {[]string{"ledger/sale"}, "rules are pure: the same code reckons on a till and at head office"},
	"ledger":                    {[]string{"ledger/durable", "ledger/sale", "ledger/loyalty"}, "the money file knows neither devices nor a wire"},
	"drivers":                   {[]string{"ledger/sale"}, "device kinds speak the vocabulary"},
	"drivers/port":              {nil, "bytes have no meaning here"},
	"drivers/capture":           {[]string{"drivers", "drivers/charset", "drivers/port", "ledger/sale"}, "a capture wraps any driver: who knows them all makes them for it"},
	"drivers/charset":           {nil, "letters for devices that know one byte a character"},
	"drivers/atol/frame3":       {nil, "framing is pure: golden vectors pin it down"},
	"drivers/atol/task":         {[]string{"ledger/sale"}, "tasks are pure: golden texts pin them down, driver and emulator share them"},
	"drivers/atol":              {[]string{"drivers", "drivers/atol/task", "drivers/ffd", "drivers/port", "ledger/sale"}, "a driver knows its device, never a till"},
	"drivers/emulator/atol":     {[]string{"drivers/emulator/cabinet", "drivers/atol/task", "drivers/charset", "drivers/emulator/paper", "drivers/emulator/storage", "drivers/ffd", "ledger/sale"}, "an emulator that used the driver would share its errors"},
	"drivers/ffd":               {nil, "numbers of tags, which no protocol owns"},
	"drivers/pirit":             {[]string{"drivers", "drivers/ffd", "drivers/pirit/frame", "drivers/port", "ledger/sale"}, "a driver knows its device, never a till"},
	"drivers/emulator/pirit":    {[]string{"drivers/emulator/cabinet", "drivers/charset", "drivers/emulator/paper", "drivers/emulator/storage", "drivers/ffd", "drivers/pirit/frame", "ledger/sale"}, "an emulator that used the driver would share its errors"},
	"drivers/pirit/frame":       {[]string{"drivers/charset"}, "framing is pure: golden vectors pin it down, driver and emulator share it"},
	"drivers/shtrih/frame":      {[]string{"drivers/charset"}, "framing is pure: golden vectors pin it down, driver and emulator share it"},
	"drivers/shtrih":            {[]string{"drivers", "drivers/charset", "drivers/ffd", "drivers/port", "drivers/shtrih/frame", "ledger/sale"}, "a driver knows its device, never a till"},
	"drivers/mercury/frame":     {nil, "framing is pure: vectors pin it down, driver and emulator share it"},
	"drivers/mercury":           {[]string{"drivers", "drivers/ffd", "drivers/mercury/frame", "drivers/port", "ledger/sale"}, "a driver knows its device, never a till"},
	"drivers/emulator/mercury":  {[]string{"drivers/emulator/cabinet", "drivers/charset", "drivers/emulator/paper", "drivers/emulator/storage", "drivers/ffd", "drivers/mercury/frame", "ledger/sale"}, "an emulator that used the driver would share its errors"},
	"drivers/display/command":   {nil, "commands are pure: golden bytes pin them down, driver and emulator share them"},
	"drivers/display":           {[]string{"drivers", "drivers/charset", "drivers/display/command", "drivers/port"}, "a driver knows its device, never a till"},
	"drivers/emulator/display":  {[]string{"drivers/display/command"}, "an emulator that used the driver would share its errors"},
	"drivers/escpos/command":    {nil, "commands are pure: golden bytes pin them down, driver and emulator share them"},
	"drivers/escpos":            {[]string{"drivers", "drivers/charset", "drivers/escpos/command", "drivers/port"}, "a driver knows its device, never a till"},
	"drivers/emulator/escpos":   {[]string{"drivers/escpos/command"}, "an emulator that used the driver would share its errors"},
	"drivers/gs1":               {[]string{"drivers", "ledger/sale"}, "what stands inside a code; hints speak the devices' language"},
	"drivers/hidscanner/report": {nil, "reports are pure: driver and emulator share them"},
	"drivers/hidscanner":        {[]string{"drivers", "drivers/hidscanner/report", "drivers/port", "drivers/scan", "ledger/sale"}, "a driver knows its device, never a till"},
	"drivers/scan":              {[]string{"drivers", "drivers/port", "ledger/sale"}, "what all scanners have in common, whatever carries their bytes"},
	"drivers/serialscanner":     {[]string{"drivers", "drivers/port", "drivers/scan", "ledger/sale"}, "a driver knows its device, never a till"},
	"drivers/all":               {[]string{"drivers", "drivers/atol", "drivers/atol/task", "drivers/display", "drivers/display/command", "drivers/escpos", "drivers/escpos/command", "drivers/hidscanner", "drivers/mercury", "drivers/mercury/frame", "drivers/pirit", "drivers/pirit/frame", "drivers/port", "drivers/serialscanner", "drivers/shtrih", "drivers/shtrih/frame"}, "the one list of drivers"},
	"drivers/emulator":          {[]string{"drivers/hidscanner/report", "ledger/sale"}, "a scanner and a cable"},
	"drivers/emulator/cabinet":  {[]string{"ledger/durable", "drivers/emulator/paper", "drivers/emulator/storage"}, "storage, paper and lock are around every protocol alike"},
	"drivers/emulator/paper":    {nil, "paper is the same in every printer"},
	"drivers/emulator/storage":  {[]string{"drivers/charset", "drivers/ffd", "ledger/sale"}, "the storage is the same in every register"},
	"drivers/emulator/shtrih":   {[]string{"drivers/emulator/cabinet", "drivers/charset", "drivers/emulator/paper", "drivers/emulator/storage", "drivers/ffd", "drivers/shtrih/frame", "ledger/sale"}, "an emulator that used the driver would share its errors"},
	"sync/wire":                 {[]string{"ledger/sale"}, "messages are the vocabulary in envelopes"},
	"sync/uplink":               {[]string{"ledger/durable", "ledger/sale", "sync/wire"}, "the way up asks the ledger through an interface of its own"},
	"sync/update":               {[]string{"ledger/durable", "ledger/sale", "sync/wire"}, "what crosses from a repository to a till; installing is not its business"},
	"installer/slots":           {[]string{"ledger/durable"}, "versions on a disk: the privileged half knows as little as it can"},
	"cloud/updates":             {[]string{"ledger/durable", "ledger/sale", "sync/update", "sync/wire"}, "the repository that head office serves; who may change it is the pages' and the command line's business"},
	"installer/settings":        {nil, "reading a file of settings knows no program's settings"},
	"agent":                     {[]string{"drivers", "drivers/gs1", "installer/settings", "ledger", "ledger/loyalty", "ledger/sale"}, "checkout never waits for a network, so it does not know one"},
	"agent/desk":                {[]string{"agent", "ledger/sale"}, "the page shows views and sends commands, nothing else"},
	"cloud/hub":                 {[]string{"ledger/sale", "sync/wire"}, "the door for tills writes through an interface, whatever the database"},
	"cloud/programme/deed":      {[]string{"ledger/sale"}, "the words of decisions, which the store speaks too"},
	"cloud/store":               {[]string{"ledger/durable", "cloud/programme/deed", "cloud/web/page", "ledger/sale", "sync/wire"}, "SQL stores what came in a tills' message and answers in the pages' words; rules are not its business"},
	"cloud/programme":           {[]string{"cloud/programme/deed", "ledger/loyalty", "ledger/sale"}, "decisions over points know neither SQL nor a wire"},
	"cloud/web/page":            {[]string{"ledger/sale"}, "the pages' words, which the store speaks too"},
	"cloud/web":                 {[]string{"cloud/web/page", "ledger/loyalty", "ledger/sale"}, "pages reach SQL through interfaces that they declare; the form of a programme shows its rules"},
	"cloud":                     {[]string{"cloud/hub", "cloud/programme", "cloud/store", "cloud/updates", "cloud/web", "cloud/web/page", "ledger/loyalty", "ledger/sale", "sync/update", "sync/wire"}, "head office put together, with what it takes in counted"},
	"installer":                 {nil, "it must install an agent that it does not contain"},
}

// holders are the few packages that a technology may be known to; it is replaced there or nowhere.
var holders = map[string][]string{
	"go.etcd.io/bbolt":                        {"ledger"},
	"github.com/tarm/serial":                  {"drivers/port"},
	"github.com/karalabe/hid":                 {"drivers/port"},
	"go.bug.st/serial":                        {"drivers/port"},
	"github.com/jackc/pgx/v5":                 {"cloud/store"},
	"modernc.org/sqlite":                      {"cloud/store"},
	"database/sql":                            {"cloud/store"},
	"github.com/gorilla/websocket":            {"agent/desk", "agent/cmd/kopilka-agent", "cloud/hub", "sync/uplink"}, // the doctor asks the page's own door
	"github.com/gen2brain/beeep":              {"agent/cmd/kopilka-agent"},
	"github.com/boombuler/barcode":            {"agent/cmd/kopilka-agent"},
	"github.com/prometheus/client_golang":     {"agent/cmd/kopilka-agent", "cloud"},
	"github.com/creack/pty":                   {"drivers/emulator"},
	"github.com/theupdateframework/go-tuf/v2": {"sync/update", "cloud/updates"},
	"golang.org/x/sys/windows/svc/mgr":        {"installer"},
}

// pure are packages that may not reach for the world themselves: what they need is handed in.
var pure = map[string][]string{
	"ledger/loyalty": {"os", "net", "net/http", "math/rand", "math/rand/v2", "crypto/rand", "database/sql", "log/slog"},
	"ledger/sale":    {"os", "net", "net/http", "math/rand", "math/rand/v2", "database/sql", "log/slog"},
	"ledger":         {"net", "net/http", "math/rand", "math/rand/v2"},
	"agent":          {"net/http", "crypto/tls"},
}

// clockless packages are given the time, so that a week of a shop passes in a second of a test.
var clockless = []string{"ledger", "ledger/loyalty", "ledger/sale", "agent", "cloud/store", "cloud/programme"}

// floats are the files that may use them, none of them near money.
var floats = map[string]string{
	".ci/summary.go":                     "seconds that a test took",
	"agent/cmd/kopilka-agent/metrics.go": "the form of Prometheus; money goes in as whole kopecks",
	"agent/cmd/kopilka-agent/notify.go":  "the pitch of a beep",
	"cloud/metrics.go":                   "the form of Prometheus; no money goes in",
	"cloud/hub/budget.go":                "tokens of a rate limit",
	"cloud/web/chart.go":                 "places bars in a drawing",
	"ledger/ledger.go":                   "how full bbolt is to leave a page",
	"ledger/snapshot.go":                 "guesses where in a sorted file a key may lie; the key that is found there decides",
}

// sleepers are test files whose sleep is called from inside a bubble of testing/synctest only.
var sleepers = []string{"drivers/emulator/shtrih/host_test.go"}

var topLevel = []string{
	"agent", "drivers", "sync", "ledger", "cloud", "installer", "config.example.yaml", "go.mod", "go.sum", "tools.mod", "tools.sum",
	"Makefile", "README.md", "README.ru.md", "CHANGELOG.md", "SECURITY.md", "LICENSE",
}

// made are what builds and runs leave behind; git ignores them.
var made = []string{"bin", "demo", "dist"}

// sayNothing are package names under which everything and therefore nothing is found.
var sayNothing = []string{"util", "utils", "common", "helper", "helpers", "models", "internal", "pkg", "misc", "shared", "base", "types"}

// source is one file of the house.
type source struct {
	path  string // from the root, with slashes
	dir   string
	test  bool
	lines int
	file  *ast.File
}

// house is every Go file, read once.
func house(t *testing.T) []source {
	t.Helper()
	all, err := read()
	require.NoError(t, err)
	require.Greater(t, len(all), 100, "the house is larger: is this test run where it lies?")
	return all
}

var read = sync.OnceValues(func() (all []source, err error) {
	set := token.NewFileSet()
	err = filepath.WalkDir(root, func(at string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(strings.TrimPrefix(at, root), string(filepath.Separator)))
		if e.IsDir() {
			if rel == ".git" || slices.Contains(made, rel) || e.Name() == "testdata" {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		raw, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(set, rel, raw, parser.ParseComments)
		if err != nil {
			return err
		}
		all = append(all, source{rel, path.Dir(rel), strings.HasSuffix(rel, "_test.go"), strings.Count(string(raw), "\n"), f})
		return nil
	})
	return all, err
})

// imports are a file's, without quotes.
func (s source) imports(t *testing.T) (all []string) {
	t.Helper()
	for _, i := range s.file.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		require.NoError(t, err)
		all = append(all, p)
	}
	return all
}

func isCommand(dir string) bool { return strings.Contains("/"+dir, "/cmd/") || dir == ".ci" }

// isTestPackage tells a package whose folder, or one above it, is named for tests.
func isTestPackage(dir string) bool { return strings.Contains(dir+"/", "test/") }

func TestHouseWhoMayImportWhom(t *testing.T) {
	inhabited := map[string]bool{}
	for _, s := range house(t) {
		inhabited[s.dir] = true
		if s.test || isCommand(s.dir) || isTestPackage(s.dir) {
			continue
		}
		r, known := rooms[s.dir]
		if !known {
			t.Errorf("%s: the package %s is not in the table of rooms: say there whom it may import, and why", s.path, s.dir)
			continue
		}
		for _, p := range s.imports(t) {
			if ours, ok := strings.CutPrefix(p, module); ok && !slices.Contains(r.may, ours) {
				t.Errorf("%s imports %s, but %s", s.path, ours, r.why)
			}
		}
	}
	for dir := range rooms {
		if !inhabited[dir] {
			t.Errorf("the table of rooms names %s, which is not there", dir)
		}
	}
}

func TestHouseTestPackagesStayInTests(t *testing.T) {
	for _, s := range house(t) {
		if s.test || isTestPackage(s.dir) {
			continue
		}
		for _, p := range s.imports(t) {
			if strings.HasPrefix(p, module) && isTestPackage(p) {
				t.Errorf("%s ships %s, which is for tests", s.path, p)
			}
		}
	}
}

func TestHouseNobodyImportsCommands(t *testing.T) {
	for _, s := range house(t) {
		for _, p := range s.imports(t) {
			if strings.HasPrefix(p, module) && isCommand(strings.TrimPrefix(p, module)) {
				t.Errorf("%s imports the command %s", s.path, p)
			}
		}
	}
}

func TestHouseTechnologiesHaveOneHolder(t *testing.T) {
	for _, s := range house(t) {
		if s.test || isTestPackage(s.dir) {
			continue
		}
		for _, p := range s.imports(t) {
			for technology, may := range holders {
				if (p == technology || strings.HasPrefix(p, technology+"/")) && !slices.Contains(may, s.dir) {
					t.Errorf("%s imports %s, which is for %v", s.path, p, may)
				}
			}
			if slices.Contains(pure[s.dir], p) {
				t.Errorf("%s imports %s: this package is handed what it needs of the world", s.path, p)
			}
		}
	}
}

func TestHouseTimeIsHandedIn(t *testing.T) {
	for _, s := range house(t) {
		if s.test || !slices.Contains(clockless, s.dir) {
			continue
		}
		for range calls(s.file, "time", "Now") {
			t.Errorf("%s reads the machine's clock: take a func() time.Time", s.path)
		}
	}
}

// TestHouseTestsDoNotSleep lets sleep only where testing/synctest makes it cost nothing.
func TestHouseTestsDoNotSleep(t *testing.T) {
	for _, s := range house(t) {
		if slices.Contains(s.imports(t), "testing/synctest") || slices.Contains(sleepers, s.path) {
			continue
		}
		for range calls(s.file, "time", "Sleep") {
			t.Errorf("%s sleeps: wait for the event; a sleep is a race with the machine", s.path)
		}
	}
}

// calls finds pkg.name, used or called.
func calls(f *ast.File, pkg, name string) (found []*ast.SelectorExpr) {
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == name {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == pkg {
				found = append(found, sel)
			}
		}
		return true
	})
	return found
}

func TestHouseMoneyIsWholeNumbers(t *testing.T) {
	used := map[string]bool{}
	for _, s := range house(t) {
		if s.test || isTestPackage(s.dir) || !usesFloats(s.file) {
			continue
		}
		used[s.path] = true
		if floats[s.path] == "" {
			t.Errorf("%s uses floats; money, points and quantities are integers, other uses are named in this test", s.path)
		}
	}
	for file := range floats {
		if !used[file] {
			t.Errorf("%s uses no floats any more: take it off the list", file)
		}
	}
}

func usesFloats(f *ast.File) bool {
	found := false
	ast.Inspect(f, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.Ident:
			found = found || x.Name == "float64" || x.Name == "float32"
		case *ast.BasicLit:
			found = found || x.Kind == token.FLOAT
		}
		return !found
	})
	return found
}

func TestHouseFilesFitTheHead(t *testing.T) {
	for _, s := range house(t) {
		if s.lines > linesMax && !ast.IsGenerated(s.file) {
			t.Errorf("%s has %d lines, at most %d", s.path, s.lines, linesMax)
		}
	}
}

func TestHousePackagesSayWhatTheyAreFor(t *testing.T) {
	said := map[string]bool{}
	for _, s := range house(t) {
		if slices.Contains(sayNothing, path.Base(s.dir)) || slices.Contains(sayNothing, s.file.Name.Name) {
			t.Errorf("%s: the name of this package says nothing", s.path)
		}
		if !s.test {
			said[s.dir] = said[s.dir] || s.file.Doc.Text() != ""
		}
	}
	for dir, ok := range said {
		if !ok {
			t.Errorf("%s has no package comment", dir)
		}
	}
}

func TestHouseTopLevel(t *testing.T) {
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(topLevel, e.Name()) && !slices.Contains(made, e.Name()) {
			t.Errorf("%s does not belong at the top of the house", e.Name())
		}
	}
	direct, err := filepath.Glob(filepath.Join(root, "sync", "*.go"))
	require.NoError(t, err)
	require.Empty(t, direct, "a package here would shadow the standard library's sync")
}

func TestHouseRoomsAreExplained(t *testing.T) {
	for _, dir := range []string{"agent", "drivers", "sync", "ledger", "cloud", "installer"} {
		require.FileExists(t, filepath.Join(root, dir, "DESIGN.md"))
	}
}

// links are the targets of a Markdown file, without those on the web.
var links = regexp.MustCompile(`\]\(([^)#:]+)[^)]*\)`)

func TestHouseDocumentsNameFilesThatAreThere(t *testing.T) {
	docs, err := filepath.Glob(filepath.Join(root, "*.md"))
	require.NoError(t, err)
	rooms, err := filepath.Glob(filepath.Join(root, "*", "DESIGN.md"))
	require.NoError(t, err)
	below, err := filepath.Glob(filepath.Join(root, "*", "*", "DESIGN.md"))
	require.NoError(t, err)
	checked := 0
	for _, doc := range slices.Concat(docs, rooms, below) {
		raw, err := os.ReadFile(doc)
		require.NoError(t, err)
		for _, m := range links.FindAllStringSubmatch(string(raw), -1) {
			checked++
			if _, err := os.Stat(filepath.Join(filepath.Dir(doc), filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s names %s: %v", doc, m[1], err)
			}
		}
	}
	require.Positive(t, checked, "the README has links")
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/agent/desk"
	"github.com/kopilka/kopilka/cloud/cloudtest"
	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/all"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/installer"
	"github.com/kopilka/kopilka/sync/update"
	"github.com/kopilka/kopilka/sync/uplink"
)

// shelf is what is found on a machine of these tests.
func onShelf(hits ...all.Hit) func(context.Context, agent.Config) ([]all.Hit, error) {
	return func(context.Context, agent.Config) ([]all.Hit, error) { return hits, nil }
}

func aRegister(serial, address string) all.Hit {
	return all.Hit{Type: "shtrih-m", Address: address, Identity: drivers.Identity{Serial: serial, Model: "SHTRIH-ON-LINE"}}
}

var aScanner = all.Hit{Port: port.Found{Kind: port.KindSerial, VID: 0x0C2E}, Maker: "Honeywell", Address: "usb-serial://0c2e:0b61/AB?baud=115200"}

// install is `kopilka-agent enroll` on a machine with these devices.
func install(t *testing.T, config string, out io.Writer, hits []all.Hit, args ...string) *newTill {
	t.Helper()
	e, err := enrolFlags(append([]string{"-lang", "en", "-config", config}, args...), out)
	require.NoError(t, err)
	e.ask, e.search = nil, onShelf(hits...)
	return e
}

func loaded(t *testing.T, config string) agent.Config {
	t.Helper()
	c, err := loadWhole(config)
	require.NoError(t, err)
	return c
}

func TestEnrolFromNothingToATill(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{})
	config := filepath.Join(t.TempDir(), "config.yaml")
	var out bytes.Buffer
	hits := []all.Hit{aRegister("4711", "tcp://127.0.0.1:7778"), aScanner}
	require.NoError(t, install(t, config, &out, hits, h.URL, h.Code(1).String(), "-yes").run(t.Context()), out.String())
	c := loaded(t, config)
	require.Equal(t, "shtrih-m", c.Register.Type)
	require.Equal(t, "4711", c.Register.Serial)
	require.Len(t, c.Scanners, 1)
	require.Equal(t, filepath.Join(filepath.Dir(config), "data"), c.Data)
	require.Contains(t, out.String(), "Till 1 of store 1, Test store.")
	require.NotContains(t, out.String(), "setup")
	b, err := os.ReadFile(config)
	require.NoError(t, err)
	require.Contains(t, string(b), "# How much the log says", "with its comments")
	if runtime.GOOS != "windows" {
		info, err := os.Stat(config)
		require.NoError(t, err)
		require.Equal(t, configMode, info.Mode().Perm(), "the cashier's session reads where the page is")
	}

	out.Reset()
	require.NoError(t, install(t, config, &out, nil, h.URL, h.Code(1).String(), "-yes").run(t.Context()), "again")
	require.Contains(t, out.String(), "is till 1 of store 1 already")
	after, err := os.ReadFile(config)
	require.NoError(t, err)
	require.Equal(t, string(b), string(after), "untouched byte for byte")
	require.NotContains(t, out.String(), identityFile, "a key moved away leaves a ledger that nobody may continue")
	err = install(t, config, &out, nil, "https://other.example", h.Code(1).String()).run(t.Context())
	require.ErrorContains(t, err, "till 1 of store 1 at "+h.URL+" already")
	require.ErrorContains(t, err, "kopilka-agent purge, затем enroll снова")
}

func TestEnrolByHTTPSWhereHeadOfficeSpeaksHTTP(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{})
	config := filepath.Join(t.TempDir(), "config.yaml")
	err := install(t, config, io.Discard, nil, strings.Replace(h.URL, "http://", "https://", 1), h.Code(1).String(), "-yes").run(t.Context())
	require.ErrorContains(t, err, "This address speaks http, without encryption: try "+h.URL+".")
}

func TestWhatIsFoundIsWrittenOnlyWithAYes(t *testing.T) {
	one, two := aRegister("4711", "tcp://127.0.0.1:7778"), aRegister("815", "serial:///dev/ttyUSB0?baud=115200")
	for name, c := range map[string]struct {
		hits   []all.Hit
		yes    bool
		answer string // of the person at the terminal; "-": nobody is there
		serial string // of the register that is put in
		said   string
	}{
		"nobody to ask":            {[]all.Hit{one}, false, "-", "", "setup -yes does it"},
		"a no":                     {[]all.Hit{one}, false, "no", "", "run kopilka-agent setup"},
		"a yes":                    {[]all.Hit{one}, false, "yes", "4711", "shtrih-m № 4711"},
		"a yes in Russian":         {[]all.Hit{one}, false, "да", "4711", "shtrih-m № 4711"},
		"several and -yes":         {[]all.Hit{one, two}, true, "-", "", "Several registers were found and none was put in"},
		"several and nobody":       {[]all.Hit{one, two}, false, "-", "", "815"},
		"none":                     {nil, true, "-", "", "register.type stays later"},
		"one that has no number":   {[]all.Hit{aRegister("", "tcp://127.0.0.1:7778")}, true, "-", "", "shtrih-m"},
		"one that is held already": {[]all.Hit{{Address: "tcp://127.0.0.1:7778", Held: []string{"1cv8"}}}, true, "-", "", "No register was found"},
	} {
		t.Run(name, func(t *testing.T) {
			config := filepath.Join(t.TempDir(), "config.yaml")
			var out bytes.Buffer
			e := install(t, config, &out, c.hits, "-later", "http://127.0.0.1:1", someCode)
			if e.yes = c.yes; c.answer != "-" {
				e.ask = func(string) (string, error) { return c.answer, nil }
			}
			require.NoError(t, e.run(t.Context()))
			got := loaded(t, config)
			require.Equal(t, c.serial, got.Register.Serial)
			require.Contains(t, out.String(), c.said)
			require.Equal(t, !strings.Contains(name, "no number") && c.serial == "", got.Register.Later())
		})
	}
	t.Run("several and a choice", func(t *testing.T) {
		config := filepath.Join(t.TempDir(), "config.yaml")
		answers := []string{"2", "y"}
		e := install(t, config, io.Discard, []all.Hit{one, two}, "-later", "http://127.0.0.1:1", someCode)
		e.ask = func(string) (string, error) {
			a := answers[0]
			answers = answers[1:]
			return a, nil
		}
		require.NoError(t, e.run(t.Context()))
		require.Equal(t, "815", loaded(t, config).Register.Serial)
	})
}

// someCode is well formed and known nowhere.
var someCode = strings.Repeat("AAAAAA-", 3) + "AAAAAA"

func TestEnrolmentCutAnywhereIsFinishedByTheSameCommand(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{})
	cut := errors.New("power cut")
	for _, at := range []string{"config", "data", "enrol", "updates", "hand over", "start", "page"} {
		t.Run(at, func(t *testing.T) {
			config, code := filepath.Join(t.TempDir(), "config.yaml"), h.Code(1).String()
			hits := []all.Hit{aRegister("4711", "tcp://127.0.0.1:7778")}
			e := install(t, config, io.Discard, hits, "-yes", h.URL, code)
			e.cut = func(step string) error {
				if step == at {
					return cut
				}
				return nil
			}
			require.ErrorIs(t, e.run(t.Context()), cut)
			require.NoError(t, install(t, config, io.Discard, nil, "-yes", h.URL, code).run(t.Context()))
			c := loaded(t, config)
			require.Equal(t, "4711", c.Register.Serial)
			id, err := uplink.Load(filepath.Join(c.Data, identityFile))
			require.NoError(t, err)
			require.Equal(t, h.Org, id.Org)
			left, err := os.ReadDir(filepath.Dir(config))
			require.NoError(t, err)
			require.Len(t, left, 2, "the config and the data, no temporary files: %v", left)
		})
	}
}

func TestEnrolRefusalsAreSentences(t *testing.T) {
	h, other := cloudtest.Start(t, cloudtest.Options{}), cloudtest.Start(t, cloudtest.Options{})
	spent := h.Code(1).String()
	require.NoError(t, install(t, filepath.Join(t.TempDir(), "config.yaml"), io.Discard, nil, h.URL, spent).run(t.Context()))
	site := http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Second}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- site.Serve(l) }()
	t.Cleanup(func() { require.NoError(t, site.Close()); <-served })

	for name, c := range map[string]struct{ url, code, en, ru string }{
		"a code used twice":     {h.URL, spent, "Another machine has used this enrolment code", "уже использован другой машиной"},
		"a code that ran out":   {h.URL, someCode, "does not know this enrolment code", "не знает этого кода"},
		"another head office":   {other.URL, h.Code(1).String(), "does not know this enrolment code", "не знает этого кода"},
		"no head office at all": {"http://" + l.Addr().String(), h.Code(1).String(), "is no Kopilka head office", "не центральный офис Копилки"},
		"nobody there":          {fmt.Sprintf("http://127.0.0.1:%d", closedPort(t)), h.Code(1).String(), "does not answer at this address", "не отвечает по этому адресу"},
	} {
		t.Run(name, func(t *testing.T) {
			config := filepath.Join(t.TempDir(), "config.yaml")
			err := install(t, config, io.Discard, nil, c.url, c.code).run(t.Context())
			require.ErrorContains(t, err, c.en)
			require.ErrorContains(t, err, c.ru)
			require.NotContains(t, err.Error(), c.code, "a code is a secret")
			_, err = uplink.Load(filepath.Join(loaded(t, config).Data, identityFile))
			require.ErrorIs(t, err, uplink.ErrNotEnrolled)
		})
	}
	_, err = enrolFlags([]string{"office.example:8443", someCode}, io.Discard)
	require.ErrorContains(t, err, "want one as https://office.example:8443")
}

func TestEnrolKeepsAConfigThatIsThere(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{})
	config := filepath.Join(t.TempDir(), "config.yaml")
	text := fmt.Sprintf("data: %q   # ours\r\nregister: {type: none}\r\nhead_office: {url: %q}\r\n", filepath.ToSlash(t.TempDir()), h.URL)
	require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
	e := install(t, config, io.Discard, []all.Hit{aRegister("4711", "tcp://127.0.0.1:7778")}, "-yes", h.Code(1).String())
	require.NoError(t, e.run(t.Context()), "the code alone is enough where the config names the office")
	b, err := os.ReadFile(config)
	require.NoError(t, err)
	require.Equal(t, text, string(b))
}

func TestEnrolNeedsRights(t *testing.T) {
	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		folder := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(folder, nil, 0o600))
		require.Error(t, mayInstall(filepath.Join(folder, "kopilka")), "a folder that cannot be made")
		return
	}
	e := install(t, agent.DefaultConfigPath, io.Discard, nil, "http://127.0.0.1:1", someCode)
	require.ErrorIs(t, e.run(t.Context()), installer.ErrRights)
}

// runDaemon runs `kopilka-agent run` until the test ends and gives what it logged.
func runDaemon(t *testing.T, config string) (ended <-chan error, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- runCommand.run(ctx, []string{"-config", config}, io.Discard) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(t, <-done)
		}
	}
	t.Cleanup(stop)
	return done, stop
}

// waiting asks a page until it answers as wanted.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for !holds() {
		require.NoError(t, ctx.Err(), what)
		pause(ctx, 20*time.Millisecond)
	}
}

func get(t *testing.T, url string, into any) bool {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return false
	}
	defer func() { require.NoError(t, a.Body.Close()) }()
	if a.StatusCode != http.StatusOK {
		return false
	}
	return json.NewDecoder(a.Body).Decode(into) == nil
}

// unenrolled is a config of a till with a page of its own and no devices.
func unenrolled(t *testing.T) (config, page, data string) {
	t.Helper()
	data, page = t.TempDir(), fmt.Sprintf("127.0.0.1:%d", closedPort(t))
	config = filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, "data: %q\npage: %s\nregister: {type: later}\n", filepath.ToSlash(data), page), 0o600))
	return config, page, data
}

func TestATillThatIsNotEnrolledWaitsAndGoesOverByItself(t *testing.T) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	h := cloudtest.Start(t, cloudtest.Options{})
	config, page, data := unenrolled(t)
	_, stop := runDaemon(t, config)
	var v desk.WaitingView
	until(t, "it says how its devices are", func() bool { return get(t, "http://"+page+"/waiting.json", &v) && len(v.Devices) > 0 })
	require.Contains(t, v.Reason.EN, "No enrolment code")
	require.Contains(t, v.Devices[0].Text.RU, "kopilka-agent setup")
	var health update.Health
	require.True(t, get(t, "http://"+page+"/health", &health))
	require.Equal(t, "not-enrolled", health.Stage)

	// Head office is away; then its address is typed right.
	gone := fmt.Sprintf("http://127.0.0.1:%d", closedPort(t))
	require.NoError(t, install(t, config, io.Discard, nil, "-later", gone, h.Code(1).String()).run(t.Context()))
	until(t, "it says that nobody answers", func() bool {
		return get(t, "http://"+page+"/waiting.json", &v) && strings.Contains(v.Reason.EN, "does not answer at this address")
	})
	require.Equal(t, gone, v.Office)
	findings, _ := doctor(t, "-config", config)
	require.Equal(t, agent.LevelWarning, levelOf(findings, "head office", "does not answer at this address"))
	require.Equal(t, agent.LevelOK, levelOf(findings, "daemon", "waits for its enrolment"))
	require.Equal(t, agent.LevelWarning, levelOf(findings, "head office", "No connection to "+strings.TrimPrefix(gone, "http://")))
	require.Empty(t, levelOf(findings, "head office", "get a code")+levelOf(findings, "daemon", "does not answer")+levelOf(findings, "ledger", ""))
	var page2 desk.Examined
	require.True(t, get(t, "http://"+page+"/doctor.json", &page2))
	require.Equal(t, agent.LevelWarning, levelOf(page2.Findings, "head office", "does not answer at this address"))
	require.Contains(t, v.Todo.EN, "by itself")
	require.NoError(t, writeLater(data, later{URL: h.URL, Code: h.Code(1).String()}))
	until(t, "it sells", func() bool { return get(t, "http://"+page+"/receipts", new(any)) })
	require.NoFileExists(t, filepath.Join(data, laterFile), "the code is forgotten")
	stop()
}

func TestAWrongCodeIsSaidOnThePageAlsoAfterARestart(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{})
	config, page, data := unenrolled(t)
	require.NoError(t, writeLater(data, later{URL: h.URL, Code: someCode}))
	if runtime.GOOS != "windows" {
		info, err := os.Stat(filepath.Join(data, laterFile))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	for range 2 {
		_, stop := runDaemon(t, config)
		var v desk.WaitingView
		until(t, "it says so", func() bool {
			return get(t, "http://"+page+"/waiting.json", &v) && strings.Contains(v.Reason.RU, "не знает этого кода") && strings.Contains(v.Todo.EN, "Take the address and a code")
		})
		require.Zero(t, v.Again)
		stop()
		b, err := os.ReadFile(filepath.Join(data, laterFile))
		require.NoError(t, err)
		require.NotContains(t, string(b), someCode)
	}
	// Another code is tried at once.
	_, stop := runDaemon(t, config)
	require.NoError(t, install(t, config, io.Discard, nil, h.URL, h.Code(1).String()).run(t.Context()))
	until(t, "it sells", func() bool { return get(t, "http://"+page+"/receipts", new(any)) })
	stop()
	require.NoFileExists(t, filepath.Join(data, laterFile))
}

// The link of a till that sells goes past every proxy: what is asked before and beside it must not need one.
func TestHeadOfficeIsAskedPastAnyProxy(t *testing.T) {
	for name, client := range map[string]*http.Client{
		"enrolment": enrolment("https://office.example", "").Client,
		"updates":   updateOptions(agent.Config{}, uplink.Identity{}, time.Now).HTTP,
	} {
		transport, ok := client.Transport.(*http.Transport)
		require.True(t, ok, "%s goes the way that the environment says", name)
		require.Nil(t, transport.Proxy, name)
	}
	require.Equal(t, enrolWait, enrolment("https://office.example", "").Client.Timeout)
}

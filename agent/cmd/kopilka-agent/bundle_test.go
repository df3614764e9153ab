package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/drivers/capture"
	"github.com/kopilka/kopilka/ledger"
)

// planted are what nobody may find in a bundle, by where they would come from.
var planted = []string{
	"+79161234567", "8 (916) 123-45-67", "79169876543", "916-987-65-43", "2900000123457", "7700112233445566", "KPL-00098765", "maria.ivanova@shop.example",
	"Мария Иванова", "Иванова", "Maria Petrova", "ПЕТРОВ", "74821", "hunter2secret", "s3cr3tPassw0rd", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmN",
	"MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v", "0f4a9c1e77b2d6538890aa1bb2cc3dd4", "ENROL-X7K9-QQ2M", "qW8ZkLmN4rTyUiOpAsDfGhJk",
}

// forms are how a value may stand in a file.
func forms(s string) (all [][]byte) {
	all = append(all, []byte(s), []byte(base64.StdEncoding.EncodeToString([]byte(s))), []byte(base64.URLEncoding.EncodeToString([]byte(s))),
		[]byte(hex.EncodeToString([]byte(s))), []byte(strings.ToUpper(hex.EncodeToString([]byte(s)))))
	var le, be []byte
	for _, u := range utf16.Encode([]rune(s)) {
		le, be = append(le, byte(u), byte(u>>8)), append(be, byte(u>>8), byte(u))
	}
	all = append(all, le, be)
	for _, page := range []*charmap.Charmap{charmap.Windows1251, charmap.CodePage866} {
		if b, err := page.NewEncoder().Bytes([]byte(s)); err == nil {
			all = append(all, b)
		}
	}
	escaped, _ := json.Marshal(s) //nolint:errchkjson // a text
	return append(all, bytes.Trim(escaped, `"`), []byte(fmt.Sprintf("%+q", s)[1:len(fmt.Sprintf("%+q", s))-1]))
}

// requireClean looks for all of it in the whole bundle, packed and unpacked.
func requireClean(t *testing.T, bundle []byte) map[string]string {
	t.Helper()
	files := map[string]string{}
	z, err := zip.NewReader(bytes.NewReader(bundle), int64(len(bundle)))
	require.NoError(t, err)
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		files[f.Name] = string(b)
	}
	files["the file itself"] = string(bundle)
	for name, content := range files {
		for _, secret := range planted {
			for _, form := range forms(secret) {
				if i := strings.Index(content, string(form)); i >= 0 {
					t.Errorf("%s holds %q: …%s…", name, secret, content[max(0, i-80):min(len(content), i+80)])
				}
			}
		}
	}
	return files
}

// leaky is a till with secrets in every place that a bundle is made from.
func leaky(t *testing.T) (path string, g gatherer) {
	t.Helper()
	path = ill(t, "")
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	config := strings.Replace(string(b), "register: {", "register: {name: 'ПЕТРОВ', serial: \"0012345678901234\", settings: {password: hunter2secret, admin-password: \"74821\", protocol: \"2\", prefix: '+79161234567', \"KPL-00098765\": x}, ", 1) +
		"# звонить Мария Иванова +79161234567\nhead_office: {url: \"https://maria:s3cr3tPassw0rd@office.example/?token=qW8ZkLmN4rTyUiOpAsDfGhJk\"}\n" +
		"scanners: [{name: 'Maria Petrova', type: serial-scanner, port: \"serial:///dev/tty-79169876543\"}]\nprinter: {type: escpos, port: \"tcp://hunter2secret@192.168.1.9:9100\"}\n"
	require.NoError(t, os.WriteFile(path, []byte(config), 0o600))
	c := checkup(path)
	require.NoError(t, os.WriteFile(filepath.Join(c.Config.Data, "Мария Иванова 79169876543.txt"), nil, 0o600))
	c.Foreign = func(folder string) ([]string, error) {
		return []string{filepath.Join(folder, "Мария Иванова 79169876543.txt"), filepath.Join(folder, "2900000123457")}, nil
	}
	c.HeadOffice = func(context.Context) agent.Reach {
		return agent.Reach{Host: "office.example", Step: agent.StepAnswer, Err: errors.New("Get \"https://maria:s3cr3tPassw0rd@office.example/\": +79161234567")}
	}
	var log strings.Builder
	for i, s := range planted {
		fmt.Fprintf(&log, "2026-11-22T08:41:%02d+0300 kopilka-agent[812]: level=WARN msg=%q err=\"scan of %s failed\" card=%s phone=%q\n", i, "seen "+s, s, s, s)
		fmt.Fprintf(&log, "level=INFO msg=x customer=%s name='%s' pin=74821 {\"token\": \"%s\", \"email\":\"%s\"} Authorization: Bearer %s\n", s, s, s, s, s)
		for _, form := range forms(s) {
			fmt.Fprintf(&log, "level=DEBUG msg=raw data=%s\n", form)
		}
	}
	log.WriteString("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v\nshort\n-----END PRIVATE KEY-----\nPIN 74821, пин: 74821\nlevel=INFO msg=started page=http://127.0.0.1:8765/ took=12ms record=01930f4a-9c1e-77b2-9653-8890aa1bb2cc\n")
	plantCapture(t, filepath.Join(c.Config.Data, captureFile))
	g = gatherer{
		checkup: c, now: c.Now(),
		log: func(context.Context) ([]byte, error) { return []byte(log.String()), nil },
		updater: func() ([]byte, error) {
			return []byte(`{"version":"1.0.0","stage":"Мария Иванова","wanted":"74821","says":{"code":"x","ru":"Мария Иванова","en":"failed at Maria Petrova +79161234567"},"verdicts":{"KPL-00098765":{"at":"2026-11-22T08:00:00Z","why":{"en":"by Maria Petrova","ru":"Мария Иванова"}}}}`), nil
		},
	}
	return path, g
}

// plantCapture writes what no program of ours would: a capture that nobody masked.
func plantCapture(t *testing.T, path string) {
	t.Helper()
	ring, err := capture.OpenRing(path, capture.SizeMin)
	require.NoError(t, err)
	require.NoError(t, ring.Close())
	var b bytes.Buffer
	for _, s := range planted {
		for _, form := range forms(s) {
			line, err := json.Marshal(capture.Entry{At: 1, Session: s, Kind: capture.KindRead, Data: form, Op: capture.Op(s), Failure: &capture.Failure{Text: s, Code: s}})
			require.NoError(t, err)
			b.Write(append(line, '\n'))
		}
	}
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
}

func TestABundleHoldsNothingPersonal(t *testing.T) {
	_, g := leaky(t)
	g.see(t.Context())
	b, _, err := writeBundle(t.Context(), g.sections(), g.masker, g.now)
	require.NoError(t, err)
	files := requireClean(t, b)
	for _, name := range []string{"README.txt", "doctor.json", "versions.json", "config.yaml", "log.txt", "updates.json", "system.json"} {
		require.NotEmpty(t, files[name], name)
	}
	// What support needs is still there.
	require.Contains(t, files["log.txt"], "msg=started page=http://127.0.0.1:8765/ took=12ms record=01930f4a-9c1e-77b2-9653-8890aa1bb2cc")
	require.Contains(t, files["log.txt"], "2026-11-22T08:41:00+0300 kopilka-agent[812]: level=WARN")
	require.Contains(t, files["config.yaml"], "0012345678901234", "the register's serial is the register's")
	require.Contains(t, files["config.yaml"], "192.168.1.9:9100")
	require.Contains(t, files["doctor.json"], "get a code from head office")
	require.Contains(t, files["system.json"], runtime.GOARCH)
}

func TestABundleIsMadeFromWhatThereIs(t *testing.T) {
	path, g := leaky(t)
	g.log = func(context.Context) ([]byte, error) {
		return []byte("level=INFO msg=first\n"), errors.New("journalctl: killed by Мария Иванова")
	}
	require.NoError(t, os.MkdirAll(g.checkup.Ledger, 0o700))
	l, err := ledger.Open(g.checkup.Ledger, ledger.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }() // it is locked meanwhile
	b, parts, err := writeBundle(t.Context(), g.sections(), g.masker, g.now)
	require.NoError(t, err)
	files := requireClean(t, b)
	require.Contains(t, files["log.txt"], "msg=first")
	require.Contains(t, files["README.txt"], "! journalctl: killed by")
	require.Contains(t, files["ledger.json"], `"bytes"`)
	failed := map[string]error{}
	for _, p := range parts {
		failed[p.name] = p.err
	}
	require.ErrorIs(t, failed["ledger.json"], ledger.ErrLocked)
	// What is wrong in a config is told without what stands there.
	for _, text := range []string{"hunter2secret: [", "hunter2secret: 1\nregister: {port: [hunter2secret], tax: hunter2secret, 's3cr3tPassw0rd': {}}\nlanguage: 'Мария Иванова'\n", "- hunter2secret\n"} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, g.checkup.ConfigErr = agent.LoadConfig(path)
		require.Error(t, g.checkup.ConfigErr)
		b, _, err = writeBundle(t.Context(), g.sections(), g.masker, g.now)
		require.NoError(t, err)
		files = requireClean(t, b)
	}
	require.NotEmpty(t, files["doctor.json"])
}

func TestABundleIsBounded(t *testing.T) {
	g := gatherer{log: func(context.Context) ([]byte, error) {
		return bytes.Repeat([]byte("level=INFO msg=line\n"), 3*sectionMax/20), nil
	}}
	b, err := g.lines(t.Context())
	require.NoError(t, err)
	require.LessOrEqual(t, len(b), sectionMax)
	require.True(t, bytes.HasPrefix(b, []byte("level=INFO")))
	noise := make([]byte, sectionMax)
	for i := range noise {
		noise[i] = byte(i * i >> 3 * 2654435761 >> 7)
	}
	hung := section{"hung", "", func(context.Context) ([]byte, error) { return append(noise, noise...), nil }}
	packed, parts, err := writeBundle(t.Context(), []section{hung}, masker{}, time.Now())
	require.NoError(t, err)
	require.Len(t, parts[0].content, sectionMax)
	require.Less(t, len(packed), bundleMax)
}

// The command on a machine whose daemon is down: the file is its owner's alone, and never written over.
func TestTheBundleCommand(t *testing.T) {
	path, to := ill(t, "language: en\n"), filepath.Join(t.TempDir(), "kopilka support.zip")
	var out bytes.Buffer
	require.NoError(t, doctorCommand.run(t.Context(), []string{"-bundle", to, "-config", path}, &out))
	require.Contains(t, out.String(), to)
	require.Contains(t, out.String(), "doctor.json")
	info, err := os.Stat(to)
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		require.Equal(t, bundleMode, info.Mode().Perm())
	}
	require.ErrorContains(t, doctorCommand.run(t.Context(), []string{"--bundle", to, "-config", path}, &out), "is there already")
	out.Reset()
	require.NoError(t, doctorCommand.run(t.Context(), []string{"-config", path, "-bundle", "-"}, &out))
	_, err = zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	require.NoError(t, err, "standard output is the bundle and nothing else")
	if runtime.GOOS == "linux" {
		require.ErrorContains(t, sendBundle([]byte("x"), "/dev/full", io.Discard), "is there already")
		f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		require.NoError(t, err)
		require.ErrorContains(t, sendBundle([]byte("x"), "-", f), "no space left")
		require.NoError(t, f.Close())
	}
}

func FuzzMask(f *testing.F) {
	f.Add("level=INFO msg=", " took 5ms")
	f.Add("8 (", ") -----BEGIN KEY-----")
	f.Add("http://a:b@", "@x {\"pin\":\"")
	f.Add("2026-11-22T08:41:00 ", "-11-22T08:41:00Z")
	f.Fuzz(func(t *testing.T, before, after string) {
		for _, secret := range []string{"+79161234567", "maria.ivanova@shop.example", "8 (916) 123-45-67", "qW8ZkLmN4rTyUiOpAsDfGhJk", "pin=74821"} {
			if strings.Contains(before, secret) || strings.Contains(after, secret) {
				continue
			}
			for _, hide := range []func(string) string{masker{}.text, masker{}.line, masker{}.sentence} {
				if out := hide(before + " " + secret + " " + after); strings.Contains(out, secret) {
					t.Errorf("%q is left in %q", secret, out)
				}
			}
		}
	})
}

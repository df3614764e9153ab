package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud"
	"github.com/kopilka/kopilka/cloud/store"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

func do(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), args, &out, io.Discard, nil))
	return out.String()
}

const seedText = `{
 "stores": [{"no": 1, "name": "Магазин на Ленина", "address": "Ленина, 1", "zone": "Europe/Moscow"}],
 "staff": [{"no": 1, "name": "Петрова А. С.", "role": "cashier", "pin": "1111"}, {"no": 2, "name": "Иванов И. И.", "role": "manager", "pin": "2222"}],
 "products": [{"sku": "M1", "name": "Молоко", "price": 8990, "vat": 2, "subject": 1, "codes": ["4600000000015"]}],
 "customers": [
  {"name": "Сидорова Анна", "phone": "8 916 000-00-01", "cards": ["2000001"], "home": 1, "balance": "1240"},
  {"name": "Фёдоров Пётр", "cards": ["2000002"], "tier": 1}]
}`

func TestFromNothingToServing(t *testing.T) {
	data := t.TempDir()
	require.Contains(t, do(t, "init", "-data", data, "-name", "Рога и копыта"), "admin")
	require.Error(t, run(t.Context(), []string{"init", "-data", data}, io.Discard, io.Discard, nil), "once only")
	file := filepath.Join(t.TempDir(), "seed.json")
	require.NoError(t, os.WriteFile(file, []byte(seedText), 0o600))
	refused(t, "магазина 1 ещё нет: создайте его", "enrol-code", "-data", data, "-store", "1")
	refused(t, "say which store", "enrol-code", "-data", data)
	refused(t, "нужен один файл", "seed", "-data", data)
	refused(t, "want one file", "seed", "-data", data, file, file)
	do(t, "seed", "-data", data, "-file", file)
	version := feedVersion(t, data)
	do(t, "seed", file, "-data", data)
	do(t, "seed", "-data", data, file)
	require.Equal(t, version, feedVersion(t, data), "loading it again changes nothing")

	var said, beside bytes.Buffer
	hours := []string{time.Now().Add(72 * time.Hour).Format("2006-01-02 15:")}
	require.NoError(t, run(t.Context(), []string{"enrol-code", "-data", data, "-store", "1"}, &said, &beside, nil))
	hours = append(hours, time.Now().Add(72*time.Hour).Format("2006-01-02 15:"))
	require.True(t, slices.ContainsFunc(hours, func(hour string) bool { return strings.Contains(beside.String(), hour) }), beside.String())
	code, err := wire.ParseEnrolCode(said.String())
	require.NoError(t, err)
	require.NotZero(t, code.Secret)

	ctx, cancel := context.WithCancel(t.Context())
	address, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"serve", "-data", data, "-listen", "127.0.0.1:0"}, io.Discard, io.Discard, func(a string) { address <- a })
	}()
	at := ""
	select {
	case at = <-address:
	case err := <-ended:
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/healthz": "ok", "/": "<html"} {
		r, err := http.Get("http://" + at + path)
		require.NoError(t, err)
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.NoError(t, r.Body.Close())
		require.Equal(t, http.StatusOK, r.StatusCode, path)
		require.Contains(t, string(body), want, path)
	}
	cancel()
	require.NoError(t, <-ended)
}

// TestWordsThatNoCommandKnowsAreRefused: what stands behind a word is no flag any more, so that "init Shop -login boss"
// made an organisation of another name with another user, and that cannot be done again.
func TestWordsThatNoCommandKnowsAreRefused(t *testing.T) {
	data := t.TempDir()
	for _, args := range [][]string{
		{"init", "-data", data, "Рога", "-login", "boss"},
		{"backup", "-data", data, "/mnt/usb"},
		{"serve", "config.yaml"},
		{"enrol-code", "-data", data, "-store", "1", "2"},
		{"restored", "-data", data, "now"},
		{"health", "now"},
		{"check-config", "one.yaml", "two.yaml"},
	} {
		err := run(t.Context(), args, io.Discard, io.Discard, nil)
		require.ErrorIs(t, err, errUsage, args[0])
		require.ErrorContains(t, err, "лишнее", args[0])
	}
	_, err := os.Stat(filepath.Join(data, store.FileName))
	require.ErrorIs(t, err, os.ErrNotExist)
	do(t, "init", "-data", data, "-login", "boss")
}

// TestTheFirstUserCanSignIn whatever the login is written like, and an init that was broken off before there was a user
// is ended by another.
func TestTheFirstUserCanSignIn(t *testing.T) {
	data := t.TempDir()
	refused(t, "логин", "init", "-data", data, "-login", "два слова")
	refused(t, "логин", "init", "-data", data, "-login", "")
	c := &call{flags: flag.NewFlagSet("init", flag.ContinueOnError), args: []string{"-data", data}, log: io.Discard}
	p, err := c.open(t.Context())
	require.NoError(t, err)
	_, err = p.Store.CreateOrg(t.Context(), "Рога и копыта", p.Random)
	require.NoError(t, err)
	require.NoError(t, p.Close())

	said := do(t, "init", "-data", data, "-login", "Семён")
	require.Contains(t, said, "Рога и копыта", "the organisation that is there")
	password := regexp.MustCompile(`(?m)^password / пароль: (\S+)$`).FindStringSubmatch(said)[1]
	at, stop := serving(t, data)
	defer stop()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := browser.Get(at + "/sign-in")
	require.NoError(t, err)
	body, err := io.ReadAll(r.Body)
	require.NoError(t, errors.Join(err, r.Body.Close()))
	token := regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindStringSubmatch(string(body))[1]
	r, err = browser.PostForm(at+"/sign-in", url.Values{"csrf": {token}, "login": {"Семён"}, "password": {password}})
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	require.Equal(t, http.StatusSeeOther, r.StatusCode, "let in")
	refused(t, "уже есть организация", "init", "-data", data)
}

// TestTheListOfCodesStays: a seed that is loaded again makes none and takes no list away; one that has nowhere to write
// the list makes none either.
func TestTheListOfCodesStays(t *testing.T) {
	data, where := t.TempDir(), t.TempDir()
	do(t, "init", "-data", data)
	file, made := filepath.Join(where, "seed.json"), filepath.Join(where, "made.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"certificates": [{"batch": "8 Марта", "count": 2, "worth": 100000}]}`), 0o600))
	refused(t, "ничего не сделано", "seed", "-data", data, "-made", filepath.Join(where, "no folder", "made.json"), file)
	do(t, "seed", "-data", data, "-made", made, file)
	list, err := os.ReadFile(made)
	require.NoError(t, err)
	require.Contains(t, string(list), "8 Марта", "which the refused one had not issued")
	do(t, "seed", "-data", data, "-made", made, file)
	again, err := os.ReadFile(made)
	require.NoError(t, err)
	require.Equal(t, string(list), string(again))
}

func feedVersion(t *testing.T, data string) uint64 {
	t.Helper()
	c := &call{log: io.Discard}
	p := program(c, cloud.Config{Listen: "127.0.0.1:0", Data: data})
	require.NoError(t, p.Open(t.Context()))
	v, err := p.Store.Version(t.Context(), 1)
	require.NoError(t, err)
	no, err := p.Store.FindPerson(t.Context(), 1, "+79160000001")
	require.NoError(t, err)
	who, _, _, _, err := p.Store.Standing(t.Context(), 1, no)
	require.NoError(t, err)
	require.Equal(t, sale.Points(124_000), who.Balance)
	require.NoError(t, p.Close())
	return v
}

func TestConfigSaysAllThatIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	require.NoError(t, os.WriteFile(file, []byte("listen: nowhere\ntls_cert: a.pem\n"), 0o600))
	err := run(t.Context(), []string{"serve", "-config", file}, io.Discard, io.Discard, nil)
	require.ErrorContains(t, err, `listen: want host:port / нужно адрес:порт (got "nowhere")`)
	require.ErrorContains(t, err, "tls_key: tls_cert and tls_key come together")
	for text, wants := range map[string][]string{
		"lisen: 127.0.0.1:1\n": {"lisen: there is no such setting, line 1; is listen meant? / такой настройки нет, строка 1; может быть, listen?"},
		"# x\nhtp: \":80\"\nbackups_keep: many\nlisten: 8420\nacme: {domain: [a.b], ca: {}}\nmetrics: 0.0.0.0:1\n": {
			"htp: there is no such setting, line 2", "может быть, http?", `backups_keep: want a whole number, line 3 / нужно целое число, строка 3 (got "many")`, `listen: want host:port`,
			"может быть, acme.domains?", "acme.ca: want one value, line 5", "metrics: this machine only",
		},
		"listen: 127.0.0.1:1\nacme:\n\tdomains: [a.b]\n": {"line 3 begins with a tab", "строка 3 начинается с табуляции"},
		"listen: \"x\n": {"near line", "около строки"},
		"- a\n":         {"want settings of its own, indented below it, line 1"},
		"acme: yes\ncolour: red\nlisten: 127.0.0.1:1\nlisten: 127.0.0.1:2\n": {"acme: want settings", "colour: there is no such setting, line 2", "listen: given twice, line 4", "указано дважды"},
		"listen: \xff\n": {"UTF-8"},
	} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		for _, args := range [][]string{{"check-config", "-config", file}, {"check-config", file}, {"serve", "-config", file}} {
			err := run(t.Context(), args, io.Discard, io.Discard, nil)
			require.ErrorIs(t, err, errUsage)
			require.NotContains(t, err.Error(), "cannot unmarshal")
			for _, want := range wants {
				require.ErrorContains(t, err, want)
			}
		}
	}
	require.Contains(t, do(t, "check-config", "../../../installer/headoffice/config.yaml"), "nothing is wrong")
}

func TestSeedSaysAllThatIsWrong(t *testing.T) {
	_, err := cloud.ReadSeed(strings.NewReader(`{"staff": [{"no": 1, "role": "king", "pin": "1"}], "customers": [{"phone": "12", "balance": "x"}]}`))
	for _, want := range []string{`staff[0].role`, `staff[0].pin`, `customers[0].phone`, `customers[0].balance`} {
		require.ErrorContains(t, err, want)
	}
}

// What the guide has store IT type must load as it stands there.
func TestTheGuidesSeedLoads(t *testing.T) {
	for _, name := range []string{"GUIDE.md", "GUIDE.ru.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "..", "installer", name))
		require.NoError(t, err)
		_, rest, found := strings.Cut(string(text), "```json\n")
		require.True(t, found, "%s shows no file", name)
		shop, _, _ := strings.Cut(rest, "```")
		data, file := t.TempDir(), filepath.Join(t.TempDir(), "shop.json")
		require.NoError(t, os.WriteFile(file, []byte(shop), 0o600))
		do(t, "init", "-data", data)
		do(t, "seed", "-data", data, "-file", file)
		do(t, "enrol-code", "-data", data, "-store", "1")
	}
}

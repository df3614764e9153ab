package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud"
	"github.com/kopilka/kopilka/cloud/updates/updatestest"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/update"
	"github.com/kopilka/kopilka/sync/wire"
)

func refused(t *testing.T, want string, args ...string) {
	t.Helper()
	require.ErrorContains(t, run(t.Context(), args, io.Discard, io.Discard, nil), want)
}

func TestUpdatesFromInitToWithdrawal(t *testing.T) {
	data, stick := t.TempDir(), filepath.Join(t.TempDir(), "ключи оператора")
	do(t, "init", "-data", data)
	seedFile := filepath.Join(t.TempDir(), "seed.json")
	require.NoError(t, os.WriteFile(seedFile, []byte(seedText), 0o600))
	do(t, "seed", "-data", data, "-file", seedFile)
	require.Contains(t, do(t, "updates"), "updates rotate")
	refused(t, "updates init", "updates", "list", "-data", data)
	refused(t, "нет такой команды", "updates", "nonsense")
	refused(t, "want kopilka-cloud updates add", "updates", "add", "-data", data, "-keys", stick)

	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("три слова\n"), 0o600))
	require.Contains(t, do(t, "updates", "init", "-data", data, "-keys", stick, "-passphrase-file", secret), "Скопируйте ключи")
	refused(t, "хранилище обновлений уже есть", "updates", "init", "-data", data, "-keys", stick+"2")
	vouched(t, data)

	dir, built := updatestest.Build(t, "1.3.0", "linux")
	file := updatestest.List(t, dir, "1.3.0", built)
	refused(t, "укажите файл с паролем: -passphrase-file", "updates", "add", "-data", data, "-keys", stick, file)
	other := filepath.Join(t.TempDir(), "other")
	require.NoError(t, os.WriteFile(other, []byte("не те слова\n"), 0o600))
	refused(t, "пароль не подходит", "updates", "add", "-data", data, "-keys", stick, "-passphrase-file", other, file)
	withKeys := []string{"-data", data, "-keys", stick, "-passphrase-file", secret}
	require.Contains(t, do(t, append([]string{"updates", "add", file}, withKeys...)...), "linux-amd64")
	require.Contains(t, do(t, append([]string{"updates", "add", file}, withKeys...)...), "уже опубликовано")

	refused(t, "9.9.9 is not published", "updates", "plan", "9.9.9", "-data", data)
	refused(t, "нет магазина 7", "updates", "plan", "1.3.0", "-stores", "7", "-data", data)
	require.EqualError(t, run(t.Context(), []string{"updates", "plan", "1.3.0", "-stores", "7", "-data", data}, io.Discard, io.Discard, nil),
		"this plan cannot be carried out / такой план невыполним: step 1: there is no store 7 / шаг 1: нет магазина 7")
	refused(t, "a share of 200% is not within 0.01–100% / шаг 1: доля 200% вне 0.01–100%", "updates", "plan", "1.3.0", "-share", "200%", "-data", data)
	refused(t, "нужна доля", "updates", "plan", "1.3.0", "-share", "many", "-data", data)
	require.Regexp(t, `1\.3\.0 +2\.50% +1 +back +0/0`, do(t, "updates", "plan", "1.3.0", "-share", "2,5%", "-stores", "1", "-back", "-data", data))
	require.Regexp(t, `1\.3\.0 +30% +1 +0/0`, do(t, "updates", "plan", "-share", "30%", "1.3.0", "-stores", "1", "-data", data), "the same step with another share")
	require.Contains(t, do(t, "updates", "pause", "-data", data), "ПРИОСТАНОВЛЕНО")
	require.Contains(t, do(t, "updates", "list", "-data", data), "PAUSED")
	require.NotContains(t, do(t, "updates", "resume", "-data", data), "PAUSED")
	refused(t, "сначала уберите её: kopilka-cloud updates drop 1.3.0", append([]string{"updates", "withdraw", "1.3.0"}, withKeys...)...)
	require.Regexp(t, `1\.3\.0 +30% +1`, do(t, "updates", "list", "-data", data), "the plan stays")
	taken(t, data)
	status(t, data)
	require.Contains(t, do(t, "updates", "drop", "1.3.0", "-data", data), "план пуст")
	require.Contains(t, do(t, "updates", "refresh", "-data", data), "signed anew")
	require.Contains(t, do(t, "restored", "-data", data), "updates renew")
	require.Contains(t, do(t, append([]string{"updates", "renew"}, withKeys...)...), "signed anew by the operator")
	refused(t, "say which keys", append([]string{"updates", "rotate"}, withKeys...)...)
	require.Contains(t, do(t, append([]string{"updates", "rotate", "-online"}, withKeys...)...), "new keys")
	require.Contains(t, do(t, append([]string{"updates", "rotate", "-operator"}, withKeys...)...), "старые удалите")
	require.Contains(t, do(t, append([]string{"updates", "withdraw", "1.3.0"}, withKeys...)...), "отозвана")
	require.Contains(t, do(t, "updates", "list", "-data", data), "версий нет")
}

// A new machine has the repository's keys and signatures from the copy, and its programs from where they were built.
func TestProgramsComeBackAfterARestore(t *testing.T) {
	data, copies, stick := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "stick")
	do(t, "init", "-data", data)
	do(t, "updates", "init", "-data", data, "-keys", stick)
	dir, built := updatestest.Build(t, "1.3.0", "linux")
	add := []string{"updates", "add", updatestest.List(t, dir, "1.3.0", built), "-keys", stick, "-data"}
	do(t, append(add, data)...)
	do(t, "backup", "-data", data, "-to", copies)
	made, err := filepath.Glob(filepath.Join(copies, "kopilka-*.db"))
	require.NoError(t, err)
	require.Len(t, made, 1)

	elsewhere := filepath.Join(t.TempDir(), "new machine")
	do(t, "restore", "-data", elsewhere, made[0])
	program := filepath.Join(elsewhere, "updates", "targets", "agent", "1.3.0", "linux-amd64", built.SHA256+".kopilka-agent")
	require.NoFileExists(t, program)
	do(t, "updates", "renew", "-data", elsewhere, "-keys", stick)
	require.Contains(t, do(t, append(add, elsewhere)...), "теперь они снова на месте: 1.3.0 (linux-amd64)")
	want, err := os.ReadFile(filepath.Join(dir, built.File))
	require.NoError(t, err)
	got, err := os.ReadFile(program)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Contains(t, do(t, append(add, elsewhere)...), "ничего не изменилось")
}

// vouched checks the vouch as a new till does.
func vouched(t *testing.T, data string) {
	t.Helper()
	p := program(&call{log: io.Discard}, cloud.Config{Listen: "127.0.0.1:0", Data: data})
	require.NoError(t, p.Open(t.Context()))
	o, err := p.Store.Org(t.Context(), 1)
	require.NoError(t, err)
	require.NoError(t, p.Close())
	root, err := os.ReadFile(filepath.Join(data, "updates", "metadata", "1.root.json"))
	require.NoError(t, err)
	vouch, err := os.ReadFile(filepath.Join(data, "updates", "vouch"))
	require.NoError(t, err)
	_, err = update.VerifyVouch(o.Root, 1, vouch, root)
	require.NoError(t, err)
	_, err = update.VerifyVouch(o.Root, 1, vouch, append(bytes.Clone(root), ' '))
	require.ErrorIs(t, err, update.ErrForged)
}

// status has a till say that its update failed, and reads it off the list.
func status(t *testing.T, data string) {
	t.Helper()
	p := program(&call{log: io.Discard}, cloud.Config{Listen: "127.0.0.1:0", Data: data})
	require.NoError(t, p.Open(t.Context()))
	code, err := p.Store.NewCode(t.Context(), 1, 1, 0, "test", rand.Reader)
	require.NoError(t, err)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	a, err := p.Store.Enrol(t.Context(), &wire.EnrolRequest{Secret: code.Secret, Key: public, Proof: ed25519.Sign(private, wire.ProofBytes(code.Secret)), Program: "kopilka-agent 1.2.0"})
	require.NoError(t, err)
	require.NoError(t, p.Store.SaveStatus(t.Context(), 1, a.Till, &wire.Status{
		At: sale.At(p.Now()), Update: &wire.UpdateStatus{Version: "1.3.0", State: wire.UpdateFailed, RU: "касса не отвечает", EN: "the register does not answer"},
	}))
	require.NoError(t, p.Close())
	require.Contains(t, do(t, "updates", "plan", "1.3.0", "-data", data), "0/1")
	require.Regexp(t, `Магазин на Ленина +1\.2\.0 +1\.3\.0 +1\.3\.0 FAILED / НЕ ВЫШЛО the register does not answer / касса не отвечает`, do(t, "updates", "status", "-data", data))
}

// taken has a till's own client, which knows the organisation's root and nothing else, take the version off a serving
// head office.
func taken(t *testing.T, data string) {
	t.Helper()
	p := program(&call{log: io.Discard}, cloud.Config{Listen: "127.0.0.1:0", Data: data})
	require.NoError(t, p.Open(t.Context()))
	o, err := p.Store.Org(t.Context(), 1)
	require.NoError(t, err)
	require.NoError(t, p.Close())
	do(t, "updates", "plan", "1.3.0", "-data", data, "-stores", "1")
	ctx, cancel := context.WithCancel(t.Context())
	address, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"serve", "-data", data, "-listen", "127.0.0.1:0"}, io.Discard, io.Discard, func(a string) { address <- a })
	}()
	client, err := update.NewClient(update.Options{
		URL: "http://" + <-address, HTTP: http.DefaultClient, Folder: t.TempDir(), OrgRoot: o.Root, Who: update.Who{Org: 1, Store: 1, Till: 1},
		Running: "1.2.0", OS: "linux", Arch: "amd64", Now: time.Now,
	})
	require.NoError(t, err)
	offer, found, err := client.Check(ctx)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "1.3.0", offer.Version)
	cancel()
	require.NoError(t, <-ended)
}

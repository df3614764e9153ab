package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/sale"
)

// postgresURL is the server that TestMain started; empty with the reason in postgresMissing.
var postgresURL, postgresMissing string

func TestMain(m *testing.M) { os.Exit(runWithPostgres(m)) }

func runWithPostgres(m *testing.M) int {
	stop, err := startPostgres()
	if err != nil {
		postgresMissing = err.Error()
	} else {
		defer stop()
	}
	return m.Run()
}

// startPostgres runs a private server in a temp folder; it refuses root, so root becomes nobody.
func startPostgres() (stop func(), err error) {
	bin := "/usr/lib/postgresql/15/bin"
	if _, err := os.Stat(filepath.Join(bin, "initdb")); err != nil {
		found, err := exec.LookPath("initdb")
		if err != nil {
			return nil, errors.New("no initdb in " + bin + " or PATH")
		}
		bin = filepath.Dir(found)
	}
	folder, err := os.MkdirTemp("", "kopilka-pg")
	if err != nil {
		return nil, err
	}
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() == 0 {
		attr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
		if err := errors.Join(os.Chmod(folder, 0o755), os.Chown(folder, 65534, 65534)); err != nil {
			return nil, err
		}
	}
	data := filepath.Join(folder, "data")
	run := func(name string, args ...string) *exec.Cmd {
		c := exec.Command(filepath.Join(bin, name), args...)
		c.SysProcAttr, c.Dir, c.Env = attr, folder, []string{"PATH=" + bin + ":/usr/bin:/bin", "LC_ALL=C"}
		return c
	}
	if out, err := run("initdb", "-N", "-A", "trust", "-U", "kopilka", "-E", "UTF8", "-D", data).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := free.Addr().(*net.TCPAddr).Port
	if err := free.Close(); err != nil {
		return nil, err
	}
	server := run("postgres", "-D", data, "-p", fmt.Sprint(port), "-k", folder, "-c", "listen_addresses=127.0.0.1")
	if err := server.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		_ = server.Process.Signal(syscall.SIGINT) // it may have ended already
		_ = server.Wait()                         // its exit status says nothing about the tests
		_ = os.RemoveAll(folder)                  // a temp folder
	}
	url := fmt.Sprintf("postgres://kopilka@127.0.0.1:%d/postgres?sslmode=disable", port)
	if out, err := run("pg_isready", "-q", "-h", "127.0.0.1", "-p", fmt.Sprint(port), "-t", "1").CombinedOutput(); err != nil {
		for range 100 {
			if out, err = run("pg_isready", "-h", "127.0.0.1", "-p", fmt.Sprint(port), "-t", "1").CombinedOutput(); err == nil {
				break
			}
		}
		if err != nil {
			stop()
			return nil, fmt.Errorf("the server does not answer: %w: %s", err, out)
		}
	}
	postgresURL = url
	return stop, nil
}

// onBoth runs a contract test on every engine; PostgreSQL is skipped by name where it is absent.
func onBoth(t *testing.T, test func(t *testing.T, s *Store)) {
	t.Run("sqlite", func(t *testing.T) { test(t, openIn(t, t.TempDir())) })
	t.Run("postgres", func(t *testing.T) { test(t, openPG(t)) })
}

// testNow is the moment at which every test's head office lives.
var testNow = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func openIn(t testing.TB, where string) *Store {
	t.Helper()
	s, err := Open(t.Context(), where, func() time.Time { return testNow })
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

var databases int

func openPG(t testing.TB) *Store {
	t.Helper()
	if postgresURL == "" {
		t.Skip("needs PostgreSQL: " + postgresMissing)
	}
	admin, err := openPostgres(postgresURL)
	require.NoError(t, err)
	databases++
	name := fmt.Sprintf("t%d", databases)
	_, err = admin.ExecContext(context.Background(), "CREATE DATABASE "+name)
	require.NoError(t, err)
	require.NoError(t, admin.Close())
	var port int
	_, err = fmt.Sscanf(postgresURL, "postgres://kopilka@127.0.0.1:%d/", &port)
	require.NoError(t, err)
	return openIn(t, fmt.Sprintf("postgres://kopilka@127.0.0.1:%d/%s?sslmode=disable", port, name))
}

func TestOrgSurvivesReopening(t *testing.T) {
	folder := t.TempDir()
	s, err := Open(t.Context(), folder, time.Now)
	require.NoError(t, err)
	org, err := s.CreateOrg(t.Context(), "Рога и копыта", rand.Reader)
	require.NoError(t, err)
	before, err := s.Org(t.Context(), org)
	require.NoError(t, err)
	require.NoError(t, s.Close())

	after, err := openIn(t, folder).Org(t.Context(), org)
	require.NoError(t, err)
	require.Equal(t, before, after)
	info, err := os.Stat(filepath.Join(folder, FileName))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "the file holds private keys")
}

func TestOrgs(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		a, err := s.CreateOrg(t.Context(), "А", rand.Reader)
		require.NoError(t, err)
		b, err := s.CreateOrg(t.Context(), "Б", rand.Reader)
		require.NoError(t, err)
		all, err := s.Orgs(t.Context())
		require.NoError(t, err)
		require.Equal(t, []sale.OrgNo{a, b}, all)
		require.NoError(t, s.RaiseGeneration(t.Context(), a))
		g, err := s.Generation(t.Context(), a)
		require.NoError(t, err)
		require.Equal(t, uint32(2), g)
	})
}

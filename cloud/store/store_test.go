package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
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
		last, err := s.Generation(t.Context(), a)
		require.NoError(t, err)
		for range 2 {
			require.NoError(t, s.RaiseGeneration(t.Context(), a))
			g, err := s.Generation(t.Context(), a)
			require.NoError(t, err)
			require.Greater(t, g, last)
			last = g
		}
	})
}

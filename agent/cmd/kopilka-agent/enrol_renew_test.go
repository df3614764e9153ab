package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
)

// A till in the middle of a sale keeps its old config until a person restarts it; nothing changed, nothing said.
func TestABusyTillIsNotRestartedForItsConfig(t *testing.T) {
	answer := `{"idle": false}`
	till := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/health", r.URL.Path)
		_, _ = w.Write([]byte(answer))
	}))
	defer till.Close()
	page := strings.TrimPrefix(till.URL, "http://")
	var out bytes.Buffer
	e := &newTill{setup: setup{out: &out, lang: "en", config: agent.Config{Page: page}, known: true}}
	require.NoError(t, e.renew(t.Context()))
	require.Empty(t, out.String(), "the config is what it was")
	e.changed = true
	require.NoError(t, e.renew(t.Context()))
	require.Contains(t, out.String(), "When it is free: kopilka-agent service stop")

	answer = `{"idle": true}`
	require.True(t, idle(t.Context(), page))
	till.Close()
	require.True(t, idle(t.Context(), page), "what does not answer is disturbed by nothing")
}

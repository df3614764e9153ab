package main

import (
	"bytes"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A word that nobody reads may be a path that somebody believes is read.
func TestWordsTooManyAreRefused(t *testing.T) {
	for _, line := range []string{
		"run foo", "check-config foo", "doctor foo -config x", "doctor scanner foo", "doctor print foo", "devices foo", "notify foo",
		"version foo", "service status foo", "ledger verify foo", "ledger export foo", "ledger compact foo", "ledger explain customer 1 foo",
		"enrol http://h CODE foo", "enroll http://h CODE foo", "capture list file foo", "capture replay file foo",
	} {
		err := dispatch(t.Context(), strings.Fields(line), &bytes.Buffer{})
		require.ErrorContains(t, err, `"foo" is one word too many`, line)
		require.ErrorContains(t, err, "лишнее слово", line)
	}
	for _, line := range []string{"ledger explain 7 -config x", "capture show file -config x"} {
		require.ErrorContains(t, dispatch(t.Context(), strings.Fields(line), &bytes.Buffer{}), "put -config before the words", line)
	}
	none := filepath.Join(t.TempDir(), "none")
	for _, line := range []string{"enrol http://h CODE -config " + none, "enroll http://h -config " + none + " CODE", "enroll -config " + none + " http://h CODE"} {
		require.ErrorContains(t, dispatch(t.Context(), strings.Fields(line), &bytes.Buffer{}), "This is no enrolment code", line)
	}
	require.NoFileExists(t, none, "nothing is written for a code that is none")
	for _, line := range []string{"enrol -config " + none + " URL CODE", "ledger explain -config " + none + " customer 7"} {
		require.NotContains(t, dispatch(t.Context(), strings.Fields(line), &bytes.Buffer{}).Error(), "too many", line)
	}
}

// Who installs a till reads Russian or English; no command may speak but one of them.
func TestHelpSpeaksBothLanguages(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, dispatch(t.Context(), []string{"help"}, &out))
	cyrillic := regexp.MustCompile(`\p{Cyrillic}`)
	for name, c := range commands {
		require.NotEmpty(t, c.usage, name)
		require.NotRegexp(t, cyrillic, c.usage, name)
		require.Regexp(t, cyrillic, c.usageRu, name)
		require.Contains(t, out.String(), c.usage, name)
		require.Contains(t, out.String(), c.usageRu, name)
	}
}

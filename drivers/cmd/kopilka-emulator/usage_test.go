package main

import (
	"bytes"
	"flag"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// keysOf are the YAML keys of a struct and of those in it.
func keysOf(t reflect.Type) (keys []string) {
	switch t.Kind() {
	case reflect.Slice:
		return keysOf(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			keys = append(append(keys, t.Field(i).Tag.Get("yaml")), keysOf(t.Field(i).Type)...)
		}
	}
	return keys
}

func TestHelpNamesEverySetting(t *testing.T) {
	var out bytes.Buffer
	require.ErrorIs(t, run(t.Context(), []string{"-help"}, &out), flag.ErrHelp)
	for _, key := range keysOf(reflect.TypeFor[config]()) {
		require.Regexp(t, `(?m)^[ -]*`+regexp.QuoteMeta(key)+`:`, out.String())
	}
	require.Contains(t, out.String(), "-listen")
	_, text, found := strings.Cut(usage, "\n\nlisten:")
	require.True(t, found)
	text, _, _ = strings.Cut(text, "\n\nPower")
	d := yaml.NewDecoder(strings.NewReader("listen:" + text))
	d.KnownFields(true)
	var c config
	require.NoError(t, d.Decode(&c), "it can be pasted")
}

package atol

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
)

func TestARefusedMarkQuotesNoNameThatQuotesItself(t *testing.T) {
	for name, want := range map[string]string{
		"Вода":          "«Вода»: код маркировки",
		"Сок «Добрый»":  "Сок «Добрый»: код маркировки",
		`Вода "Архыз"`:  `Вода "Архыз": код маркировки`,
		"Вода „Нарзан“": "Вода „Нарзан“: код маркировки",
	} {
		var told *drivers.Error
		require.True(t, errors.As(refusedMark(name), &told))
		require.True(t, strings.HasPrefix(told.Hint.RU, want), told.Hint.RU)
	}
	require.ErrorContains(t, refusedMark("Вода"), `the marking code of "Вода" is refused`)
	require.ErrorContains(t, refusedMark("Сок «Добрый»"), "the marking code of Сок «Добрый» is refused")
}

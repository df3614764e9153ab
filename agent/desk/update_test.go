package desk_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/agent/desk"
)

// held is a till that is being updated, with a scan that was refused.
func held() agent.View {
	v := base(agent.StageSale)
	text := say("Программа обновляется, это займёт меньше минуты. Подождите и повторите", "The program is being updated, which takes less than a minute. Wait, then repeat")
	v.Held = &agent.HoldView{Seconds: 40, Text: text}
	v.Notices = append(v.Notices, agent.Notice{ID: 7, Level: "error", At: now(), Text: text})
	return v
}

func heldSignIn() agent.View {
	v := signingIn()
	v.Held = held().Held
	return v
}

// updated serves a desk whose till is told what to say to its updater.
func updated(t *testing.T, health func(context.Context) (any, error), hold func(context.Context, int) error) string {
	t.Helper()
	d := desk.New(desk.Options{Till: newScript(selling()), Logger: slog.New(slog.DiscardHandler), Health: health, Hold: hold})
	t.Cleanup(d.Close)
	s := httptest.NewServer(d)
	t.Cleanup(s.Close)
	return s.URL
}

func asks(t *testing.T, method, url, body string, header ...string) (int, string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		if q.Header.Set(header[i], header[i+1]); header[i] == "Host" {
			q.Host = header[i+1]
		}
	}
	a, err := http.DefaultClient.Do(q)
	require.NoError(t, err)
	b, err := io.ReadAll(a.Body)
	require.NoError(t, errors.Join(err, a.Body.Close()))
	return a.StatusCode, string(b)
}

func TestHealthIsForThisMachine(t *testing.T) {
	var ill error
	url := updated(t, func(context.Context) (any, error) { return map[string]bool{"ledger": true}, ill }, nil)
	status, body := asks(t, "GET", url+"/health", "")
	require.Equal(t, http.StatusOK, status)
	require.JSONEq(t, `{"ledger":true}`, body)
	status, _ = asks(t, "GET", url+"/health", "", "Host", "till.example")
	require.Equal(t, http.StatusForbidden, status)
	status, _ = asks(t, "GET", url+"/health", "", "Origin", "https://till.example")
	require.Equal(t, http.StatusForbidden, status)
	ill = context.DeadlineExceeded
	status, body = asks(t, "GET", url+"/health", "")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, "kopilka-agent")
	status, _ = asks(t, "POST", url+"/hold", `{"seconds":1}`, "X-Kopilka", "1")
	require.Equal(t, http.StatusNotFound, status, "this program is not held")
}

func TestHoldTakesSecondsAndGivesReasons(t *testing.T) {
	var asked []int
	var refusal error
	url := updated(t, nil, func(_ context.Context, seconds int) error { asked = append(asked, seconds); return refusal })
	status, _ := asks(t, "POST", url+"/hold", `{"seconds":60}`)
	require.Equal(t, http.StatusForbidden, status, "a form of a foreign page cannot set the header")
	for body, want := range map[string]int{
		`{"seconds":-1}`: http.StatusBadRequest, `{}`: http.StatusBadRequest, `{"seconds":"x"}`: http.StatusBadRequest, `{"second":1}`: http.StatusBadRequest,
		"": http.StatusBadRequest, strings.Repeat(" ", 5000): http.StatusRequestEntityTooLarge,
	} {
		status, _ = asks(t, "POST", url+"/hold", body, "X-Kopilka", "1")
		require.Equal(t, want, status, body)
	}
	require.Empty(t, asked)
	for _, body := range []string{`{"seconds":60}`, `{"seconds":0}`} {
		status, answer := asks(t, "POST", url+"/hold", body, "X-Kopilka", "1")
		require.Equal(t, http.StatusOK, status)
		require.JSONEq(t, `{"ok":true}`, answer)
	}
	require.Equal(t, []int{60, 0}, asked)

	refusal = &agent.Refusal{Text: say("В чеке товары", "Goods in the basket")}
	status, body := asks(t, "POST", url+"/hold", `{"seconds":60}`, "X-Kopilka", "1")
	require.Equal(t, http.StatusConflict, status)
	var answer struct{ Error agent.Text }
	require.NoError(t, json.Unmarshal([]byte(body), &answer))
	require.Equal(t, "Goods in the basket", answer.Error.EN)
	refusal = errors.New("stuck")
	status, _ = asks(t, "POST", url+"/hold", `{"seconds":60}`, "X-Kopilka", "1")
	require.Equal(t, http.StatusServiceUnavailable, status)
	status, _ = asks(t, "GET", url+"/health", "")
	require.Equal(t, http.StatusNotFound, status)
}

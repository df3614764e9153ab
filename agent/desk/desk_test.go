package desk_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/agent/desk"
)

const token = "0123456789abcdef0123456789abcdef"

// serve starts a desk on a free port of this machine and stops it when the test ends.
func serve(t testing.TB, till desk.Till) string {
	t.Helper()
	l, err := desk.Listen("127.0.0.1:0")
	require.NoError(t, err)
	d := desk.New(desk.Options{Till: till, Logger: slog.New(slog.DiscardHandler), NoticeToken: token})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return l.Addr().String()
}

func dial(t testing.TB, address string, header http.Header) (*websocket.Conn, error) {
	t.Helper()
	conn, answer, err := websocket.DefaultDialer.Dial("ws://"+address+"/socket", header)
	if err != nil {
		return nil, err
	}
	require.NoError(t, answer.Body.Close())
	t.Cleanup(func() { _ = conn.Close() }) // the test may have closed it already
	return conn, nil
}

type heard struct {
	View  *agent.View `json:"view"`
	Reply *struct {
		ID    uint64      `json:"id"`
		OK    bool        `json:"ok"`
		Error *agent.Text `json:"error"`
	} `json:"reply"`
}

func hear(t testing.TB, conn *websocket.Conn) heard {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	var m heard
	require.NoError(t, conn.ReadJSON(&m))
	return m
}

// hearReply skips views and beats.
func hearReply(t testing.TB, conn *websocket.Conn) heard {
	t.Helper()
	for {
		if m := hear(t, conn); m.Reply != nil {
			return m
		}
	}
}

func TestListenRefusesOtherAddresses(t *testing.T) {
	for _, address := range []string{":0", "0.0.0.0:0", "[::]:0", "192.168.1.5:0", "example.com:0", "127.0.0.1", ""} {
		_, err := desk.Listen(address)
		require.ErrorIs(t, err, desk.ErrNotHere, address)
	}
	for _, address := range []string{"127.0.0.1:0", "localhost:0"} {
		l, err := desk.Listen(address)
		require.NoError(t, err, address)
		require.NoError(t, l.Close())
	}
}

func TestServeRefusesForeignListener(t *testing.T) {
	l, err := net.Listen("tcp", "0.0.0.0:0")
	require.NoError(t, err)
	defer l.Close()
	err = desk.New(desk.Options{Till: newScript(agent.View{})}).Serve(context.Background(), l)
	require.ErrorIs(t, err, desk.ErrNotHere)
}

func TestRequestsFromElsewhere(t *testing.T) {
	address := serve(t, newScript(agent.View{}))
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	cases := []struct {
		name, host, origin string
		status             int
	}{
		{"by number", address, "", 200},
		{"by name", "localhost:" + port, "", 200},
		{"IPv6", "[::1]:" + port, "", 200},
		{"own page", address, "http://" + address, 200},
		{"rebound name", "evil.example:" + port, "", 403},
		{"no port", "127.0.0.1", "", 403},
		{"another port", "127.0.0.1:1", "", 403},
		{"another machine", "192.168.1.5:" + port, "", 403},
		{"name like ours", "localhost.evil.example:" + port, "", 403},
		{"foreign page", address, "http://evil.example", 403},
		{"page of another local program", address, "http://127.0.0.1:1", 403},
		{"sandboxed page", address, "null", 403},
		{"https page", address, "https://" + address, 403},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r, err := http.NewRequest(http.MethodGet, "http://"+address+"/products?q=a", nil)
			require.NoError(t, err)
			r.Host = c.host
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			answer, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			require.Equal(t, c.status, answer.StatusCode)
		})
	}
}

// An image of a foreign page comes without an Origin; the browser says where it is from all the same.
func TestForeignImageAsksForNothing(t *testing.T) {
	address := serve(t, newScript(agent.View{}))
	for _, c := range []struct {
		site, mode string
		status     int
	}{
		{"", "", 200},
		{"none", "navigate", 200},
		{"same-origin", "cors", 200},
		{"cross-site", "navigate", 200}, // a link to the till's page, as in a manual
		{"cross-site", "no-cors", 403},
		{"same-site", "no-cors", 403}, // another program's page on this machine
	} {
		r, err := http.NewRequest(http.MethodGet, "http://"+address+"/doctor.json", nil)
		require.NoError(t, err)
		r.Header.Set("Sec-Fetch-Site", c.site)
		r.Header.Set("Sec-Fetch-Mode", c.mode)
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, c.status == 403, answer.StatusCode == http.StatusForbidden, "%+v: %d", c, answer.StatusCode)
	}
}

func TestSocketRefusesForeignPage(t *testing.T) {
	till := newScript(agent.View{})
	address := serve(t, till)
	_, err := dial(t, address, http.Header{"Origin": {"http://evil.example"}})
	require.ErrorIs(t, err, websocket.ErrBadHandshake)
	require.Zero(t, till.watching())
	_, err = dial(t, address, http.Header{"Origin": {"http://" + address}})
	require.NoError(t, err)
}

func TestPageForbidsWhatItDoesNotUse(t *testing.T) {
	address := serve(t, newScript(agent.View{}))
	answer, err := http.Get("http://" + address + "/")
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Contains(t, string(body), `<html lang="ru">`)
	require.NotContains(t, string(body), "://", "the page must not load anything from elsewhere")
	require.Contains(t, answer.Header.Get("Content-Security-Policy"), "default-src 'none'")
	require.Empty(t, answer.Cookies())
}

// Nothing of the page may come from another machine: the till works with the cable cut.
func TestAssetsNameNoOtherMachine(t *testing.T) {
	paths, err := filepath.Glob("assets/*")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		rest := strings.NewReplacer("http://www.w3.org/2000/svg", "", "ws://${location.host}", "").Replace(string(b))
		require.NotContains(t, rest, "://", path)
	}
}

func TestCommandOverSocket(t *testing.T) {
	till := newScript(agent.View{Store: "Магазин"})
	refusal := &agent.Refusal{Text: agent.Text{RU: "Нет такого товара", EN: "No such product"}, Err: errors.New("not in the catalogue")}
	till.answers(func(_ context.Context, c agent.Command) error {
		switch c.Code {
		case "404":
			return refusal
		case "500":
			return errors.New("disk: secret detail")
		}
		return nil
	})
	conn, err := dial(t, serve(t, till), nil)
	require.NoError(t, err)
	require.Equal(t, "Магазин", hear(t, conn).View.Store)

	require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte(`{"id":7,"command":{"do":"scan","code":"4607001"}}`)))
	m := hearReply(t, conn)
	require.Equal(t, uint64(7), m.Reply.ID)
	require.True(t, m.Reply.OK)
	require.Equal(t, agent.Command{Do: "scan", Code: "4607001"}, <-till.asked)

	require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte(`{"id":8,"command":{"do":"scan","code":"404"}}`)))
	m = hearReply(t, conn)
	require.False(t, m.Reply.OK)
	require.Equal(t, refusal.Text, *m.Reply.Error)

	require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte(`{"id":9,"command":{"do":"scan","code":"500"}}`)))
	m = hearReply(t, conn)
	require.NotContains(t, m.Reply.Error.EN, "secret", "the detail is for the log")
	require.NotEmpty(t, m.Reply.Error.RU)
}

func TestMalformedMessages(t *testing.T) {
	till := newScript(agent.View{})
	conn, err := dial(t, serve(t, till), nil)
	require.NoError(t, err)
	bad := []string{
		`{`, ``, `null`, `[]`, `{"id":1}`, `{"id":1,"command":null}`, `{"id":1,"command":{}}`, `{"id":1,"command":{"do":""}}`,
		`{"id":1,"command":{"do":"scan","kode":"1"}}`, `{"id":1,"command":{"do":"qty","qty":1.5}}`, `{"id":1,"command":{"do":5}}`,
		`{"id":-1,"command":{"do":"next"}}`, `{"id":1,"command":{"do":"next"}} {"id":2}`, `{"id":1,"command":{"do":"recall","id":"zz"}}`, "\xff\xfe",
	}
	for _, text := range bad {
		require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte(text)))
		m := hearReply(t, conn)
		require.False(t, m.Reply.OK, text)
		require.Contains(t, m.Reply.Error.EN, "does not understand", text)
	}
	require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte(`{"id":99,"command":{"do":"next"}}`)))
	require.True(t, hearReply(t, conn).Reply.OK, "a page that sent rubbish goes on working")
	require.Equal(t, "next", (<-till.asked).Do)
	require.Empty(t, till.asked, "rubbish never reaches the till")
}

func TestOversizedMessageEndsTheSocket(t *testing.T) {
	till := newScript(agent.View{})
	conn, err := dial(t, serve(t, till), nil)
	require.NoError(t, err)
	hear(t, conn)
	long := fmt.Sprintf(`{"id":1,"command":{"do":"scan","code":%q}}`, strings.Repeat("1", 20<<10))
	_ = conn.WriteMessage(websocket.TextMessage, []byte(long)) // the desk may hang up before it has all been written
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, _, err = conn.ReadMessage()
	require.Error(t, err)
	var timeout net.Error
	require.False(t, errors.As(err, &timeout) && timeout.Timeout(), "the desk must hang up by itself: %v", err)
	require.Eventually(t, func() bool { return till.watching() == 0 }, time.Minute, 5*time.Millisecond)
	require.Empty(t, till.asked)
}

func TestScansKeepTheirOrderAndResumeOvertakes(t *testing.T) {
	till := newScript(agent.View{})
	release := make(chan struct{})
	till.answers(func(ctx context.Context, c agent.Command) error {
		if c.Code == "0" {
			select {
			case <-release:
			case <-ctx.Done():
			}
		}
		return nil
	})
	conn, err := dial(t, serve(t, till), nil)
	require.NoError(t, err)
	for i := range 10 {
		require.NoError(t, conn.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"id":%d,"command":{"do":"scan","code":"%d"}}`, i+1, i)))
	}
	require.Equal(t, "0", (<-till.asked).Code)
	require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte(`{"id":50,"command":{"do":"resume"}}`)))
	require.Equal(t, "resume", (<-till.asked).Do, "resume gets through while the first scan waits")
	require.Equal(t, uint64(50), hearReply(t, conn).Reply.ID)
	close(release)
	for i := range 10 {
		require.Equal(t, uint64(i+1), hearReply(t, conn).Reply.ID)
		if i > 0 {
			require.Equal(t, fmt.Sprint(i), (<-till.asked).Code)
		}
	}
}

func TestTooManyCommandsAreRefusedNotQueued(t *testing.T) {
	till := newScript(agent.View{})
	release := make(chan struct{})
	till.answers(func(ctx context.Context, _ agent.Command) error {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil
	})
	conn, err := dial(t, serve(t, till), nil)
	require.NoError(t, err)
	send := func(id int) {
		require.NoError(t, conn.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"id":%d,"command":{"do":"drawer"}}`, id)))
	}
	const sent, taken = 100, 1 + 32 // one at work, a queue behind it
	send(1)
	require.Equal(t, "drawer", (<-till.asked).Do)
	for id := 2; id <= sent; id++ {
		send(id)
	}
	for range sent - taken {
		m := hearReply(t, conn)
		require.False(t, m.Reply.OK)
		require.Contains(t, m.Reply.Error.EN, "busy")
	}
	close(release)
	for range taken {
		require.True(t, hearReply(t, conn).Reply.OK)
	}
	require.Len(t, till.asked, taken-1, "each command was either done or refused")
}

func TestEveryPageGetsEveryState(t *testing.T) {
	till := newScript(agent.View{Stage: agent.StageSignIn})
	address := serve(t, till)
	one, err := dial(t, address, nil)
	require.NoError(t, err)
	two, err := dial(t, address, nil)
	require.NoError(t, err)
	for _, conn := range []*websocket.Conn{one, two} {
		require.Equal(t, agent.StageSignIn, hear(t, conn).View.Stage)
	}
	till.show(agent.View{Stage: agent.StageSale})
	for _, conn := range []*websocket.Conn{one, two} {
		v := hear(t, conn).View
		require.Equal(t, agent.StageSale, v.Stage)
		require.NotNil(t, v.Basket.Lines, "a list is never null")
	}
}

// A page that stops reading must neither hold up the till nor read old views afterwards.
func TestSlowPageGetsTheLatestView(t *testing.T) {
	till := newScript(agent.View{})
	conn, err := dial(t, serve(t, till), nil)
	require.NoError(t, err)
	hear(t, conn)
	heavy := agent.View{Org: strings.Repeat("x", 1<<20)} // fills the socket's buffers soon
	const views = 200
	for range views {
		till.show(heavy)
	}
	last := agent.View{Store: "last"}
	till.show(last)
	read := 0
	for {
		read++
		if hear(t, conn).View.Store == "last" {
			break
		}
	}
	require.Less(t, read, views/4, "views that nobody read were replaced, not queued")
}

func TestClosedPageStopsWatching(t *testing.T) {
	till := newScript(agent.View{})
	address := serve(t, till)
	conn, err := dial(t, address, nil)
	require.NoError(t, err)
	hear(t, conn)
	require.Equal(t, 1, till.watching())
	require.NoError(t, conn.Close())
	require.Eventually(t, func() bool { return till.watching() == 0 }, time.Minute, 5*time.Millisecond)
}

func TestCloseTellsThePage(t *testing.T) {
	till := newScript(agent.View{})
	l, err := desk.Listen("127.0.0.1:0")
	require.NoError(t, err)
	d := desk.New(desk.Options{Till: till, Logger: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Serve(ctx, l) }()
	conn, err := dial(t, l.Addr().String(), nil)
	require.NoError(t, err)
	hear(t, conn)
	cancel()
	require.NoError(t, <-ended)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, _, err = conn.ReadMessage()
	require.True(t, websocket.IsCloseError(err, websocket.CloseGoingAway), "%v", err)
	require.Zero(t, till.watching())
}

func post(t *testing.T, address, body string, header bool) (int, heard) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+address+"/command", strings.NewReader(body))
	require.NoError(t, err)
	if header {
		r.Header.Set("X-Kopilka", "1")
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	var m heard
	if bytes.HasPrefix(b, []byte("{")) {
		require.NoError(t, json.Unmarshal(b, &m.Reply))
	}
	return answer.StatusCode, m
}

func TestCommandByPost(t *testing.T) {
	till := newScript(agent.View{})
	address := serve(t, till)
	status, _ := post(t, address, `{"do":"next"}`, false)
	require.Equal(t, http.StatusForbidden, status, "a form of a foreign page cannot set the header")
	status, m := post(t, address, `{"do":"next"}`, true)
	require.Equal(t, http.StatusOK, status)
	require.True(t, m.Reply.OK)
	require.Equal(t, "next", (<-till.asked).Do)
	for _, bad := range []string{`{`, `{"do":"scan","kode":"1"}`, `{"do":"next"}{"do":"next"}`} {
		status, m = post(t, address, bad, true)
		require.Equal(t, http.StatusBadRequest, status)
		require.NotEmpty(t, m.Reply.Error.RU)
	}
	status, _ = post(t, address, strings.Repeat(" ", 20<<10), true)
	require.Equal(t, http.StatusRequestEntityTooLarge, status)
	till.answers(func(context.Context, agent.Command) error {
		return &agent.Refusal{Text: agent.Text{RU: "нельзя", EN: "no"}}
	})
	status, m = post(t, address, `{"do":"clear"}`, true)
	require.Equal(t, http.StatusConflict, status)
	require.Equal(t, "no", m.Reply.Error.EN)
}

func TestSearches(t *testing.T) {
	till := newScript(agent.View{})
	till.catalog = []agent.ProductView{{SKU: "1", Name: "Молоко"}, {SKU: "2", Name: "Хлеб"}}
	address := serve(t, till)
	for path, want := range map[string]string{
		"/products?q=" + "%D0%BC%D0%BE%D0%BB": `"sku":"1"`,
		"/products?q=zzz":                     `{"products":[]}`,
		"/receipts":                           `{"receipts":[]}`,
	} {
		answer, err := http.Get("http://" + address + path)
		require.NoError(t, err)
		b, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Contains(t, string(b), want, path)
	}
}

func TestNoticeStream(t *testing.T) {
	paper := agent.Notice{ID: 3, Level: "error", Text: agent.Text{RU: "Нет бумаги", EN: "No paper"}}
	till := newScript(agent.View{Notices: []agent.Notice{paper}})
	address := serve(t, till)
	for _, wrong := range []string{"", "Bearer ", "Bearer 00"} {
		answer := notices(t, address, wrong)
		require.Equal(t, http.StatusUnauthorized, answer.StatusCode)
		require.NoError(t, answer.Body.Close())
	}
	answer := notices(t, address, "Bearer "+token)
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	require.Equal(t, "notice", nextEvent(t, lines))
	till.show(agent.View{Notices: []agent.Notice{paper, {ID: 4, Level: "info"}}})
	require.Equal(t, "notice", nextEvent(t, lines), "only the new one")
	till.show(agent.View{})
	require.Equal(t, "gone", nextEvent(t, lines))
	require.Equal(t, "gone", nextEvent(t, lines))
	cover := agent.View{Now: 1, Register: agent.RegisterView{Text: &agent.Text{RU: "Крышка", EN: "Cover"}}}
	till.show(cover)
	require.Equal(t, "notice", nextEvent(t, lines), "what the page's bar says is told too")
	cover.Now = 2
	till.show(cover)
	till.show(agent.View{Now: 3})
	require.Equal(t, "gone", nextEvent(t, lines), "the same trouble is told once")
}

func notices(t *testing.T, address, authorization string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/notices", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", authorization)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	return answer
}

// nextEvent gives the event's name, skipping beats.
func nextEvent(t *testing.T, lines *bufio.Scanner) string {
	t.Helper()
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			return name
		}
	}
	require.NoError(t, lines.Err())
	require.Fail(t, "the stream ended")
	return ""
}

func TestNoticeTokenIsMadeOnceAndKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notice-token")
	first, err := desk.NoticeToken(path)
	require.NoError(t, err)
	require.Len(t, first, 32)
	again, err := desk.NoticeToken(path)
	require.NoError(t, err)
	require.Equal(t, first, again)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o007, "not readable by everybody")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err = desk.NoticeToken(path)
	require.ErrorContains(t, err, "delete it", "an empty token would let everybody in")
}

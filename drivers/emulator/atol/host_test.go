package atol_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/emulator/atol"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
)

// host is a client that writes its bytes by hand, so that no driver's mistake is shared.
type host struct {
	t    *testing.T
	reg  *atol.Register
	conn net.Conn
	r    *bufio.Reader
	auth string
	seq  int
}

// desk puts a register and a host on a link in memory.
func desk(t *testing.T, o atol.Options) *host {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) }
	}
	reg, err := atol.New(o)
	require.NoError(t, err)
	h := &host{t: t, reg: reg}
	h.plug()
	t.Cleanup(func() { require.NoError(t, reg.Close()) })
	return h
}

// plug makes a new connection.
func (h *host) plug() {
	near, far := net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	var served sync.WaitGroup
	served.Go(func() { _ = h.reg.Serve(ctx, far) }) // ends with the link
	h.t.Cleanup(func() {
		cancel()
		served.Wait()
	})
	h.conn, h.r = near, bufio.NewReader(near)
}

// ask sends bytes and reads one answer; code 0 is a link that closed instead.
func (h *host) ask(method, path, body string) (code int, text string) {
	h.t.Helper()
	head := method + " " + path + " HTTP/1.1\r\nHost: x\r\n"
	if h.auth != "" {
		head += "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(h.auth)) + "\r\n"
	}
	_, err := fmt.Fprintf(h.conn, "%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
	if err != nil {
		return 0, ""
	}
	resp, err := http.ReadResponse(h.r, nil)
	if err != nil {
		return 0, ""
	}
	raw, err := io.ReadAll(resp.Body)
	require.NoError(h.t, err)
	return resp.StatusCode, string(raw)
}

type states struct {
	Results []struct {
		Status string
		Error  struct{ Code int }
		Result json.RawMessage
	}
}

func (h *host) post(uuid, tasks string) int {
	code, _ := h.ask("POST", "/api/v2/requests", `{"uuid":"`+uuid+`","request":[`+tasks+`]}`)
	return code
}

func (h *host) get(uuid string) states {
	h.t.Helper()
	code, text := h.ask("GET", "/api/v2/requests/"+uuid, "")
	require.Equal(h.t, 200, code)
	var s states
	require.NoError(h.t, json.Unmarshal([]byte(text), &s))
	return s
}

// do posts one task and gives its status, code and result.
func (h *host) do(tasks string) (status string, code int, result string) {
	h.t.Helper()
	h.seq++
	uuid := fmt.Sprintf("u%d", h.seq)
	require.Equal(h.t, 201, h.post(uuid, tasks))
	r := h.get(uuid).Results[0]
	return r.Status, r.Error.Code, string(r.Result)
}

func (h *host) ready(tasks string) string {
	h.t.Helper()
	status, code, result := h.do(tasks)
	require.Equal(h.t, "ready", status, "code %d", code)
	return result
}

const (
	open = `{"type":"openShift","operator":{"name":"Иванова"}}`
	sell = `{"type":"sell","taxationType":"osn","items":[{"type":"position","name":"Сыр","price":799.00,"quantity":0.432,"amount":345.17,` +
		`"paymentMethod":"fullPayment","paymentObject":"commodity","tax":{"type":"vat22"}}],"payments":[{"type":"cash","sum":500.00}],"total":345.17}`
)

func TestShiftByHand(t *testing.T) {
	h := desk(t, atol.Options{})
	require.Contains(t, h.ready(open), `"fiscalDocumentNumber":2`)
	sold := h.ready(sell)
	require.Contains(t, sold, `"total":345.17`)
	require.Contains(t, sold, `"fiscalDocumentDateTime":"2026-03-02T12:00:00`)
	docs := h.reg.Documents()
	require.Len(t, docs, 3)
	d := docs[2]
	require.Contains(t, sold, fmt.Sprintf(`"fiscalDocumentSign":"%d"`, d.Sign))
	require.Equal(t, int64(432_000), d.Lines[0].Qty)
	require.EqualValues(t, 15483, d.Change)
	require.EqualValues(t, 34517, h.reg.Cash())
	require.Contains(t, h.ready(`{"type":"getFnDocument","fiscalDocumentNumber":3}`), `"1020":345.17`)
	require.Contains(t, h.ready(`{"type":"closeShift"}`), `"fiscalDocumentNumber":4`)
	require.Contains(t, h.ready(`{"type":"getShiftStatus"}`), `"state":"closed"`)
	var tape []string
	for _, l := range h.reg.Tape() {
		tape = append(tape, l.Text)
	}
	require.Contains(t, strings.Join(tape, "\n"), "0.432 x 799.00")
}

func TestRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		before []string
		task   string
		code   int
	}{
		"no shift":            {nil, sell, 73},
		"shift open":          {[]string{open}, open, 83},
		"too little money":    {[]string{open}, strings.Replace(sell, `"sum":500.00`, `"sum":300.00`, 1), 66},
		"too much by card":    {[]string{open}, strings.Replace(sell, `"cash"`, `"electronically"`, 1), 52},
		"wrong total":         {[]string{open}, strings.Replace(sell, `"total":345.17`, `"total":340.00`, 1), 227},
		"wrong sum":           {[]string{open}, strings.Replace(sell, `"amount":345.17`, `"amount":345.20`, 1), 13},
		"rate":                {[]string{open}, strings.Replace(sell, "vat22", "vat99", 1), 144},
		"tax system":          {[]string{open}, strings.Replace(sell, `"osn"`, `"envd"`, 1), 143},
		"return without cash": {[]string{open}, strings.Replace(sell, `"sell"`, `"sellReturn"`, 1), 53},
		"unknown task":        {nil, `{"type":"playMusic"}`, 11},
		"unchecked code":      {[]string{open}, strings.Replace(sell, `"tax":`, `"imcParams":{"imcType":"auto","imc":"MDE=","itemEstimatedStatus":"itemPieceSold","imcModeProcessing":0},"tax":`, 1), 420},
		"clock in a shift":    {[]string{open}, `{"type":"setDateTime","dateTime":"2026.03.03 10:00:00"}`, 83},
		"no such document":    {nil, `{"type":"getFnDocument","fiscalDocumentNumber":99}`, 123},
		"accept of nothing":   {nil, `{"type":"acceptMarkingCode"}`, 410},
		"more than there is":  {nil, `{"type":"cashOut","cashSum":1.00}`, 80},
	} {
		t.Run(name, func(t *testing.T) {
			h := desk(t, atol.Options{})
			for _, b := range tt.before {
				h.ready(b)
			}
			n := len(h.reg.Documents())
			status, code, _ := h.do(tt.task)
			require.Equal(t, "error", status)
			require.Equal(t, tt.code, code)
			require.Len(t, h.reg.Documents(), n)
		})
	}
}

func TestQueue(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	h := desk(t, atol.Options{JobTime: time.Second, Now: func() time.Time { return now }})
	require.Equal(t, 201, h.post("a", open))
	require.Equal(t, 201, h.post("b", sell))
	require.Equal(t, 409, h.post("a", open), "one uuid, one work")
	require.Equal(t, "inProgress", h.get("a").Results[0].Status)
	require.Equal(t, "wait", h.get("b").Results[0].Status)
	require.Equal(t, 201, h.post("c", sell))
	code, _ := h.ask("DELETE", "/api/v2/requests/c", "")
	require.Equal(t, 200, code)
	now = now.Add(time.Minute)
	require.Equal(t, "ready", h.get("b").Results[0].Status)
	require.Equal(t, "canceled", h.get("c").Results[0].Status)
	code, _ = h.ask("DELETE", "/api/v2/requests/b", "")
	require.Equal(t, 405, code, "it is done")
	code, _ = h.ask("GET", "/api/v2/requests/z", "")
	require.Equal(t, 404, code)
	code, _ = h.ask("GET", "/", "")
	require.Equal(t, 404, code)
	require.Equal(t, 400, h.post("d", sell+","+open), "two fiscal tasks in one request")
	require.Equal(t, 400, h.post("e", `{"colour":"red"}`))

	require.Equal(t, 201, h.post("f", `{"type":"playMusic"},{"type":"getFnStatus"}`))
	now = now.Add(time.Minute)
	require.Equal(t, "interrupted", h.get("f").Results[1].Status)
	require.Len(t, h.reg.Documents(), 3)
}

func TestPassword(t *testing.T) {
	h := desk(t, atol.Options{User: "till", Password: "secret"})
	require.Equal(t, 401, h.post("a", open))
	h.auth = "till:secreT"
	require.Equal(t, 401, h.post("a", open))
	h.auth = "till:secret"
	require.Equal(t, 201, h.post("a", open))
}

func TestBlocked(t *testing.T) {
	for fault, want := range map[atol.FaultKind]string{
		atol.LinkBeforeWrite: "error", atol.LinkAfterWrite: "ready", atol.PowerBeforeWrite: "error", atol.PowerAfterWrite: "ready",
	} {
		t.Run(string(fault), func(t *testing.T) {
			h := desk(t, atol.Options{Stubborn: true})
			h.ready(open)
			h.reg.Inject(atol.Fault{Kind: fault})
			require.Equal(t, 201, h.post("s", sell))
			require.Equal(t, "blocked", h.get("s").Results[0].Status)
			require.Equal(t, "s", h.reg.State().Blocked)
			code, text := h.ask("POST", "/api/v2/requests", `{"uuid":"n","request":[{"type":"getFnStatus"}]}`)
			require.Equal(t, 201, code)
			require.Contains(t, text, `"isBlocked":true,"blockedUUID":"s"`)
			h.reg.Unblock()
			require.Equal(t, "blocked", h.get("s").Results[0].Status, "the device is out of reach")
			h.reg.SetPower(true)
			require.Equal(t, "wait", h.get("n").Results[0].Status, "the queue stands")
			h.reg.Unblock()
			r := h.get("s").Results[0]
			require.Equal(t, want, r.Status)
			if want == "ready" {
				require.Contains(t, string(r.Result), `"fiscalDocumentNumber":3`)
			}
			require.Equal(t, "ready", h.get("n").Results[0].Status)
			require.Empty(t, h.reg.State().Blocked)
		})
	}
}

func TestServerDies(t *testing.T) {
	for _, keep := range []bool{true, false} {
		h := desk(t, atol.Options{})
		h.ready(open)
		require.Equal(t, 201, h.post("s", sell))
		h.reg.Restart(keep)
		code, _ := h.ask("GET", "/api/v2/requests/s", "")
		require.Zero(t, code, "every connection breaks")
		h.plug()
		code, _ = h.ask("GET", "/api/v2/requests/s", "")
		require.Equal(t, map[bool]int{true: 200, false: 404}[keep], code)
		require.Len(t, h.reg.Documents(), 3, "what was signed stays")
	}
}

func TestProcessDies(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "register")
	h := desk(t, atol.Options{Folder: folder})
	h.ready(open)
	h.reg.Inject(atol.Fault{Kind: atol.PowerAfterWrite})
	require.Equal(t, 201, h.post("s", sell))
	require.NoError(t, h.reg.Close())
	h = desk(t, atol.Options{Folder: folder})
	docs := h.reg.Documents()
	require.Len(t, docs, 3)
	require.Equal(t, storage.DocReceipt, docs[2].Type)
	require.EqualValues(t, 34517, h.reg.Cash(), "counted once, at the next start")
	lines := len(h.reg.Tape())
	h.ready(`{"type":"continuePrint"}`)
	require.Greater(t, len(h.reg.Tape()), lines, "its paper comes when it is told to go on")
}

func TestPaper(t *testing.T) {
	h := desk(t, atol.Options{})
	h.ready(open)
	h.reg.Inject(atol.Fault{Kind: atol.PaperOutAtLine, N: 2})
	require.Contains(t, h.ready(sell), `"notPrinted":true`)
	_, code, _ := h.do(`{"type":"continuePrint"}`)
	require.Equal(t, 44, code)
	_, code, _ = h.do(sell)
	require.Equal(t, 44, code)
	h.reg.SetPaper(true)
	h.reg.SetCover(true)
	_, code, _ = h.do(sell)
	require.Equal(t, 45, code)
	h.reg.SetCover(false)
	h.ready(`{"type":"continuePrint"}`)
	require.NotContains(t, h.ready(sell), "notPrinted")
	lines := len(h.reg.Tape())
	h.reg.SetPaper(false)
	h.ready(strings.Replace(sell, `"sell",`, `"sell","electronically":true,`, 1))
	require.Len(t, h.reg.Tape(), lines)
}

func TestMarksByHand(t *testing.T) {
	const raw = "0104600494000010215AbCdEf\x1d93dGVz"
	h := desk(t, atol.Options{})
	h.ready(open)
	begin := `{"type":"beginMarkingCodeValidation","params":{"imcType":"auto","imc":"` + base64.StdEncoding.EncodeToString([]byte(raw)) +
		`","itemEstimatedStatus":"itemPieceSold","imcModeProcessing":0}}`
	require.Contains(t, h.ready(begin), `"fmCheckResult":true`)
	_, code, _ := h.do(begin)
	require.Equal(t, 401, code, "one at a time")
	require.Contains(t, h.ready(`{"type":"getMarkingCodeValidationStatus"}`), `"imcEstimatedStatusCorrect":true`)
	h.ready(`{"type":"acceptMarkingCode"}`)
	require.Equal(t, 1, h.reg.Marks())
	h.ready(`{"type":"nonFiscal","items":[{"type":"text","text":"Купон"}]}`)
	require.Zero(t, h.reg.Marks(), "another document clears the table")
	h.ready(begin)
	h.ready(`{"type":"acceptMarkingCode"}`)
	h.ready(strings.Replace(sell, `"tax":`, `"imcParams":{"imcType":"auto","imc":"`+base64.StdEncoding.EncodeToString([]byte(raw))+
		`","itemEstimatedStatus":"itemPieceSold","imcModeProcessing":0},"tax":`, 1))
	require.Equal(t, raw, h.reg.Documents()[2].Lines[0].Mark)

	old := desk(t, atol.Options{FFD: "1.05"})
	_, code, _ = old.do(begin)
	require.Equal(t, 413, code)
}

func TestOptions(t *testing.T) {
	for _, o := range []atol.Options{{FFD: "2.0"}, {FNSerial: "12"}} {
		_, err := atol.New(o)
		require.Error(t, err)
	}
}

func TestRubbishThenServes(t *testing.T) {
	h := desk(t, atol.Options{})
	_, err := io.WriteString(h.conn, "\x05\x02\x10garbage\r\n\r\n")
	require.NoError(t, err)
	_, err = h.r.ReadByte()
	require.Error(t, err, "what does not speak HTTP is hung up on")
	h.plug()
	h.ready(open)
}

// A task that waits for the cable is done when the cable is back, whether or not anybody asks.
func TestTheCablesReturnLetsTheQueueGoOn(t *testing.T) {
	h := desk(t, atol.Options{})
	h.reg.SetLink(false)
	require.Equal(t, 201, h.post("o", open))
	require.Empty(t, h.reg.Tape())
	h.reg.SetLink(true)
	require.NotEmpty(t, h.reg.Tape(), "the report of the shift's opening is on paper")
}

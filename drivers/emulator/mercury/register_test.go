package mercury_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/emulator/mercury"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/ledger/sale"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// host writes JSON by hand, as a client would that was written by somebody else.
type host struct {
	t   *testing.T
	reg *mercury.Register
	key string
}

func counter(t *testing.T, o mercury.Options) *host {
	t.Helper()
	h := open(t, o)
	t.Cleanup(func() { require.NoError(t, h.reg.Close()) })
	return h
}

func open(t *testing.T, o mercury.Options) *host {
	t.Helper()
	o.Now = func() time.Time { return noon }
	reg, err := mercury.New(o)
	require.NoError(t, err)
	h := &host{t: t, reg: reg}
	h.session()
	return h
}

func (h *host) session() {
	h.t.Helper()
	h.key = h.say(`{"sessionKey":null,"command":"OpenSession","portName":"USB","model":"185F"}`, 0)["sessionKey"].(string)
}

// say carries out a command and checks its result.
func (h *host) say(command string, want float64) map[string]any {
	h.t.Helper()
	raw, _, ok := h.reg.Execute([]byte(strings.ReplaceAll(command, "KEY", h.key)))
	require.True(h.t, ok, "no answer to %s", command)
	var answer map[string]any
	require.NoError(h.t, json.Unmarshal(raw, &answer))
	require.Equal(h.t, want, answer["result"], "%s: %v", command, answer["description"])
	require.NotEmpty(h.t, answer["description"])
	return answer
}

const (
	openShift  = `{"sessionKey":"KEY","command":"OpenShift","printDoc":true,"cashierInfo":{"cashierName":"Анна"}}`
	closeShift = `{"sessionKey":"KEY","command":"CloseShift","printDoc":true,"cashierInfo":{"cashierName":"Анна"}}`
	openCheck  = `{"sessionKey":"KEY","command":"OpenCheck","checkType":0,"taxSystem":0,"printDoc":true,"cashierInfo":{"cashierName":"Анна"}}`
	addBread   = `{"sessionKey":"KEY","command":"AddGoods","productName":"Хлеб","qty":15000,"taxCode":2,"paymentFormCode":4,"productTypeCode":1,"price":5490,"sum":8235}`
	closeCash  = `{"sessionKey":"KEY","command":"CloseCheck","payment":{"cash":10000}}`
	getStatus  = `{"sessionKey":"KEY","command":"GetStatus"}`
)

func TestReceipt(t *testing.T) {
	h := counter(t, mercury.Options{})
	h.say(openShift, 0)
	require.Equal(t, 1.0, h.say(openCheck, 0)["checkNum"])
	require.Equal(t, 8235.0, h.say(addBread, 0)["checkSum"])
	check := h.say(getStatus, 0)["checkInfo"].(map[string]any)
	require.Equal(t, true, check["isOpen"])
	require.Equal(t, 1.0, check["goodsQty"])
	made := h.say(closeCash, 0)
	require.Equal(t, 3.0, made["fiscalDocNum"])
	require.Equal(t, 1765.0, made["changeSum"])
	d := h.reg.Documents()[2]
	require.Equal(t, fmt.Sprint(d.Sign), made["fiscalSign"])
	require.Equal(t, sale.Money(8235), d.Sum)
	require.Equal(t, int64(1_500_000), d.Lines[0].Qty)
	require.Equal(t, sale.Money(749), d.Lines[0].VATSum)
	require.Equal(t, int64(8235), h.reg.State().Drawer)
	var paper []string
	for _, l := range h.reg.Tape() {
		paper = append(paper, l.Text)
	}
	require.Contains(t, strings.Join(paper, "\n"), "54.90 × 1.5")
	h.say(closeShift, 0)
}

func TestRefusals(t *testing.T) {
	h := counter(t, mercury.Options{Password: ""})
	for _, tt := range []struct {
		say  string
		want float64
	}{
		{`{`, 1001},
		{`{"sessionKey":"KEY","command":"Fly"}`, 1002},
		{`{"sessionKey":"nobody","command":"GetStatus"}`, 2001},
		{`{"command":"GetStatus"}`, 2001},
		{`{"sessionKey":null,"command":"OpenSession","portName":"COM9"}`, 3001},
		{openCheck, 4003},
		{closeShift, 4003},
		{addBread, 4006},
		{closeCash, 4006},
		{openShift, 0},
		{openShift, 4002},
		{strings.Replace(openCheck, `"taxSystem":0`, `"taxSystem":3`, 1), 4012},
		{strings.Replace(openCheck, `"checkType":0`, `"checkType":9`, 1), 1003},
		{strings.Replace(openCheck, `"checkType":0`, `"checkType":4`, 1), 1003}, // a correction without its reason
		{openCheck, 0},
		{openCheck, 4005},
		{strings.Replace(addBread, `"sum":8235`, `"sum":8237`, 1), 4008},
		{strings.Replace(addBread, `"qty":15000`, `"qty":1.5`, 1), 1001},
		{strings.Replace(addBread, `"taxCode":2`, `"taxCode":13`, 1), 1003},
		{closeCash, 4008}, // nothing in it
		{addBread, 0},
		{`{"sessionKey":"KEY","command":"CloseCheck","payment":{"cash":8234}}`, 4009},
		{`{"sessionKey":"KEY","command":"CloseCheck","payment":{"ecash":8236}}`, 4010},
		{closeShift, 4005},
		{`{"sessionKey":"KEY","command":"ResetCheck"}`, 0},
		{`{"sessionKey":"KEY","command":"WithdrawMoney","cash":1,"cashierInfo":{"cashierName":"Анна"}}`, 4011},
		{`{"sessionKey":"KEY","command":"SetDateTime","dateTime":"2026-03-02T13:00:00"}`, 4002},
	} {
		h.say(tt.say, tt.want)
	}
	require.Len(t, h.reg.Documents(), 2, "a registration and an opening")
}

// TestPower: what the buffer holds dies with the power; what the storage has signed does not, and is counted and
// printed when the power is back.
func TestPower(t *testing.T) {
	folder := t.TempDir()
	h := open(t, mercury.Options{Folder: folder})
	h.say(openShift, 0)
	h.say(openCheck, 0)
	h.say(addBread, 0)
	h.reg.Inject(mercury.Fault{Kind: mercury.PowerAfterWrite})
	_, _, ok := h.reg.Execute([]byte(strings.ReplaceAll(closeCash, "KEY", h.key)))
	require.False(t, ok)
	printed := len(h.reg.Tape())
	_, _, ok = h.reg.Execute([]byte(getStatus))
	require.False(t, ok, "there is no power")
	h.reg.SetPower(true)
	h.say(getStatus, 2001) // the key is gone
	h.session()
	require.Len(t, h.reg.Documents(), 3)
	require.Greater(t, len(h.reg.Tape()), printed, "the paper of it follows")
	require.Equal(t, int64(8235), h.reg.State().Drawer)
	h.say(openCheck, 0)
	h.reg.SetPower(false)
	h.reg.SetPower(true)
	require.False(t, h.reg.State().Document)
	require.NoError(t, h.reg.Close())

	again, err := mercury.New(mercury.Options{Folder: folder, Now: func() time.Time { return noon }})
	require.NoError(t, err)
	require.Equal(t, int64(8235), again.State().Drawer)
	require.Equal(t, uint32(3), again.State().LastFD)
	require.NoError(t, again.Close())
}

func TestPaper(t *testing.T) {
	h := counter(t, mercury.Options{})
	h.say(openShift, 0)
	h.reg.Inject(mercury.Fault{Kind: mercury.PaperOutAtLine, N: 3})
	h.say(openCheck, 0)
	h.say(addBread, 0)
	h.say(closeCash, 0)
	require.Equal(t, false, h.say(getStatus, 0)["paperPresence"])
	h.say(openCheck, 4001)
	h.say(strings.Replace(openCheck, `"printDoc":true`, `"printDoc":false`, 1), 0)
	h.say(`{"sessionKey":"KEY","command":"ResetCheck"}`, 0)
	printed := len(h.reg.Tape())
	h.reg.SetPaper(true)
	require.Greater(t, len(h.reg.Tape()), printed, "it goes on by itself")
}

func TestJournal(t *testing.T) {
	h := counter(t, mercury.Options{})
	h.say(`{"sessionKey":"KEY","command":"GetSales"}`, 4014)
	h.say(openShift, 0)
	h.say(openCheck, 0)
	h.say(addBread, 0)
	h.say(closeCash, 0)
	h.say(`{"sessionKey":"KEY","command":"ReadSales"}`, 0)
	require.Equal(t, 100.0, h.say(`{"sessionKey":"KEY","command":"GetProgress"}`, 0)["progress"])
	shifts := h.say(`{"sessionKey":"KEY","command":"GetSales"}`, 0)["shifts"].([]any)
	require.Len(t, shifts, 1)
	shift := shifts[0].(map[string]any)
	require.NotContains(t, shift["open"], "fiscalSign")
	require.NotContains(t, shift, "close")
	check := shift["checks"].([]any)[0].(map[string]any)
	require.Equal(t, 3.0, check["fiscalDocNum"])
	require.Equal(t, 8235.0, check["total"])
}

func TestMarks(t *testing.T) {
	h := counter(t, mercury.Options{})
	h.say(openShift, 0)
	const code = "MDEwNDYwMDQ5NDAwMDAxMDIxNUFiQ2RFZh05M2RHVno=" // water, GS inside
	check := `{"sessionKey":"KEY","command":"CheckMarkingCode","mc":"` + code + `","plannedStatus":1,"qty":10000,"measureUnit":0,"processingMode":0}`
	accept := `{"sessionKey":"KEY","command":"AcceptMarkingCode"}`
	h.say(accept, 5002)
	begun := h.say(check, 0)
	require.Equal(t, true, begun["fnCheck"].(map[string]any)["isValid"])
	h.say(check, 5002) // one at a time
	online := h.say(`{"sessionKey":"KEY","command":"GetMarkingCodeCheckResult"}`, 0)["onlineCheck"].(map[string]any)
	require.Equal(t, 15.0, online["mcCheckResultRaw"])
	require.Equal(t, 15.0, h.say(accept, 0)["mcCheckResultRaw"])
	h.say(openCheck, 0)
	sold := strings.Replace(addBread, `"qty":15000`, `"qty":10000,"mcInfo":{"mc":"`+code+`","plannedStatus":1,"processingMode":0}`, 1)
	h.say(strings.Replace(sold, `"sum":8235`, `"sum":5490`, 1), 0)
	h.say(closeCash, 0)
	require.Equal(t, "0104600494000010215AbCdEf\x1d93dGVz", h.reg.Documents()[2].Lines[0].Mark)
}

// TestIndependentClient: the standard library's client, which nobody here has written, gets its answers, several
// on one connection; a client of the older port does too.
func TestIndependentClient(t *testing.T) {
	h := counter(t, mercury.Options{})
	dials := 0
	dial := func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		dials++
		go func() { _ = h.reg.Serve(t.Context(), far) }() // ends with the connection
		return near, nil
	}
	client := &http.Client{Transport: &http.Transport{DialContext: dial}}
	for range 2 {
		resp, err := client.Post("http://service:50010/api.json", "application/json; charset=utf-8", strings.NewReader(`{"command":"GetDriverInfo"}`))
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Contains(t, string(body), `"driverVer":"1.11.0.643"`)
	}
	require.Equal(t, 1, dials)
	client.CloseIdleConnections()

	conn, err := dial(t.Context(), "", "")
	require.NoError(t, err)
	_, err = conn.Write([]byte("\x00\x00\x00\x1b{\"command\":\"GetDriverInfo\"}"))
	require.NoError(t, err)
	in := bufio.NewReader(conn)
	head := make([]byte, 4)
	_, err = io.ReadFull(in, head)
	require.NoError(t, err)
	require.Zero(t, head[0])
	first, err := in.Peek(1)
	require.NoError(t, err)
	require.Equal(t, byte('{'), first[0])
	require.NoError(t, conn.Close())
}

func TestOptions(t *testing.T) {
	for _, bad := range []mercury.Options{{INN: "1"}, {Width: 10}, {FFD: "2"}, {FNSerial: "12"}} {
		_, err := mercury.New(bad)
		require.Error(t, err)
	}
}

func TestShiftGrowsOld(t *testing.T) {
	h := counter(t, mercury.Options{})
	h.say(openShift, 0)
	h.reg.PassTime(25 * time.Hour)
	require.Equal(t, true, h.say(getStatus, 0)["shiftInfo"].(map[string]any)["is24Expired"])
	h.say(openCheck, 4004)
	h.say(closeShift, 0)
	require.Equal(t, storage.DocShiftClose, h.reg.Documents()[2].Type)
}

package frame_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/drivers/mercury/frame"
)

var key = "CAC1A797-6A48-474A-A08E-72A8CD3AEFE2"

// TestVectors pins the words to what clients of the service are known to send.
func TestVectors(t *testing.T) {
	unit := int64(11)
	for name, tt := range map[string]struct {
		say  any
		want string
	}{
		"session": {
			frame.OpenSession{Head: frame.Head{Command: frame.CmdOpenSession}, Port: "COM5", Baud: 115200, Model: "185F"},
			`{"sessionKey":null,"command":"OpenSession","portName":"COM5","baudRate":115200,"model":"185F"}`,
		},
		"plain": {frame.Plain{Head: frame.Head{Key: &key, Command: frame.CmdResetCheck}}, `{"sessionKey":"` + key + `","command":"ResetCheck"}`},
		"zeros are words": {
			frame.OpenCheck{Head: frame.Head{Key: &key, Command: frame.CmdOpenCheck}, Print: true, Cashier: frame.Cashier{Name: "Зайцева <Н>", INN: "123456789012"}},
			`{"sessionKey":"` + key + `","command":"OpenCheck","checkType":0,"taxSystem":0,"printDoc":true,"cashierInfo":{"cashierName":"Зайцева <Н>","cashierINN":"123456789012"}}`,
		},
		"position in integers": {
			frame.AddGoods{Head: frame.Head{Key: &key, Command: frame.CmdAddGoods}, Name: "Сыр", Qty: 4320, Unit: &unit, Section: 1, Rate: 2, Method: 4, Subject: 1, Price: 79900, Sum: 34517},
			`{"sessionKey":"` + key + `","command":"AddGoods","productName":"Сыр","qty":4320,"measureUnit":11,"section":1,"taxCode":2,"paymentFormCode":4,"productTypeCode":1,"price":79900,"sum":34517}`,
		},
		"code in base64": {
			frame.CheckMark{Head: frame.Head{Key: &key, Command: frame.CmdCheckMark}, Code: []byte("01\x1d93"), Planned: 1, Qty: 10000},
			`{"sessionKey":"` + key + `","command":"CheckMarkingCode","mc":"MDEdOTM=","plannedStatus":1,"qty":10000,"measureUnit":0,"processingMode":0}`,
		},
		"payment": {
			frame.CloseCheck{Head: frame.Head{Key: &key, Command: frame.CmdCloseCheck}, Contact: "a@b.ru", Payment: frame.Payment{Cash: 50000, Card: 100}},
			`{"sessionKey":"` + key + `","command":"CloseCheck","sendCheckTo":"a@b.ru","payment":{"cash":50000,"ecash":100}}`,
		},
	} {
		got, err := frame.Marshal(tt.say)
		require.NoError(t, err, name)
		require.Equal(t, tt.want, string(got), name)
	}
	require.Equal(t, []byte("\x00\x00\x00\x1b{\"command\":\"GetDriverInfo\"}"), frame.Length.AppendRequest(nil, []byte(`{"command":"GetDriverInfo"}`)))
}

// TestKnownAnswers reads answers as the service is known to give them.
func TestKnownAnswers(t *testing.T) {
	var s frame.Status
	require.NoError(t, json.Unmarshal([]byte(`{"result":0,"description":"","dateTime":"2016-10-01T09:15:43","shiftInfo":{"isOpen":true,"is24Expired":false,"num":17,"lastOpen":"2016-09-30T08:10:15","cash":500680,"check0":{"qty":15,"sum":500680}},"checkInfo":{"isOpen":true,"num":4,"goodsQty":8,"sum":12534},"fnInfo":{"status":1,"lastDoc":{"num":60,"dateTime":"2016-10-01T09:10:24"},"unsignedDocs":{"qty":1,"firstNum":61,"firstDateTime":"2016-10-01T09:13:37"}}}`), &s))
	require.True(t, s.Shift.Open)
	require.Equal(t, int64(500680), s.Shift.Cash)
	require.Nil(t, s.Paper, "an old service does not tell")
	require.Equal(t, uint32(60), s.FN.Last.FD)
	require.Equal(t, uint32(61), s.FN.Unsent.First)
	var c frame.CheckClosed
	require.NoError(t, json.Unmarshal([]byte(`{"result":0,"description":"","shiftNum":125,"checkNum":18,"fiscalDocNum":1173,"fiscalSign":"1189046352","checkUrl":"nalog.ru","changeSum":4000}`), &c))
	sign, err := frame.Sign(c.Sign)
	require.NoError(t, err)
	require.Equal(t, uint32(1189046352), sign)
	var one, many frame.Sales
	require.NoError(t, json.Unmarshal([]byte(`{"shifts":{"fnNum":"1","num":7}}`), &one))
	require.NoError(t, json.Unmarshal([]byte(`{"shifts":[{"fnNum":"1","num":7}]}`), &many))
	require.Equal(t, one, many)
	require.Error(t, json.Unmarshal([]byte(`{"fiscalDocNum":1.5}`), &c), "numbers are whole")
}

func TestKinds(t *testing.T) {
	for tag := uint8(1); tag <= 4; tag++ {
		for _, correction := range []bool{false, true} {
			kind, ok := frame.Kind(tag, correction)
			require.True(t, ok)
			backTag, backCorrection, ok := frame.KindOf(kind)
			require.True(t, ok)
			require.Equal(t, tag, backTag)
			require.Equal(t, correction, backCorrection)
		}
	}
	back, _ := frame.Kind(2, true)
	require.Equal(t, int64(6), back, "corrections are ordered otherwise")
	_, ok := frame.Kind(0, false)
	require.False(t, ok)
	patent, ok := frame.TaxSystem(32)
	require.True(t, ok)
	require.Equal(t, int64(5), patent)
	_, ok = frame.TaxSystem(3)
	require.False(t, ok)
}

func TestThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		transport := rapid.SampledFrom([]frame.Transport{frame.HTTP, frame.Length}).Draw(t, "transport")
		body := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "body")
		got, read, last, err := frame.ReadRequest(bufio.NewReader(bytes.NewReader(transport.AppendRequest(nil, body))))
		require.NoError(t, err)
		require.Equal(t, transport, got)
		require.Equal(t, body, read)
		require.Equal(t, transport == frame.HTTP, last)
		answer := transport.AppendAnswer(nil, body)
		read, err = transport.ReadAnswer(bufio.NewReader(bytes.NewReader(answer)))
		require.NoError(t, err)
		require.Equal(t, body, read)
		cut := rapid.IntRange(0, len(answer)-1).Draw(t, "cut")
		_, err = transport.ReadAnswer(bufio.NewReader(bytes.NewReader(answer[:cut])))
		require.Error(t, err, "an answer that is not whole is none")
	})
}

func TestRefusedAnswers(t *testing.T) {
	_, err := frame.HTTP.ReadAnswer(bufio.NewReader(strings.NewReader("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")))
	require.ErrorIs(t, err, frame.ErrStatus)
	_, err = frame.Length.ReadAnswer(bufio.NewReader(strings.NewReader("\x7f\xff\xff\xff{}")))
	require.ErrorIs(t, err, frame.ErrLength)
	_, _, _, err = frame.ReadRequest(bufio.NewReader(strings.NewReader("GET /api.json HTTP/1.1\r\nHost: x\r\n\r\n")))
	require.ErrorIs(t, err, frame.ErrStatus)
	body, err := frame.HTTP.ReadAnswer(bufio.NewReader(strings.NewReader("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")))
	require.NoError(t, err)
	require.Equal(t, "{}", string(body))
}

// TestStandardServer holds our HTTP against one that we have not written.
func TestStandardServer(t *testing.T) {
	raw := frame.HTTP.AppendRequest(nil, []byte(`{"command":"GetDriverInfo"}`))
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	require.NoError(t, err)
	require.Equal(t, "/api.json", req.URL.Path)
	require.Equal(t, "application/json; charset=utf-8", req.Header.Get("Content-Type"))
	body, err := io.ReadAll(req.Body)
	require.NoError(t, err)
	require.Equal(t, `{"command":"GetDriverInfo"}`, string(body))
}

func TestRewrite(t *testing.T) {
	stars := func(p []byte) []byte { return bytes.ReplaceAll(p, []byte("+79001234567"), []byte("************")) }
	secret := []byte(`{"sendCheckTo":"+79001234567"}`)
	masked := []byte(`{"sendCheckTo":"************"}`)
	for _, transport := range []frame.Transport{frame.HTTP, frame.Length} {
		burst := transport.AppendRequest(transport.AppendAnswer(nil, secret), secret)
		want := transport.AppendRequest(transport.AppendAnswer(nil, masked), masked)
		require.Equal(t, want, frame.Rewrite(burst, stars))
		require.Equal(t, masked[:20], frame.Rewrite(burst, stars)[len(frame.Rewrite(burst, stars))-len(masked):][:20])
		half := burst[:len(burst)-1]
		require.NotContains(t, string(frame.Rewrite(half, stars)), "+79001234567", "what is no message goes through raw")
	}
	require.Empty(t, frame.Rewrite(nil, stars))
}

func FuzzRewrite(f *testing.F) {
	f.Add(frame.HTTP.AppendRequest(nil, []byte(`{"a":1}`)))
	f.Add(frame.Length.AppendAnswer(frame.HTTP.AppendAnswer(nil, []byte("{}")), []byte("{}")))
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"))
	f.Add([]byte{0, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, burst []byte) {
		require.Len(t, frame.Rewrite(burst, func(p []byte) []byte { return bytes.Repeat([]byte("x"), len(p)) }), len(burst))
		same := frame.Rewrite(burst, func(p []byte) []byte { return p })
		require.True(t, bytes.Equal(burst, same))
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add(false, frame.HTTP.AppendAnswer(nil, []byte(`{"result":0}`)))
	f.Add(true, frame.Length.AppendAnswer(nil, []byte(`{"shifts":{"num":1,"checks":[{"fiscalDocNum":1,"dateTime":"2026-01-01T10:00:00"}]}}`)))
	f.Add(false, []byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n"))
	f.Fuzz(func(t *testing.T, length bool, stream []byte) {
		transport := frame.HTTP
		if length {
			transport = frame.Length
		}
		body, err := transport.ReadAnswer(bufio.NewReader(bytes.NewReader(stream)))
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(body), len(stream))
		var sales frame.Sales
		var status frame.Status
		_ = json.Unmarshal(body, &sales) // what is no JSON is refused; it must not do more
		_ = json.Unmarshal(body, &status)
	})
}

func FuzzRequest(f *testing.F) {
	f.Add(frame.HTTP.AppendRequest(nil, []byte(`{"command":"GetStatus"}`)))
	f.Add(frame.Length.AppendRequest(nil, []byte(`{"command":"GetStatus"}`)))
	f.Fuzz(func(t *testing.T, stream []byte) {
		_, body, _, err := frame.ReadRequest(bufio.NewReader(bytes.NewReader(stream)))
		if err == nil {
			require.LessOrEqual(t, len(body), len(stream))
		}
	})
}

func TestTimes(t *testing.T) {
	at, err := frame.Time("2016-10-01T09:15:43")
	require.NoError(t, err)
	require.Equal(t, 43, at.Second())
	zero, err := frame.Time("")
	require.NoError(t, err)
	require.True(t, zero.IsZero())
	_, err = frame.Time("01.10.2016")
	require.Error(t, err)
	_, err = frame.Sign("-1")
	require.Error(t, err)
}

package task_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/drivers/atol/task"
	"github.com/kopilka/kopilka/ledger/sale"
)

func money(m sale.Money) *task.Money { v := task.Money(m); return &v }
func qty(q sale.Qty) *task.Qty       { v := task.Qty(q); return &v }

// golden are requests as public clients of the web server send them, field by field, with our own data.
var golden = []struct {
	name    string
	request task.Request
	text    string
}{
	{
		"shift",
		task.Request{UUID: "0ba40014-5fa5-11ea-b5e9-037d4786a49d", Request: []task.Task{
			{Type: task.OpenShift, Operator: &task.Operator{Name: "Иванова А. П.", VATIN: "500100732259"}},
		}},
		`{"uuid":"0ba40014-5fa5-11ea-b5e9-037d4786a49d","request":[{"type":"openShift","operator":{"name":"Иванова А. П.","vatin":"500100732259"}}]}`,
	},
	{
		"sell",
		task.Request{UUID: "1", Request: []task.Task{{
			Type: task.Sell, TaxationType: "osn", IgnoreNonFiscalPrintErrors: true, ClientInfo: &task.Client{EmailOrPhone: "+79001234567"},
			Items: []task.Item{{
				Type: task.Position, Name: "Сыр весовой", Price: money(79900), Quantity: qty(432), Amount: money(34517), Department: 1,
				PaymentMethod: task.MethodFull, PaymentObject: "commodity", Tax: &task.Tax{Type: "vat22"},
			}},
			Payments: []task.Payment{{Type: "cash", Sum: 50000}}, Total: money(34517),
		}}},
		`{"uuid":"1","request":[{"type":"sell","taxationType":"osn","ignoreNonFiscalPrintErrors":true,"clientInfo":{"emailOrPhone":"+79001234567"},` +
			`"items":[{"type":"position","name":"Сыр весовой","price":799.00,"quantity":0.432,"amount":345.17,"department":1,` +
			`"paymentMethod":"fullPayment","paymentObject":"commodity","tax":{"type":"vat22"}}],"payments":[{"type":"cash","sum":500.00}],"total":345.17}]}`,
	},
	{
		"check of a code",
		task.Request{UUID: "2", Request: []task.Task{
			{Type: task.BeginMark, Params: &task.Imc{ImcType: task.ImcAuto, Imc: "MDEwNDYwMB05MQ==", ItemEstimatedStatus: task.PieceSold}},
			{Type: task.MarkStatus},
		}},
		`{"uuid":"2","request":[{"type":"beginMarkingCodeValidation","params":{"imcType":"auto","imc":"MDEwNDYwMB05MQ==","itemEstimatedStatus":"itemPieceSold",` +
			`"imcModeProcessing":0}},{"type":"getMarkingCodeValidationStatus"}]}`,
	},
	{
		"correction",
		task.Request{UUID: "3", Request: []task.Task{{
			Type: task.SellCorrection, CorrectionType: task.CorrectionInstruction, CorrectionBaseDate: "2026.03.01", CorrectionBaseNumber: "15-07/0421",
		}}},
		`{"uuid":"3","request":[{"type":"sellCorrection","correctionType":"instruction","correctionBaseDate":"2026.03.01","correctionBaseNumber":"15-07/0421"}]}`,
	},
	{
		"cash",
		task.Request{UUID: "4", Request: []task.Task{{Type: task.CashIn, CashSum: money(100000)}}},
		`{"uuid":"4","request":[{"type":"cashIn","cashSum":1000.00}]}`,
	},
}

func TestGoldenRequests(t *testing.T) {
	for _, tt := range golden {
		raw, err := tt.request.Encode()
		require.NoError(t, err)
		require.Equal(t, tt.text, string(raw), tt.name)
		back, err := task.ParseRequest(raw)
		require.NoError(t, err, tt.name)
		require.Equal(t, tt.request, back, tt.name)
	}
}

func TestRequestsThatAreNone(t *testing.T) {
	for _, bad := range []string{
		``, `{}`, `[]`, `{"uuid":"1","request":[]}`, `{"request":[{"type":"sell"}]}`, `{"uuid":"1","request":[{"operator":{"name":"x"}}]}`,
		`{"uuid":"1","request":[{"type":"sell"}]} x`, `{"uuid":"1","request":[{"type":"sell","colour":"red"}]}`,
		`{"uuid":"1","request":[{"type":"sell"},{"type":"sellReturn"}]}`, `{"uuid":"1","request":[{"type":"cashIn","cashSum":1e3}]}`,
		`{"uuid":"1","request":[{"type":"cashIn","cashSum":"1000"}]}`, `{"uuid":"1","request":[{"type":"cashIn","cashSum":10.005}]}`,
	} {
		_, err := task.ParseRequest([]byte(bad))
		require.ErrorIs(t, err, task.ErrTask, bad)
	}
}

func TestDecimals(t *testing.T) {
	for text, want := range map[string]sale.Money{
		"0": 0, "0.00": 0, "1": 100, "1.5": 150, "1.50": 150, "1.500": 150, "345.17": 34517, "-0.05": -5, "5497558138.87": sale.MoneyMax,
		"345.17000000000002": 34517, "345.16999999999996": 34517, "0.99999999999999989": 100, "-0.050000000000000003": -5,
	} {
		var m task.Money
		require.NoError(t, m.UnmarshalJSON([]byte(text)), text)
		require.Equal(t, want, sale.Money(m), text)
	}
	for _, bad := range []string{"", "-", ".", ".5", "5.", "1.005", "1.0000001", "1.9999", "1e2", "--1", "0x10", "1..2", "1,5", `"1"`, "null", "99999999999999999999"} {
		var m task.Money
		require.ErrorIs(t, m.UnmarshalJSON([]byte(bad)), task.ErrNumber, bad)
	}
	rapid.Check(t, func(t *rapid.T) {
		m, q := task.Money(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "money")), task.Qty(rapid.Int64Range(0, 1<<40).Draw(t, "quantity"))
		text, err := m.MarshalJSON()
		require.NoError(t, err)
		require.Equal(t, 3, len(text)-strings.IndexByte(string(text), '.'), "exactly two places: %s", text)
		var back task.Money
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, m, back)
		text, err = q.MarshalJSON()
		require.NoError(t, err)
		require.Equal(t, 4, len(text)-strings.IndexByte(string(text), '.'), "exactly three places: %s", text)
		var backQty task.Qty
		require.NoError(t, json.Unmarshal(text, &backQty))
		require.Equal(t, q, backQty)
	})
}

func TestResults(t *testing.T) {
	r, err := task.ParseResults([]byte(`{"results":[{"status":"ready","error":{"code":0,"description":"Ошибок нет"},` +
		`"result":{"fiscalParams":{"fiscalDocumentNumber":70,"fiscalDocumentSign":"1158216450","fiscalDocumentDateTime":"2026-03-02T12:34:00+03:00",` +
		`"fiscalReceiptNumber":3,"shiftNumber":12,"total":345.17,"fnNumber":"9999078900000001","registrationNumber":"0000000001000001","fnsUrl":"www.nalog.gov.ru"},` +
		`"warnings":{"notPrinted":true}}},{"status":"interrupted","error":{"code":502,"description":"x"},"result":null}],"unknown":1}`))
	require.NoError(t, err)
	require.Len(t, r.Results, 2)
	require.True(t, r.Results[0].Status.Final())
	var f task.FiscalResult
	require.NoError(t, task.ParseResult(r.Results[0].Result, &f))
	require.Equal(t, uint32(70), f.Params.Number)
	require.Equal(t, task.Sign(1158216450), f.Params.Sign)
	require.Equal(t, time.Date(2026, 3, 2, 12, 34, 0, 0, time.UTC), f.Params.At.Time(), "the wall clock, whatever the PC thinks of zones")
	require.Equal(t, money(34517), f.Params.Total)
	require.True(t, f.Warnings.NotPrinted)
	for _, bad := range []string{`{"results":[{"status":"done"}]}`, `{"results":{}}`, `x`, `{"results":[]}{}`} {
		_, err := task.ParseResults([]byte(bad))
		require.ErrorIs(t, err, task.ErrTask, bad)
	}
}

func TestDocument(t *testing.T) {
	for _, user := range []string{`{"1085":"KOPILKA","1086":"T2-000417"}`, `[{"1085":"KOPILKA","1086":"T2-000417"}]`} {
		var d task.FnDocument
		require.NoError(t, task.ParseResult([]byte(`{"documentTLV":{"fiscalDocumentType":"receipt","short":false,"1040":7,"1077":"42","1012":"2026-03-02T12:34:00",`+
			`"1054":1,"1020":345.17,"1059":[{"1030":"Сыр"}],"1084":`+user+`}}`), &d))
		require.Equal(t, "T2-000417", d.TLV.User.Value)
		require.Equal(t, uint32(7), d.TLV.Number)
	}
	var d task.FnDocument
	require.ErrorIs(t, task.ParseResult([]byte(`{"documentTLV":{"1077":"-1"}}`), &d), task.ErrTask)
	require.ErrorIs(t, task.ParseResult([]byte(`{"documentTLV":{"1012":"yesterday"}}`), &d), task.ErrTask)
}

func TestWords(t *testing.T) {
	for vat := sale.VAT20; vat <= sale.VAT22122; vat++ {
		back, ok := task.KeyOf(task.Taxes, task.Taxes[vat])
		require.True(t, ok)
		require.Equal(t, vat, back, "each rate has a word of its own")
	}
	for doc := sale.DocSale; doc <= sale.DocExpenseReturn; doc++ {
		for _, correction := range []bool{false, true} {
			kind, isCorrection, ok := task.ReceiptType(doc, correction).Receipt()
			require.True(t, ok)
			require.Equal(t, doc, kind)
			require.Equal(t, correction, isCorrection)
		}
	}
	require.True(t, task.CloseShift.Fiscal())
	require.False(t, task.ReportX.Fiscal())
	for bits := range uint8(32) {
		require.Equal(t, bits, task.CheckOf(bits).Bits())
	}
}

func TestRewriteMasksBodies(t *testing.T) {
	body := []byte(`{"phone":"+79001234567"}`)
	stars := func(p []byte) []byte {
		return []byte(strings.ReplaceAll(string(p), "+79001234567", "************"))
	}
	post := task.AppendHTTP(nil, "POST", task.Path, "Basic dGlsbDpzZWNyZXQ=", body)
	answer := []byte("HTTP/1.1 201 Created\r\nContent-Length: 24\r\n\r\n" + string(body))
	for _, burst := range [][]byte{post, answer, append(append([]byte(nil), post...), task.AppendHTTP(nil, "GET", task.Path+"/1", "", nil)...)} {
		out := task.Rewrite(burst, stars)
		require.Len(t, out, len(burst))
		require.NotContains(t, string(out), "9001234567")
		require.NotContains(t, string(out), "dGlsbDpzZWNyZXQ")
		require.Contains(t, string(out), "HTTP/1.1")
	}
	half := post[:len(post)-3]
	require.NotContains(t, string(task.Rewrite(half, stars)), "9001234567", "what is no whole message goes through as it is")
	require.Equal(t, post, task.AppendHTTP(nil, "POST", task.Path, "Basic dGlsbDpzZWNyZXQ=", body))
}

func FuzzResults(f *testing.F) {
	f.Add([]byte(`{"results":[{"status":"ready","error":{"code":0},"result":{"fiscalParams":{"fiscalDocumentNumber":70,"fiscalDocumentSign":"1","fiscalDocumentDateTime":"2026-03-02T12:34:00","total":1.00}}}]}`))
	f.Add([]byte(`{"results":[{"status":"blocked","error":{"code":2,"description":"Нет связи"}}]}`))
	f.Add([]byte(`{"results":[{"status":"ready","result":{"documentTLV":{"1040":1,"1077":"1","1012":"2026-03-02T12:34:00","1084":[{"1085":"a"}]}}}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := task.ParseResults(raw)
		if err != nil {
			require.ErrorIs(t, err, task.ErrTask)
			return
		}
		for _, one := range r.Results {
			for _, into := range []any{
				&task.FiscalResult{}, &task.DeviceInfo{}, &task.DeviceStatus{}, &task.ShiftStatus{}, &task.FnInfo{}, &task.FnStatus{}, &task.OfdStatus{},
				&task.DrawerStatus{}, &task.Registration{}, &task.MarkResult{}, &task.MarkBegun{}, &task.FnDocument{},
			} {
				if err := task.ParseResult(one.Result, into); err != nil {
					require.ErrorIs(t, err, task.ErrTask)
				}
			}
		}
	})
}

func FuzzRequest(f *testing.F) {
	for _, g := range golden {
		f.Add([]byte(g.text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := task.ParseRequest(raw)
		if err != nil {
			return
		}
		again, err := r.Encode()
		require.NoError(t, err)
		back, err := task.ParseRequest(again)
		require.NoError(t, err, "what was read can be written: %s", again)
		require.Equal(t, len(r.Request), len(back.Request))
	})
}

func FuzzRewrite(f *testing.F) {
	f.Add(task.AppendHTTP(nil, "POST", task.Path, "Basic eA==", []byte(`{"uuid":"1"}`)))
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, burst []byte) {
		require.Len(t, task.Rewrite(burst, func(p []byte) []byte { return make([]byte, len(p)) }), len(burst))
	})
}

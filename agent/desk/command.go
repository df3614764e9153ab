package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/ledger/sale"
)

const (
	commandBytesMax = 16 << 10 // the largest command, a payment with contact and reason, is under 1 KB
	queryRunesMax   = 100      // longer than any product name worth typing
	productsMax     = 30       // a cashier reads no further
	receiptsMax     = 50
	scriptHeader    = "X-Kopilka" // a form or an image of a foreign page cannot set it
)

// The desk's own refusals; all others come from the till.
var (
	textShape = agent.Text{
		RU: "Страница отправила непонятную команду. Обновите страницу (Ctrl+R); если повторится, позвоните в поддержку.",
		EN: "The page sent a command that the till does not understand. Reload the page (Ctrl+R); if it happens again, call support.",
	}
	textBusy = agent.Text{
		RU: "Касса ещё выполняет прежние команды. Подождите и повторите.",
		EN: "The till is still busy with earlier commands. Wait, then repeat.",
	}
	textFailed = agent.Text{
		RU: "Команда не выполнена, причина записана в журнал программы. Повторите; если повторится, позвоните в поддержку.",
		EN: "The command failed; the reason is in the program's log. Try again; if it happens again, call support.",
	}
)

// errShape is wrapped by every refusal of malformed JSON.
var errShape = errors.New("malformed message")

// decode reads exactly one JSON value and refuses fields that it does not know, so that a misspelt one
// is noticed and not taken for zero.
func decode(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", errShape, err)
	}
	if d.More() {
		return fmt.Errorf("%w: more than one value", errShape)
	}
	return nil
}

// do runs a command and gives what the cashier reads: nil when it was done.
func (d *Desk) do(ctx context.Context, c agent.Command) *agent.Text {
	if c.Do == "" {
		return &textShape
	}
	err := d.Till.Do(ctx, c)
	if err == nil {
		return nil
	}
	var refusal *agent.Refusal
	if errors.As(err, &refusal) {
		d.Logger.Info("desk: refused", "do", c.Do, "err", err)
		return &refusal.Text
	}
	d.Logger.Error("desk: command failed", "do", c.Do, "err", err)
	return &textFailed
}

// command is the same as a command over the socket, for scripts and tests.
func (d *Desk) command(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get(scriptHeader) == "" {
		http.Error(w, "the header "+scriptHeader+": 1 is missing", http.StatusForbidden)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, commandBytesMax))
	if err != nil {
		d.answer(w, http.StatusRequestEntityTooLarge, reply{Error: &textShape})
		return
	}
	var c agent.Command
	if err := decode(body, &c); err != nil {
		d.Logger.Warn("desk: command not understood", "err", err)
		d.answer(w, http.StatusBadRequest, reply{Error: &textShape})
		return
	}
	text := d.do(r.Context(), c)
	status := http.StatusOK
	if text != nil {
		status = http.StatusConflict
	}
	d.answer(w, status, reply{OK: text == nil, Error: text})
}

func (d *Desk) products(w http.ResponseWriter, r *http.Request) {
	found := d.Till.Products(query(r), productsMax)
	d.answer(w, http.StatusOK, struct {
		Products []agent.ProductView `json:"products"`
	}{nonNil(found)})
}

func (d *Desk) receipts(w http.ResponseWriter, r *http.Request) {
	found := d.Till.Receipts(query(r), receiptsMax)
	d.answer(w, http.StatusOK, struct {
		Receipts []agent.ReceiptView `json:"receipts"`
	}{nonNil(found)})
}

func query(r *http.Request) string {
	q := []rune(r.URL.Query().Get("q"))
	return string(q[:min(len(q), queryRunesMax)])
}

// nonNil spares the page a null where it expects a list.
func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (d *Desk) answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		d.Logger.Debug("desk: answer not delivered", "err", err)
	}
}

// complete fills the lists that the page walks over, whatever the till left out.
func complete(v agent.View) agent.View {
	v.Scanners, v.Parked, v.Notices = nonNil(v.Scanners), nonNil(v.Parked), nonNil(v.Notices)
	v.Basket.Lines, v.Basket.Reasons = nonNil(v.Basket.Lines), nonNil(v.Basket.Reasons)
	v.Register.Conditions = nonNil(v.Register.Conditions)
	if v.Return != nil {
		r := *v.Return
		r.Lines, r.Tenders = nonNil(r.Lines), nonNil[sale.Tender](r.Tenders)
		v.Return = &r
	}
	return v
}

// Package task is the words that registers of ATOL are spoken to with: JSON tasks for the vendor's driver 10
// and its web server, and their results. It is pure, so that the driver and the emulator can share it and
// golden texts can pin it down.
//
// What will bite: sums are decimals of exactly two places and quantities of three, written from integers; a
// marking code goes in base64, GS included. Sources and doubts are in DESIGN.md of the driver.
package task

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/kopilka/kopilka/ledger/sale"
)

// ErrTask is wrapped by every refusal of a request or a result.
var ErrTask = errors.New("not a task of ATOL")

// Type names a task.
type Type string

// The tasks that the driver uses.
const (
	OpenShift            Type = "openShift"
	CloseShift           Type = "closeShift"
	Sell                 Type = "sell"
	SellReturn           Type = "sellReturn"
	Buy                  Type = "buy"
	BuyReturn            Type = "buyReturn"
	SellCorrection       Type = "sellCorrection"
	SellReturnCorrection Type = "sellReturnCorrection"
	BuyCorrection        Type = "buyCorrection"
	BuyReturnCorrection  Type = "buyReturnCorrection"
	NonFiscal            Type = "nonFiscal"
	ReportX              Type = "reportX"
	CashIn               Type = "cashIn"
	CashOut              Type = "cashOut"
	ContinuePrint        Type = "continuePrint"
	PrintLastReceiptCopy Type = "printLastReceiptCopy"
	OpenCashDrawer       Type = "openCashDrawer"
	SetDateTime          Type = "setDateTime"
	GetDeviceInfo        Type = "getDeviceInfo"
	GetDeviceStatus      Type = "getDeviceStatus"
	GetShiftStatus       Type = "getShiftStatus"
	GetFnInfo            Type = "getFnInfo"
	GetFnStatus          Type = "getFnStatus"
	GetFnDocument        Type = "getFnDocument"
	OfdExchangeStatus    Type = "ofdExchangeStatus"
	GetCashDrawerStatus  Type = "getCashDrawerStatus"
	GetRegistrationInfo  Type = "getRegistrationInfo"
	BeginMark            Type = "beginMarkingCodeValidation"
	MarkStatus           Type = "getMarkingCodeValidationStatus"
	AcceptMark           Type = "acceptMarkingCode"
	DeclineMark          Type = "declineMarkingCodeValidation"
	CancelMark           Type = "cancelMarkingCodeValidation"
	ClearMarks           Type = "clearMarkingCodeValidationResult"
)

// Fiscal tells tasks that make a fiscal document; a request may hold one of them.
func (t Type) Fiscal() bool {
	_, _, receipt := t.Receipt()
	return receipt || t == OpenShift || t == CloseShift
}

// Receipt tells tasks that make a receipt or a correction, and what kind of receipt it is or corrects.
func (t Type) Receipt() (doc sale.DocKind, correction, ok bool) {
	for kind, types := range receipts {
		for i, of := range types {
			if of == t {
				return kind, i == 1, true
			}
		}
	}
	return 0, false, false
}

// receipts are the tasks for each kind: the receipt and its correction.
var receipts = map[sale.DocKind][2]Type{
	sale.DocSale: {Sell, SellCorrection}, sale.DocSaleReturn: {SellReturn, SellReturnCorrection},
	sale.DocExpense: {Buy, BuyCorrection}, sale.DocExpenseReturn: {BuyReturn, BuyReturnCorrection},
}

// ReceiptType is the task for a kind of receipt, empty for what is none.
func ReceiptType(doc sale.DocKind, correction bool) Type {
	if correction {
		return receipts[doc][1]
	}
	return receipts[doc][0]
}

// Task is one task with the fields of all of them; each uses its own.
type Task struct {
	Type           Type      `json:"type"`
	Operator       *Operator `json:"operator,omitempty"`
	TaxationType   string    `json:"taxationType,omitempty"`
	Electronically bool      `json:"electronically,omitempty"`
	// IgnoreNonFiscalPrintErrors lets a receipt be signed when a text of it cannot be printed.
	IgnoreNonFiscalPrintErrors bool      `json:"ignoreNonFiscalPrintErrors,omitempty"`
	ClientInfo                 *Client   `json:"clientInfo,omitempty"`
	Items                      []Item    `json:"items,omitempty"`
	Payments                   []Payment `json:"payments,omitempty"`
	Total                      *Money    `json:"total,omitempty"`
	PreItems                   []Item    `json:"preItems,omitempty"`
	PostItems                  []Item    `json:"postItems,omitempty"`
	CashSum                    *Money    `json:"cashSum,omitempty"`
	CorrectionType             string    `json:"correctionType,omitempty"`
	CorrectionBaseDate         string    `json:"correctionBaseDate,omitempty"` // CorrectionDateLayout
	CorrectionBaseNumber       string    `json:"correctionBaseNumber,omitempty"`
	FiscalDocumentNumber       uint32    `json:"fiscalDocumentNumber,omitempty"`
	DateTime                   string    `json:"dateTime,omitempty"` // ClockLayout
	Params                     *Imc      `json:"params,omitempty"`
}

// Layouts of dates inside tasks.
const (
	CorrectionDateLayout = "2006.01.02"
	ClockLayout          = "2006.01.02 15:04:05"
)

// Ways of a correction.
const (
	CorrectionSelf        = "self"
	CorrectionInstruction = "instruction"
)

// Operator is the cashier.
type Operator struct {
	Name  string `json:"name"`
	VATIN string `json:"vatin,omitempty"`
}

// Client is the buyer.
type Client struct {
	EmailOrPhone string `json:"emailOrPhone,omitempty"`
}

// ItemType names an item of a document.
type ItemType string

// The items that the driver uses.
const (
	Position      ItemType = "position"
	Text          ItemType = "text"
	Barcode       ItemType = "barcode"
	UserAttribute ItemType = "userAttribute" // tag 1084
	// AdditionalAttribute is tag 1192.
	AdditionalAttribute ItemType = "additionalAttribute"
)

// Item is a position, a line of text, a code, or a requisite of the whole receipt.
type Item struct {
	Type ItemType `json:"type"`

	Name            string     `json:"name,omitempty"` // of a position; of a requisite: tag 1085
	Price           *Money     `json:"price,omitempty"`
	Quantity        *Qty       `json:"quantity,omitempty"`
	Amount          *Money     `json:"amount,omitempty"`
	Department      uint8      `json:"department,omitempty"`
	MeasurementUnit *uint8     `json:"measurementUnit,omitempty"` // tag 2108; FFD 1.2
	PaymentMethod   string     `json:"paymentMethod,omitempty"`
	PaymentObject   string     `json:"paymentObject,omitempty"`
	Tax             *Tax       `json:"tax,omitempty"`
	ImcParams       *Imc       `json:"imcParams,omitempty"`
	IndustryInfo    []Industry `json:"industryInfo,omitempty"`

	Text      string `json:"text,omitempty"`
	Alignment string `json:"alignment,omitempty"`
	Wrap      string `json:"wrap,omitempty"`

	Barcode     string `json:"barcode,omitempty"`
	BarcodeType string `json:"barcodeType,omitempty"`
	Scale       uint8  `json:"scale,omitempty"`

	Value string `json:"value,omitempty"` // tag 1086 or 1192
	Print *bool  `json:"print,omitempty"`
}

// What texts and codes are asked for.
const (
	WrapWords   = "words"
	AlignCentre = "center"
	BarcodeQR   = "QR"
)

// Tax is the VAT of a position; the register reckons the sum.
type Tax struct {
	Type string `json:"type"`
}

// Imc is a marking code: what to check, or, inside a position, what was checked.
type Imc struct {
	ImcType             string `json:"imcType"`
	Imc                 string `json:"imc"` // base64
	ItemEstimatedStatus string `json:"itemEstimatedStatus"`
	ImcModeProcessing   uint8  `json:"imcModeProcessing"`
	ItemQuantity        *Qty   `json:"itemQuantity,omitempty"`
	ItemUnits           *uint8 `json:"itemUnits,omitempty"`
	ItemInfoCheckResult *Check `json:"itemInfoCheckResult,omitempty"`
}

// ImcAuto lets the driver find out what kind of code it is; ImcModeProcessing is zero, the only mode there is.
const ImcAuto = "auto"

// Planned states of a piece, tag 2003.
const (
	PieceSold   = "itemPieceSold"
	DrySold     = "itemDryForSale"
	PieceReturn = "itemPieceReturn"
	DryReturn   = "itemDryReturn"
)

// Code is the raw marking code inside.
func (i Imc) Code() (string, error) {
	raw, err := base64.StdEncoding.DecodeString(i.Imc)
	if err != nil {
		return "", fmt.Errorf("%w: a marking code that is not base64", ErrTask)
	}
	return string(raw), nil
}

// Check is tag 2106, a flag each.
type Check struct {
	Checked     bool `json:"imcCheckFlag"`
	Valid       bool `json:"imcCheckResult"`
	StateKnown  bool `json:"imcStatusInfo"`
	StateValid  bool `json:"imcEstimatedStatusCorrect"`
	Independent bool `json:"ecrStandAloneFlag"`
}

// Bits is tag 2106 as fiscal data has it.
func (c Check) Bits() (bits uint8) {
	for i, set := range []bool{c.Checked, c.Valid, c.StateKnown, c.StateValid, c.Independent} {
		if set {
			bits |= 1 << i
		}
	}
	return bits
}

// CheckOf takes tag 2106 apart.
func CheckOf(bits uint8) Check {
	return Check{bits&1 != 0, bits&2 != 0, bits&4 != 0, bits&8 != 0, bits&16 != 0}
}

// Industry is tag 1260 of a position.
type Industry struct {
	Fois      string `json:"fois"`   // 1262
	Date      string `json:"date"`   // 1263, CorrectionDateLayout
	Number    string `json:"number"` // 1264
	Attribute string `json:"industryAttribute"`
}

// Payment is one sum that was paid.
type Payment struct {
	Type string `json:"type"`
	Sum  Money  `json:"sum"`
}

// Request is what is POSTed to the web server. The uuid is its key: what is posted under one uuid is done once.
type Request struct {
	UUID    string `json:"uuid"`
	Request []Task `json:"request"`
}

// Encode writes a request.
func (r Request) Encode() ([]byte, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	return raw, nil
}

// ParseRequest reads a request and refuses fields that no task has.
func ParseRequest(raw []byte) (Request, error) {
	var r Request
	if err := strict(raw, &r, true); err != nil {
		return Request{}, err
	}
	fiscal := 0
	for _, t := range r.Request {
		if t.Type == "" {
			return Request{}, fmt.Errorf("%w: a task without a type", ErrTask)
		}
		if t.Type.Fiscal() {
			fiscal++
		}
	}
	switch {
	case r.UUID == "":
		return Request{}, fmt.Errorf("%w: no uuid", ErrTask)
	case len(r.Request) == 0:
		return Request{}, fmt.Errorf("%w: no task", ErrTask)
	case fiscal > 1:
		return Request{}, fmt.Errorf("%w: %d fiscal tasks in one request", ErrTask, fiscal)
	}
	return r, nil
}

// strict reads exactly one JSON value.
func strict(raw []byte, into any, known bool) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if known {
		dec.DisallowUnknownFields()
	}
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", ErrTask, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows", ErrTask)
	}
	return nil
}

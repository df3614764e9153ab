package task

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Status is how far a task of the queue has come.
type Status string

// The states. A blocked task has an unknown outcome: the link to the register broke in the middle of it, and
// the whole queue stands still until that is found out.
const (
	Wait        Status = "wait"
	InProgress  Status = "inProgress"
	Ready       Status = "ready"
	Failed      Status = "error"
	Interrupted Status = "interrupted" // an earlier task of the same request failed
	Blocked     Status = "blocked"
	Canceled    Status = "canceled"
)

// Final tells states that do not change any more.
func (s Status) Final() bool {
	return s == Ready || s == Failed || s == Interrupted || s == Canceled
}

// Error is the vendor's code and text; zero is none.
type Error struct {
	Code        int    `json:"code"`
	Description string `json:"description"`
}

// Result is the state of one task of a request.
type Result struct {
	Status Status          `json:"status"`
	Error  Error           `json:"error"`
	Result json.RawMessage `json:"result,omitempty"`
}

// Results is the answer to GET: one result for each task, in order; none while the request has not been looked at.
type Results struct {
	Results []Result `json:"results"`
}

// resultsMax is more tasks than any request of ours holds.
const resultsMax = 64

// ParseResults reads the answer to GET.
func ParseResults(raw []byte) (Results, error) {
	var r Results
	if err := strict(raw, &r, false); err != nil {
		return Results{}, err
	}
	if len(r.Results) > resultsMax {
		return Results{}, fmt.Errorf("%w: %d results", ErrTask, len(r.Results))
	}
	for _, one := range r.Results {
		switch one.Status {
		case Wait, InProgress, Ready, Failed, Interrupted, Blocked, Canceled:
		default:
			return Results{}, fmt.Errorf("%w: status %.32q", ErrTask, one.Status)
		}
	}
	return r, nil
}

// Accepted is the answer to POST.
type Accepted struct {
	Number      int    `json:"number"`
	UUID        string `json:"uuid"`
	IsBlocked   bool   `json:"isBlocked"`
	BlockedUUID string `json:"blockedUUID"`
}

// FiscalResult is the result of a task that made a fiscal document.
type FiscalResult struct {
	Params   *FiscalParams `json:"fiscalParams"`
	Warnings *Warnings     `json:"warnings,omitempty"`
}

// FiscalParams name the document.
type FiscalParams struct {
	Number   uint32   `json:"fiscalDocumentNumber"`
	Sign     Sign     `json:"fiscalDocumentSign"`
	At       DateTime `json:"fiscalDocumentDateTime"`
	Receipt  uint32   `json:"fiscalReceiptNumber,omitempty"`
	Shift    uint32   `json:"shiftNumber"`
	Total    *Money   `json:"total,omitempty"`
	FN       string   `json:"fnNumber"`
	Register string   `json:"registrationNumber,omitempty"`
}

// Warnings come beside a document that was made all the same.
type Warnings struct {
	NotPrinted bool `json:"notPrinted,omitempty"`
	NonFiscal  bool `json:"nonFiscal,omitempty"`
	Recovered  bool `json:"recovered,omitempty"`
}

// Sign is a fiscal sign (FPD): the vendor writes it as text.
type Sign uint32

// MarshalJSON writes "1234567890".
func (s Sign) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, strconv.FormatUint(uint64(s), 10)), nil
}

// UnmarshalJSON reads the number with or without quotes.
func (s *Sign) UnmarshalJSON(p []byte) error {
	if len(p) > 1 && p[0] == '"' {
		p = p[1 : len(p)-1]
	}
	v, err := strconv.ParseUint(string(p), 10, 32)
	if err != nil {
		return fmt.Errorf("%w: fiscal sign %.32q", ErrTask, p)
	}
	*s = Sign(v)
	return nil
}

// DateTime is a register's wall clock, kept as if it were UTC. The vendor adds an offset of the PC, which is not
// the register's and is passed over.
type DateTime time.Time

const dateTimeLayout = "2006-01-02T15:04:05"

// MarshalJSON writes 2026-03-02T12:00:00+03:00.
func (d DateTime) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, time.Time(d).Format(dateTimeLayout)+"+03:00"), nil
}

// UnmarshalJSON reads the first nineteen characters, or a date alone. An empty text is no time: zero.
func (d *DateTime) UnmarshalJSON(p []byte) error {
	var text string
	if err := json.Unmarshal(p, &text); err != nil {
		return fmt.Errorf("%w: time %.40q", ErrTask, p)
	}
	if text == "" {
		*d = DateTime{}
		return nil
	}
	layout := dateTimeLayout
	if len(text) == len(time.DateOnly) {
		layout = time.DateOnly
	}
	at, err := time.Parse(layout, text[:min(len(text), len(layout))])
	if err != nil {
		return fmt.Errorf("%w: time %.40q", ErrTask, p)
	}
	*d = DateTime(at)
	return nil
}

// Time is the wall clock.
func (d DateTime) Time() time.Time { return time.Time(d) }

// DeviceInfo is the result of GetDeviceInfo.
type DeviceInfo struct {
	Info *struct {
		Name     string `json:"modelName"`
		Serial   string `json:"serial"`
		Firmware string `json:"firmwareVersion"`
		FFD      string `json:"ffdVersion"`
	} `json:"deviceInfo"`
}

// DeviceStatus is the result of GetDeviceStatus.
type DeviceStatus struct {
	Status *struct {
		Clock    DateTime `json:"currentDateTime"`
		Shift    string   `json:"shift"`
		Blocked  bool     `json:"blocked"`
		Cover    bool     `json:"coverOpened"`
		Paper    bool     `json:"paperPresent"`
		Fiscal   bool     `json:"fiscal"`
		FNFiscal bool     `json:"fnFiscal"`
		FN       bool     `json:"fnPresent"`
	} `json:"deviceStatus"`
}

// States of a shift.
const (
	ShiftClosed  = "closed"
	ShiftOpened  = "opened"
	ShiftExpired = "expired"
)

// ShiftStatus is the result of GetShiftStatus.
type ShiftStatus struct {
	Status *struct {
		State  string `json:"state"`
		Number uint32 `json:"number"`
	} `json:"shiftStatus"`
}

// FnWarnings are the fiscal storage's.
type FnWarnings struct {
	Memory    bool `json:"memoryOverflow"`
	Replace   bool `json:"needReplacement"`
	OFD       bool `json:"ofdTimeout"`
	Exhausted bool `json:"resourceExhausted"`
	Critical  bool `json:"criticalError"`
}

// FnInfo is the result of GetFnInfo.
type FnInfo struct {
	Info *struct {
		Serial   string   `json:"serial"`
		Validity DateTime `json:"validityDate"`
		FFD      string   `json:"ffdVersion"`
	} `json:"fnInfo"`
}

// FnStatus is the result of GetFnStatus.
type FnStatus struct {
	Status *struct {
		Document uint32     `json:"fiscalDocumentNumber"`
		Receipt  uint32     `json:"fiscalReceiptNumber"`
		Warnings FnWarnings `json:"warnings"`
	} `json:"fnStatus"`
}

// OfdStatus is the result of OfdExchangeStatus. The first document has no time where none waits.
type OfdStatus struct {
	Status *struct {
		Count   int       `json:"notSentCount"`
		First   uint32    `json:"notSentFirstDocNumber"`
		FirstAt *DateTime `json:"notSentFirstDocDateTime,omitempty"`
	} `json:"status"`
}

// DrawerStatus is the result of GetCashDrawerStatus.
type DrawerStatus struct {
	Counters *struct {
		Cash *Money `json:"cashSum"`
	} `json:"counters"`
}

// Registration is the result of GetRegistrationInfo.
type Registration struct {
	Organization *struct {
		VATIN      string   `json:"vatin"`
		TaxSystems []string `json:"taxationTypes"`
	} `json:"organization"`
	Device *struct {
		FFD string `json:"ffdVersion"`
	} `json:"device"`
}

// MarkResult is the result of MarkStatus: the check of the last code, once it is ready.
type MarkResult struct {
	Ready  bool  `json:"ready"`
	Sent   bool  `json:"sentImcRequest"`
	Driver Error `json:"driverError"`
	Online *struct {
		Check *Check `json:"itemInfoCheckResult"`
	} `json:"onlineValidation,omitempty"`
}

// MarkBegun is the result of BeginMark: the fiscal storage's own check.
type MarkBegun struct {
	Offline *struct {
		Checked bool `json:"fmCheck"`
		Valid   bool `json:"fmCheckResult"`
	} `json:"offlineValidation"`
}

// MarkAccepted is the result of AcceptMark.
type MarkAccepted struct {
	Check *Check `json:"itemInfoCheckResult"`
}

// FnDocument is the result of GetFnDocument: fields are named by the numbers of their tags.
type FnDocument struct {
	TLV *struct {
		Type    string   `json:"fiscalDocumentType"`
		Number  uint32   `json:"1040"`
		Sign    Sign     `json:"1077"`
		At      DateTime `json:"1012"`
		Op      uint8    `json:"1054,omitempty"`
		Total   *Money   `json:"1020,omitempty"`
		Shift   uint32   `json:"1038,omitempty"`
		Receipt uint32   `json:"1042,omitempty"`
		FN      string   `json:"1041,omitempty"`
		User    *UserTag `json:"1084,omitempty"`
	} `json:"documentTLV"`
}

// UserTag is tag 1084.
type UserTag struct {
	Name  string `json:"1085"`
	Value string `json:"1086"`
}

// UnmarshalJSON reads an object, or an array that holds one: nested tags may repeat, and no public result showed
// which form this one has.
func (u *UserTag) UnmarshalJSON(p []byte) error {
	type plain UserTag
	if len(p) > 0 && p[0] == '[' {
		var list []plain
		if err := json.Unmarshal(p, &list); err != nil {
			return fmt.Errorf("%w: tag 1084: %w", ErrTask, err)
		}
		if len(list) > 0 {
			*u = UserTag(list[0])
		}
		return nil
	}
	if err := json.Unmarshal(p, (*plain)(u)); err != nil {
		return fmt.Errorf("%w: tag 1084: %w", ErrTask, err)
	}
	return nil
}

// Forms of documents in the archive.
const (
	FormRegistration = "registration"
	FormOpenShift    = "openShift"
	FormCloseShift   = "closeShift"
	FormReceipt      = "receipt"
	FormCorrection   = "receiptCorrection"
)

// ParseResult reads the result of one task into one of the types above; missing must-have parts are the caller's
// to refuse, since they are pointers.
func ParseResult(raw json.RawMessage, into any) error { return strict(raw, into, false) }

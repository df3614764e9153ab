package frame

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Command is what the service is asked to do.
type Command string

// The commands that are spoken here.
const (
	CmdDriverInfo   Command = "GetDriverInfo" // needs no session
	CmdOpenSession  Command = "OpenSession"
	CmdCloseSession Command = "CloseSession"
	CmdCommonInfo   Command = "GetCommonInfo"
	CmdStatus       Command = "GetStatus"
	CmdRegistration Command = "GetRegistrationInfo"
	CmdSetDateTime  Command = "SetDateTime"
	CmdOpenShift    Command = "OpenShift"
	CmdCloseShift   Command = "CloseShift"
	CmdOpenCheck    Command = "OpenCheck"
	CmdAddGoods     Command = "AddGoods"
	CmdCloseCheck   Command = "CloseCheck"
	CmdResetCheck   Command = "ResetCheck"
	CmdBringMoney   Command = "BringMoney"
	CmdWithdraw     Command = "WithdrawMoney"
	CmdPrintText    Command = "PrintText"
	CmdPrintBarCode Command = "PrintBarCode"
	CmdPrintReport  Command = "PrintReport"
	CmdPrintDoc     Command = "PrintDocFromFN"
	CmdOpenBox      Command = "OpenBox"
	CmdReadSales    Command = "ReadSales"
	CmdProgress     Command = "GetProgress"
	CmdGetSales     Command = "GetSales"
	CmdCheckMark    Command = "CheckMarkingCode"
	CmdMarkResult   Command = "GetMarkingCodeCheckResult"
	CmdAcceptMark   Command = "AcceptMarkingCode"
	CmdRejectMark   Command = "RejectMarkingCode"
	CmdAbortMark    Command = "AbortMarkingCodeChecking"
	CmdClearMarks   Command = "ClearMarkingCodeValidationTable"
)

// Limits of the words, from a public catalogue of them.
const (
	AmountMax   = 2_147_483_600 // kopecks of any sum: the register keeps 32 bits
	QtyMax      = 2_147_480_000 // ten-thousandths
	QtyScale    = 10_000        // of one unit
	LineInfoMax = 64            // characters under a position
	TextMax     = 1024          // characters of one printed text
	QRMax       = 255           // characters of a QR code
	ExtraMax    = 16            // tag 1192
)

// Head begins every command. The key is null where a session is only asked for, and is left out of
// GetDriverInfo.
type Head struct {
	Key     *string `json:"sessionKey"`
	Command Command `json:"command"`
}

// Plain is a command without parameters.
type Plain struct{ Head }

// Answer begins every answer. Result is zero for success; the description is Russian.
type Answer struct {
	Result      int64  `json:"result"`
	Description string `json:"description"`
}

// OpenSession asks the service to open the register's port.
type OpenSession struct {
	Head
	Port     string `json:"portName"`
	Baud     int64  `json:"baudRate,omitempty"`
	Model    string `json:"model,omitempty"` // "119F", or "185F" for 115F, 130F, 180F and 185F
	Operator int64  `json:"userNumber,omitempty"`
	Password string `json:"userPassword,omitempty"`
}

// Session is the answer to OpenSession.
type Session struct {
	Answer
	Key      string `json:"sessionKey"`
	Protocol string `json:"protocolVer,omitempty"`
}

// DriverInfo is the answer to GetDriverInfo.
type DriverInfo struct {
	Answer
	Driver   string `json:"driverVer"`
	Protocol string `json:"protocolVer"`
	Base     string `json:"driverBaseVer"`
}

// CommonInfo is the answer to GetCommonInfo.
type CommonInfo struct {
	Answer
	Model    string  `json:"model"`
	Serial   string  `json:"kktNum"`
	FN       string  `json:"fnNum"`
	FFDFN    string  `json:"ffdFnVer,omitempty"`
	FFDKKT   string  `json:"ffdKktVer,omitempty"`
	FFD      string  `json:"ffdTotalVer,omitempty"` // the one it works by: "1.0.5", "1.1", "1.2"
	Program  string  `json:"programVer"`
	Built    string  `json:"programDate,omitempty"`
	Clock    string  `json:"dateTime,omitempty"`
	Width    []int64 `json:"cpl,omitempty"` // characters of a line, by font
	LinesMax int64   `json:"maxGoodsQty,omitempty"`
}

// Registration is the answer to GetRegistrationInfo.
type Registration struct {
	Answer
	Registered bool              `json:"isRegistered"`
	Info       *RegistrationInfo `json:"registrationInfo,omitempty"`
}

// RegistrationInfo is what the register is registered for.
type RegistrationInfo struct {
	At         string  `json:"dateTime,omitempty"`
	Owner      Owner   `json:"owner"`
	TaxSystems []int64 `json:"taxSystem"`
}

// Owner is the taxpayer.
type Owner struct {
	INN string `json:"inn"`
}

// Status is the answer to GetStatus.
type Status struct {
	Answer
	Clock string `json:"dateTime"`
	Paper *bool  `json:"paperPresence,omitempty"` // left out by services that cannot tell
	Shift struct {
		Open    bool   `json:"isOpen"`
		Expired bool   `json:"is24Expired"`
		No      uint32 `json:"num"`
		Opened  string `json:"lastOpen,omitempty"`
		Cash    int64  `json:"cash"`
	} `json:"shiftInfo"`
	Check struct {
		Open  bool   `json:"isOpen"`
		No    uint32 `json:"num"` // of the last one closed in the shift
		Goods int64  `json:"goodsQty"`
		Sum   *int64 `json:"sum,omitempty"`
	} `json:"checkInfo"`
	FN struct {
		Phase  int64    `json:"status"` // 0 before registration, 1 fiscal, 2 after, 3 closed
		Serial string   `json:"fnNum,omitempty"`
		Last   *LastDoc `json:"lastDoc,omitempty"`
		Unsent struct {
			Count int64  `json:"qty"`
			First uint32 `json:"firstNum,omitempty"`
			At    string `json:"firstDateTime,omitempty"`
		} `json:"unsignedDocs"`
	} `json:"fnInfo"`
}

// LastDoc is the newest document of the storage.
type LastDoc struct {
	FD uint32 `json:"num"`
	At string `json:"dateTime"`
}

// PhaseFiscal is a storage that signs.
const PhaseFiscal = 1

// Cashier is tags 1021 and 1203.
type Cashier struct {
	Name string `json:"cashierName"`
	INN  string `json:"cashierINN,omitempty"`
}

// Shift opens or closes a shift.
type Shift struct {
	Head
	Print   bool    `json:"printDoc"`
	Cashier Cashier `json:"cashierInfo"`
}

// ShiftMade is the answer to OpenShift and CloseShift.
type ShiftMade struct {
	Answer
	Shift uint32 `json:"shiftNum"`
	FD    uint32 `json:"fiscalDocNum"`
	Sign  string `json:"fiscalSign"`
}

// OpenCheck begins a receipt or a correction.
type OpenCheck struct {
	Head
	Kind       int64       `json:"checkType"` // see Kinds
	Tax        int64       `json:"taxSystem"` // see TaxSystems
	Print      bool        `json:"printDoc"`
	Extra      string      `json:"additionalProps,omitempty"` // tag 1192
	Cashier    Cashier     `json:"cashierInfo"`
	Correction *Correction `json:"correctionInfo,omitempty"`
	User       *User       `json:"userAttribute,omitempty"`
}

// Correction is tags 1173 and 1174.
type Correction struct {
	Prescribed int64  `json:"correctionType"` // 0 by oneself, 1 at the tax office's order
	Day        string `json:"causeDocDate"`
	Number     string `json:"causeDocNum,omitempty"`
}

// User is tag 1084.
type User struct {
	Name  string `json:"attrName"`
	Value string `json:"attrValue"`
}

// CheckOpened is the answer to OpenCheck.
type CheckOpened struct {
	Answer
	Shift uint32 `json:"shiftNum"`
	No    uint32 `json:"checkNum"`
}

// AddGoods adds a position.
type AddGoods struct {
	Head
	Mark     *Mark      `json:"mcInfo,omitempty"`
	Name     string     `json:"productName"`
	Qty      int64      `json:"qty"`
	Unit     *int64     `json:"measureUnit,omitempty"` // tag 2108, FFD 1.2
	Section  int64      `json:"section,omitempty"`
	Rate     int64      `json:"taxCode"`
	Method   int64      `json:"paymentFormCode"` // tag 1214
	Subject  int64      `json:"productTypeCode"` // tag 1212
	Price    int64      `json:"price"`
	Sum      int64      `json:"sum"`
	Info     string     `json:"addInfo,omitempty"` // printed only
	Industry []Industry `json:"industryAttribute,omitempty"`
}

// Mark names the piece of a position; its code is checked and accepted already.
type Mark struct {
	Code    []byte `json:"mc"` // base64 on the wire
	Planned int64  `json:"plannedStatus"`
	Mode    int64  `json:"processingMode"` // zero in FFD 1.2
}

// Industry is tag 1260.
type Industry struct {
	Office string `json:"idFOIV"`
	Day    string `json:"docDate"`
	Number string `json:"docNum"`
	Value  string `json:"value"`
}

// GoodsAdded is the answer to AddGoods. The sum is left out by newer services.
type GoodsAdded struct {
	Answer
	Shift uint32 `json:"shiftNum"`
	No    uint32 `json:"checkNum,omitempty"`
	Line  int64  `json:"goodsNum"`
	Total *int64 `json:"checkSum,omitempty"`
}

// CloseCheck pays and closes: from here on the document exists.
type CloseCheck struct {
	Head
	Contact string  `json:"sendCheckTo,omitempty"`
	Payment Payment `json:"payment"`
}

// Payment is how a receipt was paid, cash as handed over.
type Payment struct {
	Cash    int64 `json:"cash,omitempty"`
	Card    int64 `json:"ecash,omitempty"`
	Advance int64 `json:"prepayment,omitempty"`
	Credit  int64 `json:"credit,omitempty"`
	Counter int64 `json:"consideration,omitempty"`
}

// CheckClosed is the answer to CloseCheck.
type CheckClosed struct {
	Answer
	Shift  uint32 `json:"shiftNum"`
	No     uint32 `json:"checkNum"`
	FD     uint32 `json:"fiscalDocNum"`
	Sign   string `json:"fiscalSign"`
	Change int64  `json:"changeSum,omitempty"`
}

// MoveMoney puts cash in or takes it out.
type MoveMoney struct {
	Head
	Cash    int64   `json:"cash"`
	Cashier Cashier `json:"cashierInfo"`
}

// PrintText prints a line that is no document.
type PrintText struct {
	Head
	Text  string `json:"text"`
	Force bool   `json:"forcePrint"`
}

// BarQR is the kind of a QR code.
const BarQR = 4

// PrintBarCode prints a code.
type PrintBarCode struct {
	Head
	Kind  int64  `json:"bcType"`
	Value string `json:"value"`
}

// ReportX is the shift so far.
const ReportX = 1

// PrintReport prints a report that signs nothing.
type PrintReport struct {
	Head
	Report int64 `json:"reportCode"`
}

// PrintDoc prints a document of the storage again.
type PrintDoc struct {
	Head
	FD uint32 `json:"fiscalDocNum"`
}

// SetDateTime sets the clock.
type SetDateTime struct {
	Head
	At string `json:"dateTime"`
}

// CheckMark begins the check of a marking code.
type CheckMark struct {
	Head
	Code    []byte `json:"mc"`
	Planned int64  `json:"plannedStatus"`
	Qty     int64  `json:"qty"`
	Unit    int64  `json:"measureUnit"`
	Mode    int64  `json:"processingMode"`
	Seconds int64  `json:"timeout,omitempty"` // that the marking system may take
}

// MarkBegun is the answer to CheckMark: what the storage alone can say.
type MarkBegun struct {
	Answer
	FN    *MarkAlone `json:"fnCheck,omitempty"`
	Alone bool       `json:"isOfflineMode"`
}

// MarkAlone is what the storage says of a code.
type MarkAlone struct {
	Code  int64 `json:"checkResult"`
	Valid *bool `json:"isValid,omitempty"`
}

// MarkOnline is what the marking system says of it.
type MarkOnline struct {
	Result  int64  `json:"result"`
	Verdict *int64 `json:"mcCheckResultRaw,omitempty"` // tag 2106
}

// MarkResult is the answer to GetMarkingCodeCheckResult.
type MarkResult struct {
	Answer
	Done   bool        `json:"isCompleted"`
	Online *MarkOnline `json:"onlineCheck,omitempty"`
}

// MarkKept is the answer to AcceptMarkingCode.
type MarkKept struct {
	Answer
	Verdict int64 `json:"mcCheckResultRaw"`
}

// Progress is how far a long command has come.
type Progress struct {
	Answer
	Of      Command `json:"cmdRefer"`
	State   int64   `json:"opStatus"`
	Percent int64   `json:"progress"`
}

// Sales is the register's journal of sales.
type Sales struct {
	Answer
	Serial string      `json:"kktNum,omitempty"`
	INN    string      `json:"ownerInn,omitempty"`
	FFD    string      `json:"ffdVer,omitempty"`
	Shifts SalesShifts `json:"shifts"`
}

// SalesShifts is one shift or a list of them: clients of the service disagree.
type SalesShifts []SalesShift

// UnmarshalJSON takes both forms.
func (s *SalesShifts) UnmarshalJSON(raw []byte) error {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '{' {
		return json.Unmarshal(raw, (*[]SalesShift)(s))
	}
	*s = make([]SalesShift, 1)
	return json.Unmarshal(raw, &(*s)[0])
}

// SalesShift is a shift of the journal.
type SalesShift struct {
	FN     string       `json:"fnNum"`
	No     uint32       `json:"num"`
	Open   *SalesEdge   `json:"open,omitempty"`
	Close  *SalesEdge   `json:"close,omitempty"`
	Checks []SalesCheck `json:"checks,omitempty"`
}

// SalesEdge is the opening or the closing of a shift.
type SalesEdge struct {
	FD   uint32 `json:"fiscalDocNum"`
	Sign string `json:"fiscalSign,omitempty"` // of a closing; whether an opening has one is not known
	At   string `json:"dateTime"`
}

// SalesCheck is a receipt of the journal.
type SalesCheck struct {
	Annulled bool   `json:"annulled,omitempty"` // was dropped: no document
	FD       uint32 `json:"fiscalDocNum"`
	Sign     string `json:"fiscalSign"`
	At       string `json:"dateTime"`
	No       uint32 `json:"num,omitempty"`
	Kind     int64  `json:"checkType"`
	Total    int64  `json:"total"`
}

// Marshal packs a command or an answer.
func Marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("pack %T: %w", v, err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// TimeLayout is how the service writes a moment of the register's wall clock, DayLayout a day.
const (
	TimeLayout = "2006-01-02T15:04:05"
	DayLayout  = "2006-01-02"
)

// Time reads a moment, as UTC; empty is the zero time.
func Time(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(TimeLayout, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the time: %w", err)
	}
	return t, nil
}

// Sign reads a fiscal sign; empty is zero: not told.
func Sign(s string) (uint32, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("read the fiscal sign: %w", err)
	}
	return uint32(n), nil
}

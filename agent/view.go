package agent

import (
	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Text is a sentence in the two languages of the shop.
type Text = drivers.Hint

// View is all that the cashier's page shows, made anew after every step of the till and sent whole:
// the page keeps no state of its own that a reload could lose. Money is kopecks, points are hundredths,
// quantities are thousandths.
type View struct {
	Seq      uint64       `json:"seq"` // grows with every view
	Now      sale.Time    `json:"now"`
	Till     sale.TillNo  `json:"till"`
	Store    string       `json:"store"`
	Zone     string       `json:"zone,omitempty"` // IANA name: the store's time, whatever the machine's
	Org      string       `json:"org"`
	Support  string       `json:"support,omitempty"`
	Stage    Stage        `json:"stage"`
	Cashier  *CashierView `json:"cashier,omitempty"`
	Shift    ShiftView    `json:"shift"`
	Register RegisterView `json:"register"`
	Network  NetworkView  `json:"network"`
	Scanners []DeviceView `json:"scanners"`
	Basket   BasketView   `json:"basket"`
	Return   *ReturnView  `json:"return,omitempty"`
	Done     *DoneView    `json:"done,omitempty"`    // the receipt just made, until the next scan
	Unknown  *UnknownView `json:"unknown,omitempty"` // a fiscal job whose outcome nobody knows
	Parked   []ParkedView `json:"parked"`
	Notices  []Notice     `json:"notices"`
	Frozen   *Text        `json:"frozen,omitempty"`   // why points cannot be spent just now (time or journal in doubt)
	Held     *HoldView    `json:"held,omitempty"`     // no sale may begin: the program is being updated
	KPI      *KPIView     `json:"kpi,omitempty"`      // of whoever is signed in
	Enrol    *EnrolView   `json:"enrol,omitempty"`    // nil: this till enrols nobody
	Printer  *DeviceView  `json:"printer,omitempty"`  // the receipt printer beside the register
	Display  *DeviceView  `json:"display,omitempty"`  // the customer display
	Corrects bool         `json:"corrects,omitempty"` // the register makes correction receipts
	Stopped  bool         `json:"stopped,omitempty"`  // the ledger's disk has failed: nothing is sold until the program starts anew
	Config   string       `json:"config,omitempty"`   // digest of the settings that the till was started with
}

// Stage is what the page is about.
type Stage string

// The stages.
const (
	StageSignIn   Stage = "sign-in"  // nobody at the till
	StageShift    Stage = "shift"    // signed in, no shift open (or an expired one)
	StageSale     Stage = "sale"     // selling
	StageAdult    Stage = "adult"    // asks whether the buyer is of age; answer with "adult"
	StagePrinting Stage = "printing" // the register works; commands other than "resume" are refused
	StageDone     Stage = "done"     // a receipt is out: change, points; the next scan begins a new sale
	StageReturn   Stage = "return"   // a return is being put together
	StageUnknown  Stage = "unknown"  // outcome unknown: a manager settles it, or the register answers again
)

// CashierView is who is signed in.
type CashierView struct {
	No      sale.StaffNo `json:"no"`
	Name    string       `json:"name"`
	Manager bool         `json:"manager"`
}

// ShiftView is the register's shift.
type ShiftView struct {
	Open    bool       `json:"open"`
	Expired bool       `json:"expired"`           // older than 24 hours: close it first
	Strange bool       `json:"strange,omitempty"` // the register has a shift open that this till knows nothing of: close it first
	No      uint32     `json:"no"`
	Since   sale.Time  `json:"since,omitempty"`
	Sales   int        `json:"sales"`
	Returns int        `json:"returns"`
	Sold    sale.Money `json:"sold"`
	Cash    sale.Money `json:"cash"` // that should lie in the drawer
	Card    sale.Money `json:"card"`
	Advance sale.Money `json:"advance,omitempty"` // paid with gift certificates
	Warn    *Text      `json:"warn,omitempty"`    // "22 hours old: close it after this customer"
}

// RegisterView is the fiscal register's state.
type RegisterView struct {
	Name       string   `json:"name"`
	Model      string   `json:"model,omitempty"`
	Serial     string   `json:"serial,omitempty"`
	Firmware   string   `json:"firmware,omitempty"`
	FN         string   `json:"fn,omitempty"` // serial of the fiscal storage
	Online     bool     `json:"online"`
	Flags      uint16   `json:"-"`              // drivers.Condition, for head office
	Conditions []string `json:"conditions"`     // "paper-out", "cover-open", "waits-for-resume", …
	Text       *Text    `json:"text,omitempty"` // what is wrong and what to do; none when all is well
	Unsent     int      `json:"unsent"`         // documents waiting for the operator of fiscal data
	CanResume  bool     `json:"canResume"`

	Clock   sale.Time    `json:"clock,omitempty"`   // its clock on the wall, which knows no zone, read as UTC
	Storage *StorageView `json:"storage,omitempty"` // nil: not told

	Plain bool      `json:"plain,omitempty"` // none: sales are booked without a fiscal receipt
	Swap  *SwapView `json:"swap,omitempty"`  // another fiscal storage than the shift's: a manager confirms it
}

// StorageView is the fiscal storage's life, in the register's own time read as UTC.
type StorageView struct {
	Expires sale.Time `json:"expires,omitempty"` // zero: the register does not tell
	FFD     string    `json:"ffd,omitempty"`
	Oldest  sale.Time `json:"oldest,omitempty"` // of the documents that the operator has not confirmed
}

// NetworkView is the link to head office.
type NetworkView struct {
	Online bool      `json:"online"`
	Since  sale.Time `json:"since,omitempty"` // of the present state
	Seen   sale.Time `json:"seen,omitempty"`  // last word from head office
	Unsent uint64    `json:"unsent"`          // records not yet acknowledged
	Text   *Text     `json:"text,omitempty"`
}

// DeviceView is a scanner.
type DeviceView struct {
	Name   string `json:"name"`
	Online bool   `json:"online"`
	Text   *Text  `json:"text,omitempty"`
}

// BasketView is the sale being put together, as the rules reckon it now.
type BasketView struct {
	Lines      []LineView    `json:"lines"`
	Customer   *CustomerView `json:"customer,omitempty"`
	Gross      sale.Money    `json:"gross"`
	Discount   sale.Money    `json:"discount"`
	Redeemed   sale.Points   `json:"redeemed"`
	Redeemable sale.Points   `json:"redeemable"` // most that this receipt allows now, for sure
	Earned     sale.Points   `json:"earned"`
	Total      sale.Money    `json:"total"`
	Reasons    []Text        `json:"reasons"`          // why not more, and what gave what
	Adult      *string       `json:"adult,omitempty"`  // the product that asks for the buyer's age
	Wanted     string        `json:"wanted,omitempty"` // the product that waits for its marking code

	Codes        []CodeView        `json:"codes,omitempty"`
	Applied      []AppliedView     `json:"applied,omitempty"` // promotions that gave something
	Gifts        []GiftView        `json:"gifts,omitempty"`   // goods that this customer may have for points
	Purses       []PurseView       `json:"purses,omitempty"`  // of the customer, beside the points
	Certificates []CertificateView `json:"certificates,omitempty"`
	Due          sale.Money        `json:"due"`             // Total less what certificates pay
	Watch        []WatchView       `json:"watch,omitempty"` // fraud rules that this receipt meets
	House        bool              `json:"house,omitempty"` // booked to the store's account of buyers without a card
}

// CodeView is a promo code shown for this receipt.
type CodeView struct {
	Code  string `json:"code"`
	Name  Text   `json:"name"`           // of its campaign
	Gives bool   `json:"gives"`          // it gives something on this receipt
	Text  *Text  `json:"text,omitempty"` // why it gives nothing yet
}

// AppliedView is a promotion at work.
type AppliedView struct {
	Name     Text        `json:"name"`
	Discount sale.Money  `json:"discount,omitempty"`
	Points   sale.Points `json:"points,omitempty"`
}

// GiftView is a product that points may buy.
type GiftView struct {
	SKU    sale.SKU    `json:"sku"`
	Name   string      `json:"name"`
	Points sale.Points `json:"points"`
	Enough bool        `json:"enough"` // the customer holds so many here, for sure
}

// PurseView is what a customer has in one of the other purses: stamps, tickets, a partner's points.
type PurseView struct {
	Purse   sale.PurseNo `json:"purse"`
	Name    Text         `json:"name"`
	Kind    string       `json:"kind"`         // "stamps", "tickets", "partner"
	Of      int          `json:"of,omitempty"` // stamps of a full card; zero: the page shows the number alone
	Balance sale.Points  `json:"balance"`
	Payable sale.Points  `json:"payable,omitempty"` // most that a partner's points may pay of this receipt
	Paid    sale.Points  `json:"paid,omitempty"`
	Text    Text         `json:"text"` // "4 of 6 stamps: the next coffee but one is free"
}

// CertificateView is a gift certificate laid on the counter.
type CertificateView struct {
	No      sale.CustomerNo `json:"no"`
	Name    string          `json:"name"`
	Balance sale.Points     `json:"balance"` // as far as head office has told
	Pays    sale.Money      `json:"pays"`    // of this receipt, for sure
	Text    *Text           `json:"text,omitempty"`
}

// WatchView is a fraud rule that this receipt meets. The words never blame the customer.
type WatchView struct {
	Rule      string `json:"rule"`
	Measure   string `json:"measure"` // "flag", "pin", "block"
	Permitted bool   `json:"permitted"`
	Text      Text   `json:"text"`
}

// KPIView is the cashier's day at this till, and their place among the store's cashiers as far as
// head office has told.
type KPIView struct {
	Receipts     int         `json:"receipts"`
	WithCustomer int         `json:"withCustomer"`
	Enrolled     int         `json:"enrolled"`
	Earned       sale.Points `json:"earned"` // given to customers
	Redeemed     sale.Points `json:"redeemed"`
	Reward       sale.Points `json:"reward"` // the cashier's own
	Rank         int         `json:"rank,omitempty"`
	Of           int         `json:"of,omitempty"`
}

// EnrolView is what taking in a customer asks for.
type EnrolView struct {
	Consents []ConsentView `json:"consents"`
}

// ConsentView is one text to be shown to the customer, with a yes of its own.
type ConsentView struct {
	Kind     sale.ConsentKind `json:"kind"`
	Version  uint32           `json:"version"`
	Required bool             `json:"required"`
	Text     Text             `json:"text"`
}

// LineView is one position.
type LineView struct {
	SKU      sale.SKU    `json:"sku"`
	Name     string      `json:"name"`
	Qty      sale.Qty    `json:"qty"`
	Weighed  bool        `json:"weighed"`
	Price    sale.Money  `json:"price"`
	Gross    sale.Money  `json:"gross"`
	Discount sale.Money  `json:"discount"`
	Redeemed sale.Points `json:"redeemed"`
	Net      sale.Money  `json:"net"`
	Earned   sale.Points `json:"earned"`
	Adult    bool        `json:"adult"`
	Reasons  []Text      `json:"reasons,omitempty"`
	Mark     *MarkView   `json:"mark,omitempty"` // of marked goods
}

// CustomerView is the customer at the counter. Spendable is what can be redeemed for sure (held on
// lease here); Balance is head office's figure plus this till's own since.
type CustomerView struct {
	No        sale.CustomerNo `json:"no"`
	Name      string          `json:"name"`
	Tier      Text            `json:"tier"`
	Balance   sale.Points     `json:"balance"`
	Spendable sale.Points     `json:"spendable"`
	Debt      sale.Points     `json:"debt,omitempty"`
	AsOf      sale.Time       `json:"asOf,omitempty"` // of head office's figure
	Asking    bool            `json:"asking"`         // head office is being asked for the rest of the points
	Blocked   bool            `json:"blocked"`
	Text      Text            `json:"text"`               // "as of 14:02, offline 35 min; can redeem 240 for sure"
	Progress  *Text           `json:"progress,omitempty"` // "3,400 to Gold"
	Expiring  *Text           `json:"expiring,omitempty"` // "120 points expire on 31 March"
	Pending   *Text           `json:"pending,omitempty"`  // "100 welcome points come from head office"
}

// ReturnView is a return being put together.
type ReturnView struct {
	Of       sale.ID          `json:"of"`
	No       string           `json:"no"`
	At       sale.Time        `json:"at"`
	Doc      string           `json:"doc"` // "FN … FD …"
	Lines    []ReturnLineView `json:"lines"`
	Total    sale.Money       `json:"total"`    // of what is chosen now
	Restored sale.Points      `json:"restored"` // points that go back to the customer
	Clawed   sale.Points      `json:"clawed"`   // points that are taken back
	Tenders  []sale.Tender    `json:"tenders"`  // how the sale was paid; once something is chosen, what each way gets back at most without a manager's PIN
	Customer *CustomerView    `json:"customer,omitempty"`

	Foreign bool        `json:"foreign,omitempty"` // the sale is not known here: goods are scanned, a manager's PIN is asked for
	Asking  bool        `json:"asking,omitempty"`  // head office is being asked for the sale
	Sum     sale.Money  `json:"sum,omitempty"`     // of the foreign receipt, by its QR
	Limit   sale.Money  `json:"limit,omitempty"`   // most that may come back without head office
	Manager bool        `json:"manager,omitempty"` // a manager's PIN is needed
	Watch   []WatchView `json:"watch,omitempty"`
}

// ReturnLineView is one sold line and how much of it can still come back.
type ReturnLineView struct {
	Line    int        `json:"line"`
	Name    string     `json:"name"`
	Sold    sale.Qty   `json:"sold"`
	Left    sale.Qty   `json:"left"`
	Chosen  sale.Qty   `json:"chosen"`
	Net     sale.Money `json:"net"` // of the whole line as sold; of a foreign return, of what is chosen
	Weighed bool       `json:"weighed"`
	Price   sale.Money `json:"price,omitempty"`  // of one piece or kilogram, of a foreign return: see return-price
	Marked  bool       `json:"marked,omitempty"` // comes back by its marking code: scan it
}

// DoneView is the receipt just made.
type DoneView struct {
	Kind     string      `json:"kind"` // "sale", "return" or "correction"
	ID       sale.ID     `json:"id"`
	No       string      `json:"no"`
	Doc      string      `json:"doc"`
	QR       string      `json:"qr"`
	Total    sale.Money  `json:"total"`
	Given    sale.Money  `json:"given"`
	Change   sale.Money  `json:"change"`
	Handed   sale.Money  `json:"handed,omitempty"`  // of a return: what the customer is given, in cash or on the bank card
	Advance  sale.Money  `json:"advance,omitempty"` // of a return: what went back to gift certificates
	Earned   sale.Points `json:"earned"`
	Redeemed sale.Points `json:"redeemed"`
	Balance  sale.Points `json:"balance"`
	Customer string      `json:"customer,omitempty"`
	Text     *Text       `json:"text,omitempty"` // "put paper in, then press Continue printing"

	Applied      []AppliedView     `json:"applied,omitempty"`      // promotions that gave something
	Purses       []PurseView       `json:"purses,omitempty"`       // that this receipt changed, as they are now
	Certificates []CertificateView `json:"certificates,omitempty"` // that paid: Balance is what is left, Pays what was taken
}

// UnknownView is a fiscal job whose outcome nobody knows: only this register stands still.
type UnknownView struct {
	ID    sale.ID    `json:"id"`
	Kind  string     `json:"kind"`
	At    sale.Time  `json:"at"`
	Total sale.Money `json:"total"`
	Text  Text       `json:"text"` // what to look at and what to do
}

// ParkedView is a basket put aside.
type ParkedView struct {
	ID       sale.ID    `json:"id"`
	At       sale.Time  `json:"at"`
	Lines    int        `json:"lines"`
	First    string     `json:"first"` // name of its first product
	Total    sale.Money `json:"total"` // gross
	Customer string     `json:"customer,omitempty"`
}

// Notice is a sentence that stays until it is dismissed or no longer true.
type Notice struct {
	ID    uint64    `json:"id"`
	Level string    `json:"level"` // "info", "warning", "error"
	At    sale.Time `json:"at"`
	Text  Text      `json:"text"`

	about string // what it is about: a newer notice about the same replaces it
}

// ScannerWedge names the scanner that types on the keyboard of the page, which tells it from a person by its speed.
const ScannerWedge = "wedge"

// Command is one thing that a cashier does; Do says which, and which of the other fields it reads.
//
//	sign-in PIN · sign-out · scan Code Scanner · add SKU Qty · qty Line Qty ·
//	remove Line · clear · park · recall ID · customer Phone or Code Scanner · drop-customer · redeem Points
//	(-1: as much as allowed, 0: none) · adult Yes · pay Tenders Given Contact (Tenders for what is due: the till
//	itself adds what certificates pay) · next (leave "done") ·
//	open-shift · close-shift · x-report · cash-in Amount Reason · cash-out Amount Reason · copy ID (empty: last) ·
//	resume · drawer · return-find Code (receipt number, or text of its QR) · return-choose Line Qty ·
//	return-pay Tenders Reason PIN · return-cancel · settle ID Yes PIN (Yes: the register did make it) · retry (ask the register again) · dismiss Notice ·
//	enrol Phone Card Name Consents Code · code Code · drop-code Code · gift SKU (one piece; again: one more) ·
//	certificate Code Scanner · drop-certificate No · purse Purse Points (-1: as much as allowed) · paying Yes (payment begun, or left) ·
//	permit PIN Yes (a manager lets what a fraud rule stopped pass; without Yes the points are left) ·
//	return-price Line Amount (of a foreign return: the unit's price as on its receipt; scan, add and return-choose
//	name its goods and how many) · drop-mark (the product that waits for its code is left) ·
//	storage Code PIN (a manager confirms the storage of that serial) ·
//	correction Day Yes Code Return Tenders Reason PIN (Yes: at the order of number Code; Return: a return is corrected)
type Command struct {
	Do      string        `json:"do"`
	PIN     string        `json:"pin,omitempty"`
	Code    string        `json:"code,omitempty"`
	Scanner string        `json:"scanner,omitempty"` // [ScannerWedge] where a scanner has read Code; else it was typed
	Phone   string        `json:"phone,omitempty"`
	SKU     sale.SKU      `json:"sku,omitempty"`
	Line    int           `json:"line,omitempty"`
	Qty     sale.Qty      `json:"qty,omitempty"`
	ID      sale.ID       `json:"id,omitzero"`
	Points  sale.Points   `json:"points,omitempty"`
	Yes     bool          `json:"yes,omitempty"`
	Tenders []sale.Tender `json:"tenders,omitempty"`
	Given   sale.Money    `json:"given,omitempty"`
	Amount  sale.Money    `json:"amount,omitempty"`
	Contact string        `json:"contact,omitempty"`
	Reason  string        `json:"reason,omitempty"`
	Notice  uint64        `json:"notice,omitempty"`

	Name     string          `json:"name,omitempty"`
	Card     string          `json:"card,omitempty"`
	Consents []sale.Consent  `json:"consents,omitempty"`
	No       sale.CustomerNo `json:"no,omitempty"`
	Purse    sale.PurseNo    `json:"purse,omitempty"`
	Day      sale.Date       `json:"day,omitzero"`
	Return   bool            `json:"return,omitempty"`
}

// Refusal is an answer to a command that a cashier reads: a sentence, with the detail for the log in Err.
type Refusal struct {
	Text Text
	Err  error
}

// Error is for the log.
func (r *Refusal) Error() string {
	if r.Err != nil {
		return r.Text.EN + ": " + r.Err.Error()
	}
	return r.Text.EN
}

// Unwrap gives the cause.
func (r *Refusal) Unwrap() error { return r.Err }

// ProductView is one find of the product search.
type ProductView struct {
	SKU     sale.SKU   `json:"sku"`
	Name    string     `json:"name"`
	Price   sale.Money `json:"price"`
	Weighed bool       `json:"weighed"`
	Adult   bool       `json:"adult"`
	Code    string     `json:"code,omitempty"`
}

// ReceiptView is one row of the till's own receipts, newest first.
type ReceiptView struct {
	ID    sale.ID    `json:"id"`
	No    string     `json:"no"`
	Kind  string     `json:"kind"`
	At    sale.Time  `json:"at"`
	Total sale.Money `json:"total"`
	Doc   string     `json:"doc"`
	First string     `json:"first"`
	Lines int        `json:"lines"`
}

package shtrih

import (
	"encoding/binary"
	"strconv"
	"time"

	"github.com/kopilka/kopilka/drivers/charset"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
)

// Status flags of 10h and 11h.
const (
	flagJournalNear  = 1 << 0
	flagDecimals     = 1 << 4
	flagJournalPaper = 1 << 6
	flagPaper        = 1 << 7
	flagCover        = 1 << 10
)

func (r *Register) flags() uint16 {
	f := uint16(flagDecimals | flagJournalPaper)
	if r.paper {
		f |= flagPaper
	}
	if r.cover {
		f |= flagCover
	}
	return f
}

// Voltages as 10h codes them: about 5 V battery and 24 V supply.
const (
	batteryGood = 0xC8
	supplyGood  = 0xD8
)

func (r *Register) shortStatus(request) ([]byte, byte) {
	lines := 0
	if r.ram.Receipt != nil {
		lines = len(r.ram.Receipt.Lines)
	}
	out := binary.LittleEndian.AppendUint16(nil, r.flags())
	return append(out, r.mode(), r.subMode(), byte(lines), batteryGood, supplyGood, 0, 0, byte(lines>>8), 0, 0, 0), 0
}

func (r *Register) fullStatus(request) ([]byte, byte) {
	now := r.clock()
	out := []byte("C1")                     // firmware version
	out = append(out, 0x10, 0x27, 1, 1, 26) // build 10000 of 2026-01-01
	out = append(out, 1)                    // number in the hall
	out = binary.LittleEndian.AppendUint16(out, r.ram.DocNo)
	out = binary.LittleEndian.AppendUint16(out, r.flags())
	out = append(out, r.mode(), r.subMode(), 0)
	out = append(out, "10"...)              // version of the fiscal memory's firmware
	out = append(out, 0x10, 0x27, 1, 1, 26) // its build and date
	out = frame.AppendDMY(out, now)
	out = frame.AppendHMS(out, now)
	out = append(out, r.fiscalFlags())
	out = binary.LittleEndian.AppendUint32(out, r.opt.Serial)
	out = binary.LittleEndian.AppendUint16(out, uint16(r.lastClosed()))
	out = binary.LittleEndian.AppendUint16(out, 0xFFFF) // free records: more than anybody can use
	out = append(out, 1, 9)                             // registrations made and left
	inn, err := strconv.ParseUint(r.opt.INN, 10, 64)
	if err != nil {
		inn = 1<<48 - 1 // all ones: no INN entered
	}
	return binary.LittleEndian.AppendUint64(out, inn)[:45], 0
}

// fiscalFlags: bit 0 fiscal memory present, bit 1 licence, bit 3 nearly full.
func (r *Register) fiscalFlags() byte {
	if int(r.FN.Last().FD) >= storage.DocumentsMax/10*9 {
		return 0b1011
	}
	return 0b0011
}

func (r *Register) lastClosed() uint32 {
	if r.FN.ShiftOpen() {
		return r.FN.ShiftNo() - 1
	}
	return r.FN.ShiftNo()
}

// Bits of the model parameters that hosts choose their command layouts by.
const (
	capCutter     = 1 << 13
	capProtocol2  = 1 << 28
	capFN         = 1 << 43
	capFFD11      = 1 << 47
	capCloseTime  = 1 << 50
	capAutoCancel = 1 << 53
)

func (r *Register) modelInfo(q request) ([]byte, byte) {
	if q.p[0] != 1 {
		return nil, errParameters
	}
	caps := uint64(capCutter | capProtocol2 | capFN | capFFD11 | capCloseTime)
	if !r.opt.KeepDocument {
		caps |= capAutoCancel
	}
	out := binary.LittleEndian.AppendUint64(nil, caps)
	out = append(out, byte(r.opt.Width), byte(r.opt.Width/2), 1, 12, 14, 14, 14) // widths, first graphic line, digits of INN and numbers
	out = binary.LittleEndian.AppendUint32(out, 0)                               // tax inspector's default password
	out = binary.LittleEndian.AppendUint32(out, systemRow)                       // system administrator's
	return append(out, 0, 0, 0xFF, 0), 0                                         // no Bluetooth table, no tax field, longest command
}

func (r *Register) deviceType(request) ([]byte, byte) {
	const typeCash, subtype, protocol, subprotocol, model, russian = 0, 0, 1, 15, 250, 0
	out := []byte{typeCash, subtype, protocol, subprotocol, model, russian}
	return append(out, charset.Text1251(r.opt.Model, 40)...), 0
}

// errorText takes an error's number, or a password and then means the last error.
func (r *Register) errorText(q request) ([]byte, byte) {
	code := r.lastErr
	if len(q.p) == 1 {
		code = q.p[0]
	}
	text, known := errorTexts[code]
	if !known {
		text = "Неизвестная ошибка"
	}
	return charset.Text1251(text, 48), 0
}

var errorTexts = map[byte]string{
	0: "Ошибок нет", byte(storage.WrongState): "Неверное состояние ФН", byte(storage.Broken): "Ошибка ФН", byte(storage.Expired): "Закончен срок эксплуатации ФН",
	byte(storage.Full): "Архив ФН переполнен", byte(storage.WrongTime): "Неверные дата и/или время", byte(storage.NoData): "Запрошенные данные отсутствуют",
	byte(storage.Parameter): "Неверные параметры команды ФН", byte(storage.TLVTooBig): "Превышение размеров TLV", byte(storage.OFDWait): "Исчерпан ресурс ожидания ОФД",
	byte(storage.Shift24): "Смена в ФН более 24 часов", byte(storage.TimeDiff): "Разница во времени более 5 минут",
	errParameters: "Некорректные параметры в команде", errUnsupported: "Команда не поддерживается",
	errShiftClosed: "Смена не открыта", errPayment: "Сумма оплат меньше итога чека", errDrawer: "Не хватает наличности в кассе",
	errDocOpen: "Открыт чек - операция невозможна", errCashless: "Безналичная оплата больше итога", errShift24: "Смена превысила 24 часа",
	errPassword: "Неверный пароль", errPrinting: "Идет печать предыдущей команды", errDocClosed: "Чек закрыт",
	errNoRepeat: "Нет документа для повтора", errContinue: "Ожидание команды продолжения печати", errTable: "Таблица не определена",
	errOperation: "Некорректная операция", errPaper: "Нет чековой ленты", errMode: "Команда не поддерживается в данном режиме",
	errOtherUser: "Документ открыт другим оператором", errLength: "Неверное значение в поле длины", errUnfiscal: "Касса не фискализирована",
	byte(storage.MarkOrder): "Нарушена последовательность команд маркировки", byte(storage.MarksFull): "Таблица проверки КМ переполнена",
	byte(storage.MarkMissing): "Отсутствует обязательный реквизит", byte(storage.MarkUnknown): "Код маркировки не проверен",
	errMemory: "Ошибка ОЗУ", errDate: "Не совпадает дата", errZero: "Нулевой итог чека", errLines: "Исчерпан лимит операций в чеке",
	errConfirm: "Подтвердите ввод даты",
}

func (r *Register) fnStatus(request) ([]byte, byte) {
	last := r.FN.Last()
	out := []byte{r.FN.Phase(), r.FN.Current, flag(r.FN.Data), flag(r.FN.ShiftOpen()), r.FN.Warnings()}
	out = frame.AppendFNTime(out, last.At)
	out = append(out, r.FN.Serial()...)
	return binary.LittleEndian.AppendUint32(out, last.FD), 0
}

func flag(on bool) byte {
	if on {
		return 1
	}
	return 0
}

func (r *Register) fnSerial(request) ([]byte, byte) { return []byte(r.FN.Serial()), 0 }

func (r *Register) fnExpiry(request) ([]byte, byte) {
	t := r.FN.Expires()
	return []byte{byte(t.Year() % 100), byte(t.Month()), byte(t.Day()), 9, 1}, 0 // registrations left and made
}

func (r *Register) fnVersion(request) ([]byte, byte) {
	const serialVersion = 1
	return append([]byte("fn_v_1_2_emul   "), serialVersion), 0
}

func (r *Register) fnFind(q request) ([]byte, byte) {
	d, ok := r.FN.Find(uint32(q.uint(0, 4)))
	if !ok {
		return nil, byte(storage.NoData)
	}
	out := []byte{byte(d.Type), flag(d.Sent)}
	out = frame.AppendFNTime(out, d.At)
	out = binary.LittleEndian.AppendUint32(out, d.FD)
	out = binary.LittleEndian.AppendUint32(out, d.Sign)
	switch d.Type {
	case storage.DocReceipt, storage.DocCorrection:
		return appendMoney(append(out, d.Op), d.Sum), 0
	case storage.DocShiftOpen, storage.DocShiftClose:
		return binary.LittleEndian.AppendUint16(out, uint16(d.Shift)), 0
	case storage.DocRegistration:
		return r.registration(out), 0
	}
	return out, 0
}

// registration ends the archive's answer for FD 1: INN, registration number, tax system, work mode.
func (r *Register) registration(out []byte) []byte {
	out = append(out, pad(r.opt.INN, 12)...)
	out = append(out, pad("0000000001000001", 20)...)
	return append(out, 1, 0)
}

func pad(s string, n int) []byte {
	out := make([]byte, n)
	for i := copy(out, s); i < n; i++ {
		out[i] = ' '
	}
	return out
}

func (r *Register) ofdStatus(request) ([]byte, byte) {
	n, oldest := r.FN.Unsent()
	var bits byte
	if r.FN.Answers() {
		bits |= 1
	}
	if n > 0 {
		bits |= 1 << 1
	}
	out := []byte{bits, 0}
	out = binary.LittleEndian.AppendUint16(out, uint16(min(n, 0xFFFF)))
	out = binary.LittleEndian.AppendUint32(out, oldest.FD)
	if n == 0 {
		return append(out, 0, 0, 0, 0, 0), 0
	}
	return frame.AppendFNTime(out, oldest.At), 0
}

func (r *Register) shiftParams(request) ([]byte, byte) {
	out := []byte{flag(r.FN.ShiftOpen())}
	out = binary.LittleEndian.AppendUint16(out, uint16(r.FN.ShiftNo()))
	return binary.LittleEndian.AppendUint16(out, uint16(r.FN.Receipts())), 0
}

// Numbers of money registers; 241 to 243 are certain among hosts, 193 on is the shift's turnover.
const (
	regTurnover = 193
	regCash     = 241
	regCashIn   = 242
	regCashOut  = 243
)

func (r *Register) cashRegister(q request) ([]byte, byte) {
	var v int64
	switch no := int(q.uint(0, len(q.p))); {
	case no == regCash:
		v = int64(r.ram.Cash)
	case no == regCashIn:
		v = int64(r.ram.CashIn)
	case no == regCashOut:
		v = int64(r.ram.CashOut)
	case no >= regTurnover && no < regTurnover+16:
		v = int64(r.ram.Turnover[(no-regTurnover)%4][(no-regTurnover)/4])
	}
	return binary.LittleEndian.AppendUint64(nil, uint64(v))[:6], 0
}

// Numbers of counting registers.
const (
	regReceipts = 144
	regDocument = 152
)

func (r *Register) opRegister(q request) ([]byte, byte) {
	var v uint16
	switch no := int(q.uint(0, len(q.p))); {
	case no >= regReceipts && no < regReceipts+4:
		v = r.ram.Count[no-regReceipts]
	case no == regDocument:
		v = r.ram.DocNo
	}
	return binary.LittleEndian.AppendUint16(nil, v), 0
}

// Clock. A date set by 22h counts only when 23h says the same again, as the vendor's text wants:
// a wrong date signed into documents cannot be taken back.

func (r *Register) setTime(q request) ([]byte, byte) {
	h, m, s := int(q.p[0]), int(q.p[1]), int(q.p[2])
	if h > 23 || m > 59 || s > 59 {
		return nil, errParameters
	}
	y, mo, d := r.clock().Date()
	r.jump(time.Date(y, mo, d, h, m, s, 0, time.UTC).Sub(r.clock()))
	return nil, 0
}

func (r *Register) setDate(q request) ([]byte, byte) {
	if _, err := frame.OldTime(q.p, []byte{0, 0, 0}); err != nil {
		return nil, errParameters
	}
	r.ram.DateAsked = string(q.p[:3])
	r.ram.save()
	return nil, 0
}

func (r *Register) confirmDate(q request) ([]byte, byte) {
	if string(q.p) != r.ram.DateAsked {
		return nil, errDate
	}
	day, err := frame.OldTime(q.p, []byte{0, 0, 0})
	if err != nil {
		return nil, errParameters
	}
	now := r.clock()
	r.ram.DateAsked = ""
	r.jump(day.Sub(now.Truncate(24 * time.Hour)))
	return nil, 0
}

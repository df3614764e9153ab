package shtrih

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/kopilka/kopilka/drivers/charset"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
)

// Tables that a register of this family has, as far as a host asks for them.
const (
	tableKind      = 1  // type and mode
	tableOperators = 2  // passwords and names of cashiers
	tableHeader    = 4  // lines printed above a receipt
	tablePayments  = 5  // names of the payments
	tableVAT       = 6  // rates and their names
	tableRegional  = 17 // among others field 71: what becomes of 20 %
	tableFiscal    = 18 // registration data, read only
)

// Rows of table 2, and the field of table 17, that mean something.
const (
	operators  = 30
	adminRow   = 29
	systemRow  = 30
	headerRows = 14
	vatRows    = 12
	fieldQuiet = 7  // 1: the next document is signed and not printed, 2: none is printed
	fieldFFD   = 17 // 2 is 1.05, 4 is 1.2
	fieldVAT22 = 71
)

type cellKey struct {
	table byte
	row   uint16
	field byte
}

func (k cellKey) String() string { return fmt.Sprintf("%d.%d.%d", k.table, k.row, k.field) }

// field is one column of a table.
type field struct {
	name     string
	text     bool
	size     byte
	min, max uint32
}

type table struct {
	name   string
	rows   uint16
	fields []field
	fixed  bool // cannot be written
}

var tables = map[byte]table{
	tableKind: {name: "ТИП И РЕЖИМ КАССЫ", rows: 1, fields: []field{
		{name: "НОМЕР МАГАЗИНА", size: 1, min: 1, max: 99},
	}},
	tableOperators: {name: "ПАРОЛИ КАССИРОВ И АДМИНИСТРАТОРОВ", rows: operators, fields: []field{
		{name: "ПАРОЛЬ", size: 4, max: 99999999}, {name: "ИМЯ", text: true, size: 64}, {name: "ИНН", text: true, size: 12},
	}},
	tableHeader:   {name: "ТЕКСТ В ЧЕКЕ", rows: headerRows, fields: []field{{name: "ТЕКСТ", text: true, size: textMax}}},
	tablePayments: {name: "НАИМЕНОВАНИЕ ТИПОВ ОПЛАТЫ", rows: paymentKinds, fields: []field{{name: "ТЕКСТ", text: true, size: 24}}},
	tableVAT: {name: "НАЛОГОВЫЕ СТАВКИ", rows: vatRows, fields: []field{
		{name: "ВЕЛИЧИНА НАЛОГА", size: 2, max: 9999}, {name: "НАЗВАНИЕ НАЛОГА", text: true, size: 57},
	}},
	tableRegional: {name: "РЕГИОНАЛЬНЫЕ НАСТРОЙКИ", rows: 1, fields: regionalFields()},
	tableFiscal: {name: "FISCAL STORAGE", rows: 1, fixed: true, fields: []field{
		{name: "ЗАВОДСКОЙ НОМЕР", text: true, size: 16},
		{name: "ИНН", text: true, size: 12},
		{name: "РНМ", text: true, size: 20},
		{name: "НОМЕР ФН", text: true, size: 16},
		{name: "СИСТЕМА НАЛОГООБЛОЖЕНИЯ", size: 1, max: 63},
	}},
}

func regionalFields() []field {
	fields := make([]field, fieldVAT22)
	for i := range fields {
		fields[i] = field{name: "ПОЛЕ " + strconv.Itoa(i+1), size: 1, max: 255}
	}
	fields[fieldVAT22-1].name = "НДС 20 В 22"
	fields[fieldQuiet-1] = field{name: "НЕ ПЕЧАТАТЬ ЧЕК", size: 1, max: 2}
	fields[fieldFFD-1].name = "ФОРМАТ ФД"
	return fields
}

// vatRow is a row of table 6. Rows 1 to 10 are as the vendor's table of rates, 11 and 12 as its 2026 change.
type vatRow struct {
	percent uint16 // hundredths of a percent
	inside  bool   // a rate r/(100+r), for advances
	name    string
}

var vatTable = [vatRows]vatRow{
	{2000, false, "НДС 20%"},
	{1000, false, "НДС 10%"},
	{0, false, "НДС 0%"},
	{0, false, "БЕЗ НДС"},
	{2000, true, "НДС 20/120"},
	{1000, true, "НДС 10/110"},
	{500, false, "НДС 5%"},
	{700, false, "НДС 7%"},
	{500, true, "НДС 5/105"},
	{700, true, "НДС 7/107"},
	{2200, false, "НДС 22%"},
	{2200, true, "НДС 22/122"},
}

const paymentKinds = 16

var paymentNames = [paymentKinds]string{
	0: "НАЛИЧНЫМИ", 1: "БЕЗНАЛИЧНЫМИ", 13: "ПРЕДВАРИТЕЛЬНАЯ ОПЛАТА", 14: "ПОСЛЕДУЮЩАЯ ОПЛАТА", 15: "ВСТРЕЧНОЕ ПРЕДОСТАВЛЕНИЕ",
}

func (k cellKey) shape() (table, field, bool) {
	t, ok := tables[k.table]
	if !ok || k.row < 1 || k.row > t.rows || k.field < 1 || int(k.field) > len(t.fields) {
		return table{}, field{}, false
	}
	return t, t.fields[k.field-1], true
}

// cell is the value of a cell as bytes of its full size.
func (r *Register) cell(k cellKey) ([]byte, bool) {
	_, f, ok := k.shape()
	if !ok || r.mute(k) {
		return nil, false
	}
	if written, ok := r.ram.Cells[k.String()]; ok {
		raw, err := hex.DecodeString(written)
		return raw, err == nil && len(raw) == int(f.size)
	}
	if f.text {
		return frame.AppendPadded(nil, r.factoryText(k), int(f.size)), true
	}
	return binary.LittleEndian.AppendUint32(nil, r.factoryNumber(k))[:f.size], true
}

// mute tells the cell that a model which always prints does not have.
func (r *Register) mute(k cellKey) bool {
	return k.table == tableRegional && k.field == fieldQuiet && !r.opt.Silent
}

func (r *Register) cellText(k cellKey) string {
	raw, _ := r.cell(k) // an undefined cell reads as empty
	return charset.From1251(raw)
}

func (r *Register) factoryNumber(k cellKey) uint32 {
	switch {
	case k.table == tableOperators:
		return uint32(k.row)
	case k.table == tableVAT:
		return uint32(vatTable[k.row-1].percent)
	case k.table == tableRegional && k.field == fieldFFD:
		return map[string]uint32{ffd105: 2, ffd12: 4}[r.opt.FFD]
	case k.table == tableKind, k.table == tableFiscal, k.table == tableRegional && k.field == fieldVAT22:
		return 1
	}
	return 0
}

func (r *Register) factoryText(k cellKey) string {
	switch {
	case k.table == tableOperators && k.field == 2:
		return operatorName(k.row)
	case k.table == tableHeader && int(k.row) <= len(r.opt.Shop):
		return r.opt.Shop[k.row-1]
	case k.table == tablePayments:
		return paymentNames[k.row-1]
	case k.table == tableVAT:
		return vatTable[k.row-1].name
	case k.table == tableFiscal:
		return r.fiscalText(k.field)
	}
	return ""
}

func operatorName(row uint16) string {
	switch row {
	case adminRow:
		return "Администратор"
	case systemRow:
		return "Сист. администратор"
	}
	return "Кассир " + strconv.Itoa(int(row))
}

func (r *Register) fiscalText(field byte) string {
	switch field {
	case 1:
		return fmt.Sprintf("%016d", r.opt.Serial)
	case 2:
		return r.opt.INN
	case 3:
		return "0000000001000001"
	case 4:
		return r.FN.Serial()
	}
	return ""
}

func (q request) cellKey() cellKey {
	return cellKey{table: q.p[0], row: uint16(q.uint(1, 2)), field: q.p[3]}
}

func (r *Register) readTable(q request) ([]byte, byte) {
	value, ok := r.cell(q.cellKey())
	if !ok {
		return nil, errTable
	}
	return value, 0
}

// writeTable takes a text shorter than its field, and a number of exactly its size.
func (r *Register) writeTable(q request) ([]byte, byte) {
	k, value := q.cellKey(), q.p[4:]
	t, f, ok := k.shape()
	switch {
	case !ok, t.fixed, r.mute(k):
		return nil, errTable
	case len(value) > int(f.size), !f.text && len(value) != int(f.size):
		return nil, errParameters
	}
	if !f.text {
		if v := uint32(frame.Uint(value)); v < f.min || v > f.max {
			return nil, errParameters
		}
	}
	r.setCell(k, append(value[:len(value):len(value)], make([]byte, int(f.size)-len(value))...))
	return nil, 0
}

func (r *Register) setCell(k cellKey, full []byte) {
	r.ram.Cells[k.String()] = hex.EncodeToString(full)
	r.ram.save()
}

func (r *Register) tableShape(q request) ([]byte, byte) {
	t, ok := tables[q.p[0]]
	if !ok {
		return nil, errTable
	}
	out := frame.AppendPadded(nil, t.name, 40)
	return append(binary.LittleEndian.AppendUint16(out, t.rows), byte(len(t.fields))), 0
}

func (r *Register) fieldShape(q request) ([]byte, byte) {
	_, f, ok := cellKey{table: q.p[0], row: 1, field: q.p[1]}.shape()
	if !ok {
		return nil, errTable
	}
	out := frame.AppendPadded(nil, f.name, 40)
	out = append(out, flag(f.text), f.size)
	if f.text {
		return out, 0
	}
	out = append(out, binary.LittleEndian.AppendUint32(nil, f.min)[:f.size]...)
	return append(out, binary.LittleEndian.AppendUint32(nil, f.max)[:f.size]...), 0
}

package shtrih

import "github.com/kopilka/kopilka/drivers"

// kin is a family of codes for which a person can do the same thing.
type kin struct {
	codes []byte
	fault fault
}

const (
	splitUp  = "Разделите покупку на несколько чеков."
	split    = "Split the purchase into several receipts."
	printZ   = "Снимите Z-отчёт и откройте смену заново."
	printedZ = "Print the Z report and open the shift anew."
)

// kinds are the codes of the vendor's list that the driver meets seldom: old models, overflows, faults of parts.
// Nearly all are unsure, since nobody has written down whether a closing command that ends so was carried out.
// Numbers that mean a fault of the fiscal memory before 2016 are kept for firmware that still uses them. Source:
// the list of messages of the vendor's public Java driver, in own words.
var kinds = []kin{
	{[]byte{0x0A, 0x0B, 0x0C, 0x0D, 0x13, 0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A}, fault{
		fail: drivers.FailStorage, unsure: true, ru: "Ошибка фискальной памяти кассы. " + askService, en: "The register's fiscal memory is faulty. " + callService,
	}},
	{[]byte{0x64, 0x67, 0x70, 0x80, 0x81, 0x82, 0x83, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xBF, 0xCD}, fault{
		fail: drivers.FailStorage, unsure: true, ru: "Касса не может работать со своим накопителем. " + askService, en: "The register cannot work with its storage. " + callService,
	}},
	{[]byte{0x38, 0x39, 0x6A, 0x7B, 0x93, 0xC8, 0xCE}, fault{
		fail: drivers.FailHardware, unsure: true, ru: "Внутренняя ошибка кассы. Выключите и включите кассу. " + askService, en: "The register has an internal fault. Switch it off and on. " + callService,
	}},
	{[]byte{0x5C, 0xC2}, fault{
		fail: drivers.FailHardware, unsure: true, ru: "Напряжение питания кассы не в норме. Проверьте блок питания и розетку.", en: "The register's supply voltage is wrong. Check the power supply and the socket.",
	}},
	{[]byte{0xC9, 0xCA}, fault{
		fail: drivers.FailHardware, unsure: true, ru: "Печатающая головка перегрета или касса на холоде. Подождите несколько минут и повторите.", en: "The print head is too hot, or the register too cold. Wait some minutes and try again.",
	}},
	{[]byte{0x3A, 0x3B, 0x3E, 0x3F, 0x47, 0x4C, 0x51, 0x52, 0x53, 0x54, 0x66, 0x69, 0x6E, 0x6F, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89}, fault{
		fail: drivers.FailRefused, unsure: true, ru: "Переполнены счётчики смены. " + printZ, en: "The shift's counters have overflowed. " + printedZ,
	}},
	{[]byte{0x40, 0x41, 0x42, 0x43, 0x44, 0x48, 0x5B, 0x60, 0x61, 0x62, 0x63, 0x7F, 0x8A, 0x8B}, fault{
		fail: drivers.FailRefused, unsure: true, ru: "Сумма, цена или количество больше, чем вмещает касса. " + splitUp, en: "A sum, price or quantity is more than the register holds. " + split,
	}},
	{[]byte{0x2D, 0x5A, 0x5F, 0x8C, 0x8D, 0xC3, 0xCB}, fault{
		fail: drivers.FailRefused, unsure: true, ru: "Суммы чека не сходятся. Отмените чек. " + tellSupport, en: "The receipt's sums do not agree. Cancel it. " + reportSupport,
	}},
	{[]byte{0x2E, 0x65, 0x68, 0x6D}, fault{
		fail: drivers.FailRefused, ru: "В кассе не хватает денег для этой операции. Внесите наличные.", en: "The register holds too little money for this. Put cash in first.",
	}},
	{[]byte{0x35, 0x36, 0x7D, 0x7E, 0x90, 0x91, 0x92}, fault{
		fail: drivers.FailRefused, ru: "Касса не приняла параметры при своих настройках. " + tellSupport, en: "The register's settings do not allow these parameters. " + reportSupport,
	}},
	{[]byte{0x7A, 0xC7}, fault{
		fail: drivers.FailConfig, ru: "Настройка кассы сейчас не меняется. Закройте смену и повторите.", en: "The register's setting cannot be changed now. Close the shift and try again.",
	}},
	{[]byte{0x2B, 0x49, 0x9B, 0xBE}, fault{
		fail: drivers.FailDocument, unsure: true, ru: "Команда невозможна в этом состоянии кассы. Отмените открытый чек и повторите.", en: "Not possible in the register's present state. Cancel the open receipt and try again.",
	}},
	{[]byte{0x2C, 0x96, 0xC1, 0xC4, 0xCC, 0xD0}, fault{
		fail: drivers.FailShiftOver, unsure: true, ru: "Касса требует закрыть смену. Снимите Z-отчёт.", en: "The register demands that the shift be closed. Print the Z report.",
	}},
	{[]byte{0xBB, 0xBC, 0xBD, 0xCF}, fault{
		fail: drivers.FailClock, ru: "Дата кассы неверна: часы сброшены. Установите дату и время.", en: "The register's date is wrong: its clock was reset. Set date and time.",
	}},
	{[]byte{0x3C, 0x57, 0x95, 0xAF, 0xB0, 0xB1, 0xB2}, fault{
		fail: drivers.FailStorage, unsure: true, ru: "Ошибка контрольной ленты кассы. " + askService, en: "The register's journal is faulty. " + callService,
	}},
	{[]byte{0x9C, 0x9D, 0x9E}, fault{
		fail: drivers.FailConfig, ru: "Неисправна база товаров внутри кассы. " + askService, en: "The goods database inside the register is damaged. " + callService,
	}},
	{[]byte{0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAB}, fault{
		fail: drivers.FailMark, unsure: true, ru: "Накопитель отказал в работе с кодом маркировки. Сканируйте товар ещё раз или уберите его из чека.", en: "The storage refuses the marking code. Scan the article again, or take it off the receipt.",
	}},
	{[]byte{0xD3, 0xD4}, fault{
		fail: drivers.FailMark, ru: "Код маркировки поддельный, или товар выбыл. Уберите товар из чека.", en: "The marking code is forged, or the article was sold before. Take it off the receipt.",
	}},
	{[]byte{0xC5, 0xC6, 0xD1}, fault{
		fail: drivers.FailPaper, ru: "Нет документа для печати. Проверьте бумагу.", en: "There is no document to print. Check the paper.",
	}},
	{[]byte{0xD2}, fault{
		fail: drivers.FailOFD, ru: "Не работает связь кассы с оператором фискальных данных. Проверьте сеть кассы.", en: "The register cannot reach the operator of fiscal data. Check its network.",
	}},
	{[]byte{0xD5}, fault{
		fail: drivers.FailPassword, ru: "Касса не узнала программу. Проверьте лицензию и настройки защиты кассы.", en: "The register does not trust the program. Check its licence and protection settings.",
	}},
	{[]byte{0xE0, 0xE1, 0xE2, 0xE3, 0xE4}, fault{
		fail: drivers.FailHardware, unsure: true, ru: "Ошибка купюроприёмника. Освободите его и повторите.", en: "The note acceptor has a fault. Empty it and try again.",
	}},
}

// seldom is kinds by code.
var seldom = func() map[byte]fault {
	out := map[byte]fault{}
	for _, k := range kinds {
		for _, code := range k.codes {
			out[code] = k.fault
		}
	}
	return out
}()

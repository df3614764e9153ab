package mercury

import (
	"encoding/json"
	"fmt"

	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/mercury/frame"
)

// refused is a result that is not zero.
type refused struct {
	code int64
	text string
}

func (e *refused) Error() string { return fmt.Sprintf("%d %s", e.code, e.text) }

// Refusals. The numbers are made up, but for that of the port; hosts must not depend on them. The words are
// such as a Russian service would say.
var (
	errJSON       = &refused{1001, "Ошибка разбора запроса"}
	errCommand    = &refused{1002, "Неизвестная команда"}
	errParameter  = &refused{1003, "Недопустимое значение параметра"}
	errSession    = &refused{2001, "Сессия не найдена"}
	errPassword   = &refused{2002, "Неверный пароль пользователя"}
	errPort       = &refused{3001, "Не удалось открыть порт: нет связи с ККТ"}
	errBusy       = &refused{3005, "ККТ занята"}
	errMemory     = &refused{3006, "Неисправность памяти ККТ"}
	errPaper      = &refused{4001, "Нет бумаги"}
	errShiftOpen  = &refused{4002, "Смена уже открыта"}
	errShiftShut  = &refused{4003, "Смена не открыта"}
	errShift24    = &refused{4004, "С момента открытия смены прошло более 24 часов"}
	errCheckOpen  = &refused{4005, "Чек открыт"}
	errCheckShut  = &refused{4006, "Чек не открыт"}
	errLines      = &refused{4007, "Превышено количество предметов расчёта"}
	errSum        = &refused{4008, "Недопустимая сумма"}
	errPayment    = &refused{4009, "Сумма оплат меньше итога"}
	errCashless   = &refused{4010, "Сумма безналичных оплат больше итога"}
	errDrawer     = &refused{4011, "Недостаточно наличных в ящике"}
	errTax        = &refused{4012, "Система налогообложения не зарегистрирована"}
	errClock      = &refused{4013, "Неверные дата или время ККТ"}
	errNoDocument = &refused{4014, "Документ не найден"}
	errMark       = &refused{5001, "Код маркировки не проверен"}
	errMarkOrder  = &refused{5002, "Проверка кода маркировки не начата"}
	errMarksFull  = &refused{5003, "Таблица кодов маркировки заполнена"}
	errFormat     = &refused{5004, "Маркировка не поддерживается этой версией ФФД"}
)

// storageErrors are the storage's codes in the service's words.
var storageErrors = map[storage.Code]*refused{
	storage.WrongState:  {6002, "Неверное состояние ФН"},
	storage.Broken:      {6003, "Неисправность ФН"},
	storage.Expired:     {6005, "Истёк срок эксплуатации ФН"},
	storage.Full:        {6006, "Архив ФН переполнен"},
	storage.WrongTime:   errClock,
	storage.OFDWait:     {6021, "Документы не переданы ОФД более 30 дней"},
	storage.Shift24:     errShift24,
	storage.TimeDiff:    {6023, "Время ККТ расходится с временем накопителя"},
	storage.MarkUnknown: errMark, storage.MarkOrder: errMarkOrder, storage.MarksFull: errMarksFull,
}

func storageError(code storage.Code) *refused {
	if code == storage.OK {
		return nil
	}
	if e, ok := storageErrors[code]; ok {
		return e
	}
	return &refused{6000 + int64(code), fmt.Sprintf("Ошибка ФН %d", code)}
}

// command is one command of the service. Free ones need no session; reads are answered while the register is
// busy.
type command struct {
	run  func(r *Register, raw []byte) (any, *refused)
	free bool
	read bool
}

var commands = map[frame.Command]command{
	frame.CmdDriverInfo:   {run: (*Register).driverInfo, free: true, read: true},
	frame.CmdOpenSession:  {run: (*Register).openSession, free: true, read: true},
	frame.CmdCloseSession: {run: (*Register).closeSession, read: true},
	frame.CmdCommonInfo:   {run: (*Register).commonInfo, read: true},
	frame.CmdStatus:       {run: (*Register).status, read: true},
	frame.CmdRegistration: {run: (*Register).registration, read: true},
	frame.CmdReadSales:    {run: (*Register).readSales, read: true},
	frame.CmdProgress:     {run: (*Register).progress, read: true},
	frame.CmdGetSales:     {run: (*Register).getSales, read: true},
	frame.CmdMarkResult:   {run: (*Register).markResult, read: true},
	frame.CmdSetDateTime:  {run: (*Register).setDateTime},
	frame.CmdOpenShift:    {run: (*Register).openShift},
	frame.CmdCloseShift:   {run: (*Register).closeShift},
	frame.CmdOpenCheck:    {run: (*Register).openCheck},
	frame.CmdAddGoods:     {run: (*Register).addGoods},
	frame.CmdCloseCheck:   {run: (*Register).closeCheck},
	frame.CmdResetCheck:   {run: (*Register).resetCheck},
	frame.CmdBringMoney:   {run: (*Register).bringMoney},
	frame.CmdWithdraw:     {run: (*Register).withdraw},
	frame.CmdPrintText:    {run: (*Register).printText},
	frame.CmdPrintBarCode: {run: (*Register).printBarCode},
	frame.CmdPrintReport:  {run: (*Register).printReport},
	frame.CmdPrintDoc:     {run: (*Register).printDoc},
	frame.CmdOpenBox:      {run: (*Register).openBox},
	frame.CmdCheckMark:    {run: (*Register).checkMark},
	frame.CmdAcceptMark:   {run: (*Register).acceptMark},
	frame.CmdRejectMark:   {run: (*Register).rejectMark},
	frame.CmdAbortMark:    {run: (*Register).abortMark},
	frame.CmdClearMarks:   {run: (*Register).clearMarks},
}

// Execute carries out one command as its JSON says. No answer means that the power went, or is off.
func (r *Register) Execute(raw []byte) (answer []byte, cmd frame.Command, ok bool) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	if !r.power {
		return nil, "", false
	}
	r.gone = false
	var head frame.Head
	result, fault := any(nil), errJSON
	if json.Unmarshal(raw, &head) == nil {
		result, fault = r.dispatch(head, raw)
	}
	if r.gone || !r.power {
		r.cutPower()
		return nil, head.Command, false
	}
	if fault == nil && r.ram.Failed() != nil {
		fault = errMemory
	}
	r.Notify()
	if fault != nil {
		result = frame.Answer{Result: fault.code, Description: fault.text}
	}
	answer, err := frame.Marshal(result)
	return answer, head.Command, err == nil // what we answer can be packed
}

// done is the common part of every good answer.
var done = frame.Answer{Description: "Успешно завершено"}

// dispatch refuses in the order in which a service finds reasons: unknown, no session, not now.
func (r *Register) dispatch(head frame.Head, raw []byte) (any, *refused) {
	c, known := commands[head.Command]
	r.before(head.Command)
	if !known {
		return nil, errCommand
	}
	if !c.free && (head.Key == nil || !r.sessions[*head.Key]) {
		return nil, errSession
	}
	if !c.read && r.opt.Now().Before(r.busy) {
		return nil, errBusy
	}
	result, fault := c.run(r, raw)
	if _, struck := r.faults.strike(RestartAfter, head.Command); struck {
		r.restart()
	}
	return result, fault
}

// parse reads the parameters of a command.
func parse[T any](raw []byte) (T, *refused) {
	var req T
	if json.Unmarshal(raw, &req) != nil {
		return req, errJSON
	}
	return req, nil
}

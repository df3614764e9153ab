package uplink

import (
	"errors"
	"fmt"
	"time"
)

// Text is a sentence that a person can act on.
type Text struct {
	RU string `json:"ru"`
	EN string `json:"en"`
}

// Code names a problem for programs and for the log.
type Code string

// What may be wrong between a till and head office.
const (
	CodeNone      Code = ""
	CodeNetwork   Code = "network"   // no answer
	CodeBusy      Code = "busy"      // head office asks to come back later
	CodeTrust     Code = "trust"     // it is not our head office that answers
	CodeUnknown   Code = "unknown"   // head office does not know the till
	CodeRevoked   Code = "revoked"   // sales are taken, nothing comes down
	CodeVersion   Code = "version"   // no common version
	CodeReplaced  Code = "replaced"  // a second machine with the same identity
	CodeJournal   Code = "journal"   // the journals do not fit
	CodeLedger    Code = "ledger"    // this till's own disk
	CodeProgramme Code = "programme" // a programme that is not signed
	CodeAside     Code = "aside"     // state that this program cannot read
	CodeProtocol  Code = "protocol"  // something that this program does not understand
	CodeFilling   Code = "filling"   // the customers are being fetched
	CodeEnrolled  Code = "enrolled"
	// While a till enrols; it sells nothing yet, so that these say more than the ones above.
	CodeEnrolTyped Code = "enrol-typed" // no code at all
	CodeEnrolCode  Code = "enrol-code"  // unknown to head office, or too old
	CodeEnrolSpent Code = "enrol-spent" // used by another machine
	CodeEnrolOther Code = "enrol-other" // another head office than the code's
	CodeEnrolReach Code = "enrol-reach" // no answer
	CodeEnrolTLS   Code = "enrol-tls"   // a certificate that this machine does not believe
	CodeEnrolClock Code = "enrol-clock" // one that is not valid by this machine's clock
	CodeEnrolNot   Code = "enrol-not"   // an answer that is no head office's
)

var texts = map[Code]Text{
	CodeNetwork: {
		"Нет связи с центральным офисом. Продажи идут, данные уйдут, когда связь вернётся. Если другие сайты тоже не открываются, проверьте кабель и роутер.",
		"No connection to head office. Sales go on and will be sent later. If other sites do not open either, check the cable and the router.",
	},
	CodeBusy: {
		"Центральный офис занят и попросил подключиться позже. Делать ничего не нужно.",
		"Head office is busy and asks to come back later. There is nothing to do.",
	},
	CodeTrust: {
		"Ответил не наш центральный офис. Данные не отправлены. Сообщите в ИТ: проверить адрес сервера, прокси и DNS.",
		"It was not our head office that answered. Nothing was sent. Tell IT to check the server's address, the proxy and DNS.",
	},
	CodeUnknown: {
		"Центральный офис не знает эту кассу. Сообщите в ИТ: касса удалена или её нужно зарегистрировать снова (kopilka-agent enrol).",
		"Head office does not know this till. Tell IT: it was removed, or must be enrolled again (kopilka-agent enrol).",
	},
	CodeRevoked: {
		"Касса отозвана в центральном офисе: продажи принимаются на проверку, клиенты и баллы не обновляются. Позвоните в центральный офис.",
		"This till is revoked at head office: its sales are taken for review, customers and points are not updated. Call head office.",
	},
	CodeVersion: {
		"Программа кассы и центральный офис не понимают друг друга: версии слишком разные. Сообщите в ИТ: обновить программу кассы.",
		"The till's program and head office are too far apart in version. Tell IT to update the till's program.",
	},
	CodeReplaced: {
		"Под этой же кассой подключился другой компьютер. Сообщите в ИТ: не запущена ли копия диска этой кассы.",
		"Another machine has connected as this same till. Tell IT to look for a running copy of this till's disk.",
	},
	CodeJournal: {
		"Журнал кассы не сходится с копией в центральном офисе. Продажи идут и сохранены. Сообщите в ИТ, приложите отчёт kopilka-agent doctor.",
		"The till's journal does not fit head office's copy. Sales go on and are kept. Tell IT and attach the output of kopilka-agent doctor.",
	},
	CodeLedger: {
		"Касса не смогла прочитать или записать свой диск. Сообщите в ИТ: проверить место на диске и сам диск.",
		"The till could not read or write its own disk. Tell IT to check its free space and health.",
	},
	CodeProgramme: {
		"Пришла программа лояльности без верной подписи, она не применена: действует прежняя. Сообщите в центральный офис.",
		"A loyalty programme came without a valid signature and was not applied; the previous one stays. Tell head office.",
	},
	CodeAside: {
		"Часть данных центрального офиса эта программа прочитать не смогла и отложила, остальное принято. Сообщите в ИТ: обновить программу кассы, приложить отчёт kopilka-agent doctor.",
		"Some of head office's data could not be read by this program and was set aside; the rest was applied. Tell IT to update the till's program and attach the output of kopilka-agent doctor.",
	},
	CodeProtocol: {
		"Центральный офис ответил непонятно. Касса попробует снова. Если это повторяется, сообщите в ИТ: проверить прокси и версии программ.",
		"Head office's answer made no sense. The till will try again. If this repeats, tell IT to check the proxy and the versions.",
	},
	CodeFilling: {
		"Касса загружает список покупателей. Продавать можно, новые карты появятся после загрузки.",
		"The till is fetching its customers. You can sell; new cards will be known when it is done.",
	},
	CodeEnrolTyped: {
		"Это не код регистрации: в нём четыре группы букв и цифр через чёрточку. Скопируйте его со страницы «Кассы» центрального офиса.",
		"This is no enrolment code: one has four groups of letters and digits with dashes between. Copy it from head office's page Tills.",
	},
	CodeEnrolCode: {
		"Центральный офис не знает этого кода регистрации: он введён с ошибкой или истёк. Создайте новый код на странице «Кассы».",
		"Head office does not know this enrolment code: it is mistyped or has run out. Make a new one on its page Tills.",
	},
	CodeEnrolSpent: {
		"Этот код регистрации уже использован другой машиной: один код — одна касса. Создайте новый на странице «Кассы» центрального офиса.",
		"Another machine has used this enrolment code: one code is for one till. Make a new one on head office's page Tills.",
	},
	CodeEnrolOther: {
		"Ответил не тот центральный офис, который выдал код. Проверьте адрес: код и адрес показывает одна страница.",
		"The head office that answered is not the one that made the code. Check the address: one page shows both code and address.",
	},
	CodeEnrolReach: {
		"Центральный офис не отвечает по этому адресу. Проверьте адрес, интернет, прокси и межсетевой экран.",
		"Head office does not answer at this address. Check the address, the internet connection, proxy and firewall.",
	},
	CodeEnrolTLS: {
		"Сертификату центрального офиса здесь нет доверия. Установите корневой сертификат вашей организации или проверьте адрес и программы, которые вскрывают трафик.",
		"This machine does not trust head office's certificate. Install your organisation's root certificate, or check the address and programs that open up traffic.",
	},
	CodeEnrolClock: {
		"По часам этой машины сертификат центрального офиса не действует: ещё или уже. Поставьте верные дату и время и повторите.",
		"By this machine's clock head office's certificate is not valid, not yet or no more. Set the date and time right and try again.",
	},
	CodeEnrolNot: {
		"По этому адресу отвечает не центральный офис Копилки. Проверьте адрес и прокси.",
		"What answers at this address is no Kopilka head office. Check the address and the proxy.",
	},
	CodeEnrolled: {
		"Эта касса уже зарегистрирована. Чтобы зарегистрировать её заново, сначала удалите файл её ключа.",
		"This till is enrolled already. To enrol it anew, remove its identity file first.",
	},
}

// Problem is an error that a person must hear of.
type Problem struct {
	Code  Code
	Err   error
	Retry time.Duration // not sooner, as head office wants
}

// Text is the sentence for a person.
func (p *Problem) Text() Text { return texts[p.Code] }

// Error is the sentence in English and the cause.
func (p *Problem) Error() string {
	if p.Err == nil {
		return p.Text().EN
	}
	return fmt.Sprintf("%s (%s: %v)", p.Text().EN, p.Code, p.Err)
}

// Unwrap gives the cause.
func (p *Problem) Unwrap() error { return p.Err }

func problem(code Code, format string, args ...any) *Problem {
	return &Problem{Code: code, Err: fmt.Errorf(format, args...)}
}

// problemOf finds the problem in an error; an error that names none is the network's.
func problemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return &Problem{Code: CodeNetwork, Err: err}
}

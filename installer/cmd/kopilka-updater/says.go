package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/kopilka/kopilka/installer"
	"github.com/kopilka/kopilka/installer/slots"
	"github.com/kopilka/kopilka/sync/update"
)

// refusal is why an update does not go on; nothing was changed.
type refusal struct {
	why slots.Reason
	err error // the detail for the journal; may be nil
}

func (r refusal) Error() string {
	if r.err == nil {
		return r.why.EN
	}
	return r.why.EN + ": " + r.err.Error()
}

func (r refusal) Unwrap() error { return r.err }

func reason(code, ru, en string) slots.Reason {
	return slots.Reason{Code: code, Text: slots.Text{RU: ru, EN: en}}
}

var (
	reasonPerson = reason("person", "Прежнюю версию вернул человек (kopilka-updater rollback)", "A person went back to the version before (kopilka-updater rollback)")
	reasonStay   = reason(slots.CodeStay, update.Explain(update.ErrStay).RU, update.Explain(update.ErrStay).EN)
	reasonTrust  = reason(slots.CodeTrust, "Служба обновлений не знает, кому верить: выполните kopilka-agent updates trust от имени администратора", "The updater does not know whom to believe: run kopilka-agent updates trust as an administrator")
	reasonBusy   = reason(slots.CodeBusy, "Новая версия готова и ждёт, пока у кассы никого не будет", "A new version is ready and waits until nobody is at the till")
	reasonHung   = reason("hung", "Программа кассы не отвечает, хотя работает: обновление подождёт. Причину скажет kopilka-agent doctor", "The till program runs but does not answer: the update waits. kopilka-agent doctor tells the reason")
	reasonOff    = reason(slots.CodeOff, "Служба кассы остановлена: обновление подождёт, пока её запустят (kopilka-agent service start)", "The till's service is stopped: the update waits until it is started (kopilka-agent service start)")
	reasonMute   = reason("mute", "новая версия не отвечает", "the new version does not answer")
	reasonCrash  = reason("crash", "новая версия падает", "the new version crashes")
	reasonWakes  = reason("wakes", "машина перезапускалась, пока новая версия проверялась", "the machine was restarted again and again while the new version was watched")
	reasonPort   = reason("port", "адрес страницы кассы занят другой программой: остановите её или укажите в настройках другой page", "another program has the address of the till's page: stop it or set another page in the config")
)

func reasonAdopted(v string) slots.Reason {
	return reason(slots.CodeAdopted, "Пакет принёс версию "+v, "A package brought version "+v)
}

func reasonTrial(v string) slots.Reason {
	return reason(slots.CodeTrial, "Версия "+v+" установлена и проверяется", "Version "+v+" is installed and being watched")
}

func reasonDone(v string) slots.Reason {
	return reason(slots.CodeDone, "Версия "+v+" установлена", "Version "+v+" is installed")
}

func reasonIll(v string, why slots.Reason) slots.Reason {
	return reason("ill", fmt.Sprintf("Версия %s нездорова (%s), а вернуться нельзя: прежняя не прочтёт журнал. Что делать, скажет kopilka-agent doctor", v, why.RU),
		fmt.Sprintf("Version %s is ill (%s) and there is no way back: the one before cannot read the ledger. kopilka-agent doctor says what to do", v, why.EN))
}

func reasonReturned(v string, why slots.Reason) slots.Reason {
	return reason(why.Code, fmt.Sprintf("Версия %s не подошла (%s): возвращена прежняя", v, why.RU),
		fmt.Sprintf("Version %s did not do (%s): the one before is back", v, why.EN))
}

func reasonReturning(v string, why slots.Reason) slots.Reason {
	return reason(why.Code, fmt.Sprintf("Версия %s не подошла (%s): возвращается прежняя", v, why.RU),
		fmt.Sprintf("Version %s did not do (%s): going back to the one before", v, why.EN))
}

func reasonHeld(v string, verdict slots.Verdict) slots.Reason {
	return reason("held", fmt.Sprintf("Версия %s не ставится (%s). Поставить снова: kopilka-updater retry %s", v, verdict.Why.RU, v),
		fmt.Sprintf("Version %s is not installed (%s). To try it again: kopilka-updater retry %s", v, verdict.Why.EN, v))
}

func reasonLater(v string, verdict slots.Verdict) slots.Reason {
	return reason("later", fmt.Sprintf("Версия %s будет опробована снова позже (%s)", v, verdict.Why.RU),
		fmt.Sprintf("Version %s is tried again later (%s)", v, verdict.Why.EN))
}

func reasonMachine(p update.Program) slots.Reason {
	return reason("machine", fmt.Sprintf("Версия %s собрана для другой машины (%s, %s): проверьте раздачу в офисе", p.Version, p.OS, p.Arch),
		fmt.Sprintf("Version %s is built for another machine (%s, %s): look at the roll-out at head office", p.Version, p.OS, p.Arch))
}

func reasonOlder(v, current string) slots.Reason {
	return reason("older", fmt.Sprintf("Версия %s старше нынешней %s, а возврата офис не назначал", v, current),
		fmt.Sprintf("Version %s is older than the present %s, and head office ordered no way back", v, current))
}

func reasonOneWay(v, current string) slots.Reason {
	return reason("one-way", fmt.Sprintf("После версии %s вернуться на %s нельзя: она не прочтёт журнал. Нужно согласие офиса (no_return)", v, current),
		fmt.Sprintf("From version %s there is no way back to %s, which could not read the ledger. Head office must agree to it (no_return)", v, current))
}

func reasonUnread(v, current string) slots.Reason {
	return reason("unread", fmt.Sprintf("Версия %s не прочтёт журнал, который пишет %s", v, current),
		fmt.Sprintf("Version %s could not read the ledger that %s writes", v, current))
}

// reasonWorse puts what is worse than before into one sentence.
func reasonWorse(worse []update.Text) slots.Reason {
	var ru, en []string
	for _, w := range worse {
		ru, en = append(ru, w.RU), append(en, w.EN)
	}
	return reason("worse", strings.Join(ru, ", "), strings.Join(en, ", "))
}

// kinds are errors that people can do something about, in the order in which they are looked for.
var kinds = []struct {
	err error
	why slots.Reason
}{
	{slots.ErrFull, reason("full", "Для новой версии нет места на диске: освободите место, обновление пойдёт дальше само", "There is no room on the disk for the new version: make room, the update goes on by itself")},
	{slots.ErrReadOnly, reason("read-only", "Диск доступен только для чтения: обновления не ставятся. Проверьте диск", "The disk can only be read: updates are not installed. Check the disk")},
	{slots.ErrBusy, reason("file-held", "Файл новой версии держит другая программа (антивирус?): обновление попробует снова. Добавьте папку Kopilka в исключения", "Another program (an antivirus?) holds the new version's file: the update tries again. Exclude Kopilka's folder from it")},
	{slots.ErrAltered, reason("altered", "Файл новой версии изменился после проверки: он не ставится", "The new version's file was changed after it was verified: it is not installed")},
	{slots.ErrState, reason("state", "Записи службы обновлений повреждены: касса работает, обновления стоят. Покажите их поддержке", "The updater's records are damaged: the till sells, updates stand still. Show them to support")},
	{slots.ErrNotWhole, reason("not-whole", "Нет целой программы, которую можно запустить: переустановите пакет kopilka-agent", "There is no whole program that could start: install the package kopilka-agent again")},
	{errStranger, reasonPort},
	{errMute, reasonHung},
	{installer.ErrNoManager, reason("no-manager", "Диспетчер служб не работает: обновлять нечего", "No service manager runs here: there is nothing to update")},
	{installer.ErrNotInstalled, reason(slots.CodeNoService, "Служба кассы не установлена: выполните kopilka-agent service install", "The till's service is not installed: run kopilka-agent service install")},
	{fs.ErrPermission, reason("rights", "Службе обновлений не хватает прав (или файл держит антивирус)", "The updater is not allowed to do this (or an antivirus holds the file)")},
}

// signed are errors of the repository, whose sentences are in its own package.
var signed = []struct {
	code string
	err  error
}{
	{"expired", update.ErrExpired},
	{"forged", update.ErrForged},
	{"unfit", update.ErrUnfit},
	{"full", update.ErrSpace},
}

// explain finds the sentence for an error.
func explain(err error) slots.Reason {
	var r refusal
	if errors.As(err, &r) {
		return r.why
	}
	if trouble := slots.Trouble(err); trouble != nil {
		err = errors.Join(trouble, err)
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.why
		}
	}
	for _, is := range signed {
		if errors.Is(err, is.err) {
			return reason(is.code, update.Explain(is.err).RU, update.Explain(is.err).EN)
		}
	}
	return reason("error", "Обновление не удалось, касса работает как прежде: "+err.Error(), "The update failed, the till works as before: "+err.Error())
}

package update

import (
	"errors"
	"io/fs"
	"os"
)

// explanations are what people read of an error, the first that fits.
var explanations = []struct {
	of   error
	text Text
}{
	{ErrNone, Text{
		RU: "Головной офис не раздаёт обновлений: касса продаёт на своей версии",
		EN: "Head office offers no updates: the till sells with the version that it has",
	}},
	{ErrExpired, Text{
		RU: "Обновления остановлены: подписи хранилища просрочены или часы этой кассы неверны. Проверьте дату и время кассы; если они верны, пусть офис обновит подписи. Продажам это не мешает",
		EN: "Updates have stopped: the repository's signatures are out of date, or this till's clock is wrong. Check the till's date and time; if they are right, head office must renew the signatures. Selling goes on",
	}},
	{ErrForged, Text{
		RU: "Обновление отклонено: подписи не сходятся. Ничего не установлено, касса продаёт. Сообщите в головной офис",
		EN: "The update was refused: its signatures do not fit. Nothing was installed and the till sells. Tell head office",
	}},
	{ErrUnfit, Text{
		RU: "Обновление не подходит этой кассе: другая система или процессор. Ничего не установлено; пусть офис добавит сборку для этой кассы",
		EN: "The update does not fit this till: another system or processor. Nothing was installed; head office must add a build for this till",
	}},
	{ErrStay, Text{
		RU: "Обновлять нечего: на кассе та версия, которую назначил офис",
		EN: "There is nothing to update: the till has the version that head office wants",
	}},
	{ErrBusy, Text{
		RU: "Обновление сейчас качают другие кассы. Эта спросит снова сама через пару минут",
		EN: "Other tills are downloading just now. This one asks again by itself in a minute or two",
	}},
	{ErrSpace, Text{
		RU: "На диске нет места для обновления. Освободите место; продажам это не мешает",
		EN: "There is no room on the disk for the update. Free some; selling goes on",
	}},
}

var textUnreachable = Text{
	RU: "Хранилище обновлений не ответило. Касса спросит снова сама; продажам это не мешает",
	EN: "The update repository did not answer. The till asks again by itself; selling goes on",
}

var textLocal = Text{
	RU: "Касса не смогла записать или прочитать файлы обновления на своём диске: проверьте место и права на папки, подробности рядом. Продажам это не мешает",
	EN: "The till could not write or read the update's files on its own disk: check room and rights of the folders, the details are beside this. Selling goes on",
}

// isLocal tells trouble with this machine's own files from a line's: what the network breaks names no file.
func isLocal(err error) bool {
	var file *fs.PathError
	var link *os.LinkError
	return errors.As(err, &file) || errors.As(err, &link)
}

// Explain is what a person reads of an error of this package. The detail is in the error.
func Explain(err error) Text {
	for _, e := range explanations {
		if errors.Is(err, e.of) {
			return e.text
		}
	}
	if isLocal(err) {
		return textLocal
	}
	return textUnreachable
}

// Lang picks a language, Russian unless it is "en".
func (t Text) Lang(lang string) string {
	if lang == "en" {
		return t.EN
	}
	return t.RU
}

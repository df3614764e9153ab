package main

import (
	"net/http"
	"strings"
)

// words are what the page says, by language.
var words = map[string]map[string]string{
	"ru": {
		"title": "Прилавок", "brand": "Копилка", "sub": "учебный прилавок", "other": "English", "otherCode": "en",
		"counters": "Кассы", "goods": "Товары", "search": "Найти товар", "nothing": "Ничего не нашлось", "empty": "Полка пуста: файл товаров не указан",
		"cards": "Карты покупателей", "free": "Отсканировать код", "scan": "Сканировать", "tape": "Чековая лента", "blank": "Лента чистая. Отсканируйте товар на кассе и закройте чек.",
		"switches": "Неприятности", "paper-out": "Кончилась бумага", "cover-open": "Крышка открыта", "power-off": "Нет питания",
		"cable-out": "Выдернут кабель кассы", "answer-lost": "Потерять ответ на чек", "ofd-silent": "ОФД не отвечает", "internet-cut": "Нет интернета",
		"day-passed": "Прошли сутки", "log": "Журнал ФН (JSON)", "state": "Состояние", "shift": "Смена", "receipt": "Чек", "fd": "Последний ФД", "unsent": "Ждут ОФД",
		"drawer": "В ящике", "fn": "ФН", "register": "Касса", "scanner": "Сканер", "network": "Сеть",
		"open": "открыта", "closed": "закрыта", "expired": "больше 24 часов", "weighed": "весовой", "age": "18+",
		"grams": "Сколько граммов?", "weigh": "Взвесить и сканировать", "cancel": "Отмена", "typed": "Отсканировано", "failed": "Не получилось", "offline": "Нет связи с эмулятором",
		"m-off": "Выключена", "m-cable": "Кабель выдернут", "m-paper": "Нет бумаги", "m-cover": "Крышка открыта", "m-resume": "Ждёт продолжения печати", "m-doc": "Открыт чек",
		"m-expired": "Смена больше 24 часов", "m-open": "Смена открыта", "m-closed": "Смена закрыта", "m-date": "Ждёт подтверждения даты", "rub": "₽", "perkg": "/кг", "point": ",", "skip": "К товарам",
	},
	"en": {
		"title": "Counter", "brand": "Kopilka", "sub": "practice counter", "other": "Русский", "otherCode": "ru",
		"counters": "Tills", "goods": "Goods", "search": "Find a product", "nothing": "Nothing found", "empty": "The shelf is empty: no goods file is set",
		"cards": "Customers' cards", "free": "Scan any code", "scan": "Scan", "tape": "Receipt tape", "blank": "The tape is blank. Scan something at the till and close the receipt.",
		"switches": "Troubles", "paper-out": "Out of paper", "cover-open": "Cover open", "power-off": "No power",
		"cable-out": "Register cable pulled", "answer-lost": "Lose the next answer", "ofd-silent": "OFD does not answer", "internet-cut": "No internet",
		"day-passed": "A day goes by", "log": "Storage log (JSON)", "state": "State", "shift": "Shift", "receipt": "Receipt", "fd": "Last document", "unsent": "Wait for OFD",
		"drawer": "In the drawer", "fn": "Storage", "register": "Register", "scanner": "Scanner", "network": "Network",
		"open": "open", "closed": "closed", "expired": "over 24 hours", "weighed": "by weight", "age": "18+",
		"grams": "How many grams?", "weigh": "Weigh and scan", "cancel": "Cancel", "typed": "Scanned", "failed": "That did not work", "offline": "The emulator is not answering",
		"m-off": "Switched off", "m-cable": "Cable pulled", "m-paper": "Out of paper", "m-cover": "Cover open", "m-resume": "Waits to print on", "m-doc": "Receipt open",
		"m-expired": "Shift over 24 hours", "m-open": "Shift open", "m-closed": "Shift closed", "m-date": "Date to be confirmed", "rub": "₽", "perkg": "/kg", "point": ".", "skip": "To the goods",
	},
}

// language is what the reader chose, else what the browser prefers, else Russian.
func language(w http.ResponseWriter, r *http.Request) string {
	if chosen := r.URL.Query().Get("lang"); words[chosen] != nil {
		http.SetCookie(w, &http.Cookie{Name: "lang", Value: chosen, Path: "/", MaxAge: 365 * 24 * 3600, SameSite: http.SameSiteStrictMode, HttpOnly: true})
		return chosen
	}
	if c, err := r.Cookie("lang"); err == nil && words[c.Value] != nil {
		return c.Value
	}
	if strings.HasPrefix(r.Header.Get("Accept-Language"), "en") {
		return "en"
	}
	return "ru"
}

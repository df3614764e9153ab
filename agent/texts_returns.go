package agent

import "github.com/kopilka/kopilka/ledger/sale"

func textOwnStorage() Text {
	return say("Чек с этой кассы, но в её журнале его нет. Найдите его по номеру или верните при связи с офисом",
		"The receipt names this till's storage, and its journal lacks it. Find it by its number, or return it once head office is on the line")
}

func textReturnMoney(left sale.Money) Text {
	return say("По этому чеку уже вернули деньги другим возвратом: осталось вернуть %s. Остальное решит головной офис",
		"Money of this receipt came back by another return already: %s is left. Head office settles the rest", left)
}

// wayNames are how people call the ways to pay.
var wayNames = map[sale.TenderKind]Text{
	sale.TenderCash: {RU: "наличными", EN: "in cash"},
	sale.TenderCard: {RU: "на карту", EN: "to the card"},
}

func textOtherWay(kind sale.TenderKind, most sale.Money) Text {
	name := wayNames[kind]
	return Text{
		RU: textOtherWayMost(most).RU + " " + name.RU + ": столько так и заплатили. Иначе нужен PIN старшего кассира",
		EN: textOtherWayMost(most).EN + " " + name.EN + ": so much was paid that way. Otherwise a manager's PIN is needed",
	}
}

func textOtherWayMost(most sale.Money) Text {
	return say("Вернуть можно не больше %s", "At most %s can come back", most)
}

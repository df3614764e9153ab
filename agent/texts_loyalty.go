package agent

import (
	"cmp"
	"strings"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Sentences of the loyalty programme. None blames the customer, whatever a rule or head office thinks.

func textEnrolClosed() Text {
	return say("На этой кассе покупателей сейчас не принимают: предложите приложение", "This till takes in no customers now: offer the app")
}

func textEnrolSeal() Text {
	return say("Касса не умеет хранить данные покупателя под ключом офиса: позовите поддержку", "This till has no key of head office to seal a customer's data: call support")
}

func textEnrolContact() Text {
	return say("Нужен телефон или номер карты", "A phone or a card number is needed")
}

func textPersonName() Text {
	return say("Имя буквами, не длиннее %d знаков", "A name in letters, at most %d of them", personNameMax)
}

func textPhoneInReason() Text {
	return say("Причина остаётся в журнале навсегда: уберите из неё номер телефона и длинные числа", "A reason stays in the journal for ever: take phone numbers and long figures out of it")
}

func textCardNumber() Text {
	return say("Это не номер карты: отсканируйте её ещё раз", "This is not a card number: scan the card again")
}

func textCardIsGoods() Text {
	return say("Это код товара, а не карты", "This is a product's code, not a card's")
}

func textConsentChanged() Text {
	return say("Текст согласия обновился: покажите его покупателю ещё раз", "The consent text has changed: show it to the customer again")
}

func textConsentNeeded(kind sale.ConsentKind) Text {
	if kind == sale.ConsentAdvertising {
		return say("Без согласия на рассылку программа не оформляется", "The programme needs the consent to messages")
	}
	return say("Без согласия на обработку персональных данных карту не оформить", "No card without the consent to keep personal data")
}

func textFriendCode() Text {
	return say("Код друга слишком длинный", "The friend's code is too long")
}

func textEnrolledAlready(phone bool) Text {
	if phone {
		return say("Этот телефон уже в программе: найдите покупателя по нему", "This phone is in the programme already: find the customer by it")
	}
	return say("Эта карта уже оформлена: отсканируйте её", "This card is in the programme already: scan it")
}

func textEnrolled(name string, welcome sale.Points) Text {
	name = strings.TrimSuffix(cmp.Or(name, "—"), ".") // the sentence has its own full stop
	if welcome > 0 {
		return say("Карта оформлена: %s. Приветственные баллы (%s) начислит головной офис", "Enrolled: %s. Head office will give %s welcome points", name, welcome)
	}
	return say("Карта оформлена: %s.", "Enrolled: %s.", name)
}

func textPhoneOnly() Text {
	return say("Названы по телефону: баллы копятся, а чтобы платить ими, нужна карта или код из приложения",
		"Named by phone: points are earned; to pay with them, the card or the app's code is needed")
}

func textWelcome(p sale.Points) Text {
	return say("ещё %s приветственных баллов от головного офиса", "%s welcome points come from head office", p)
}

func textCustomerGone() Text {
	return say("Карточка покупателя изменилась в головном офисе: отсканируйте карту ещё раз", "Head office has changed the customer's record: scan the card again")
}

func textPromoUnknown(code string) Text {
	return say("Промокод %s неизвестен или уже использован", "Promo code %s is unknown or used already", quoted(code))
}

func textPromoUsed(code string) Text {
	return say("Промокод %s уже использован", "Promo code %s is used already", quoted(code))
}

func textPromoOver(code string) Text {
	return say("Акция промокода %s закончилась", "The campaign of promo code %s is over", quoted(code))
}

func textPromoEarly(code string, from sale.Date) Text {
	return say("Промокод %s действует с %s", "Promo code %s works from %s", quoted(code), from)
}

func textPromoLate(code string, until sale.Date) Text {
	return say("Промокод %s действовал до %s", "Promo code %s worked until %s", quoted(code), until)
}

func textPromoTwice(code string) Text {
	return say("Промокод %s уже в этом чеке", "Promo code %s is on this receipt already", quoted(code))
}

func textPromoTooMany() Text {
	return say("В одном чеке не больше %d промокодов", "A receipt takes at most %d promo codes", codesMax)
}

func textPromoOfAnother(code string) Text {
	return say("Промокод %s именной, для другого покупателя", "Promo code %s is personal, another customer's", quoted(code))
}

func textPromoNotHere(code string) Text {
	return say("Промокода %s нет в этом чеке", "Promo code %s is not on this receipt", quoted(code))
}

func textPromoAttribution() Text {
	return say("засчитан тому, кто привёл покупателя", "counts for whoever brought the customer")
}

func textPromoOwner() Text {
	return say("именной: отсканируйте карту его владельца", "personal: scan its owner's card")
}

func textPromoSpent() Text {
	return say("уже использован этим покупателем", "used already by this customer")
}

func textPromoNothing() Text {
	return say("на этот чек пока ничего не даёт", "gives nothing on this receipt yet")
}

func textPromotion(id uint32) Text { return say("Акция № %d", "Promotion %d", id) }

func textNoGift() Text {
	return say("Этого подарка сейчас нет", "This gift is not to be had now")
}

func textGiftPoints(need, have sale.Points) Text {
	return say("На подарки нужно %s баллов, здесь доступно %s", "The gifts need %s points, %s are here", need, have)
}

func textGiftGone() Text {
	return say("Подарок за баллы сейчас дать нельзя", "The gift cannot be given for points now")
}

func textNoPurse() Text {
	return say("Этими баллами здесь не платят", "These points do not pay here")
}

func textNoCertificate() Text {
	return say("Сертификат не найден: проверьте номер", "The certificate is not found: check its number")
}

func textNotACertificate() Text {
	return say("Это карта покупателя, а не сертификат", "This is a customer's card, not a certificate")
}

func textCertificateTwice() Text {
	return say("Этот сертификат уже в чеке", "This certificate is on the receipt already")
}

func textCertificateBlocked() Text {
	return say("Сертификат остановлен: позвоните в поддержку", "The certificate is stopped: call support")
}

func textCertificateSpent() Text {
	return say("На сертификате ничего не осталось", "Nothing is left on the certificate")
}

func textTooManyCertificates() Text {
	return say("В одном чеке не больше %d сертификатов", "A receipt takes at most %d certificates", certificatesMax)
}

func textCertificateHeld(have sale.Points, asking bool) Text {
	if asking {
		return say("спрашиваем головной офис; здесь точно есть %s", "asking head office; %s are here for sure", have)
	}
	return say("без связи с офисом можно взять только %s", "only %s can be taken without head office", have)
}

func textNothingToPermit() Text {
	return say("В этом чеке нечего разрешать", "There is nothing to permit on this receipt")
}

func textReturnAsking() Text {
	return say("Спрашиваем головной офис про этот чек, подождите несколько секунд", "Head office is being asked about this receipt, wait a few seconds")
}

func textForgedQR() Text {
	return say("QR-код не подходит к чеку: отсканируйте его с бумаги ещё раз", "The QR code does not fit the receipt: scan it from the paper again")
}

func textForeignOld(days int) Text {
	return say("Чеку больше %d дней: такой возврат оформляет головной офис", "The receipt is older than %d days: head office makes such returns", days)
}

func textForeignDone() Text {
	return say("По этому чеку без связи с офисом вернуть больше нельзя", "Nothing more of this receipt can come back without head office")
}

func textForeignLimit(limit sale.Money) Text {
	return say("Без связи с офисом по этому чеку можно вернуть не больше %s", "Without head office at most %s of this receipt can come back", limit)
}

func textForeignPending() Text {
	return say("Баллы по этому возврату рассчитает головной офис, когда получит сам чек", "Head office will settle the points of this return once it has the receipt itself")
}

func textAdvanceBack(due sale.Money) Text {
	return say("На сертификат возвращается %s: столько он оплатил", "%s go back to the certificate: so much it paid", due)
}

// textProgress says what is missing to a tier: any one of its needs is enough.
func textProgress(tier Text, missing loyalty.Need) Text {
	var ru, en []string
	add := func(x Text) { ru, en = append(ru, x.RU), append(en, x.EN) }
	if missing.Spend > 0 {
		add(say("%s ₽", "%s", missing.Spend))
	}
	if missing.Receipts > 0 {
		add(say("%[1]d %[2]s", "%[1]d %[3]s", missing.Receipts, plural(int(missing.Receipts), "чек", "чека", "чеков"), english(int(missing.Receipts), "receipt")))
	}
	if missing.Referrals > 0 {
		add(say("%[1]d %[2]s", "%[1]d %[3]s", missing.Referrals, plural(int(missing.Referrals), "друг", "друга", "друзей"), english(int(missing.Referrals), "friend")))
	}
	if len(ru) == 0 {
		return say("скоро уровень %[1]s", "%[2]s soon", tier.RU, tier.EN)
	}
	return Text{RU: "до уровня " + tier.RU + " осталось " + strings.Join(ru, " или "), EN: strings.Join(en, " or ") + " to " + tier.EN}
}

func textExpiring(p sale.Points, day sale.Date) Text {
	return say("%s баллов сгорят %s", "%s points expire on %s", p, day)
}

func textStamps(have sale.Points, of int) Text {
	if of <= 0 {
		return say("%s марок", "%s stamps", have)
	}
	n := int(have / sale.Point)
	switch left := of - n; {
	case left <= 0:
		return say("%d из %d марок: следующая покупка в подарок", "%d of %d stamps: the next one is free", n, of)
	default:
		return say("%d из %d марок, до подарка ещё %d", "%d of %d stamps, %d more to a free one", n, of, left)
	}
}

func textTickets(have sale.Points) Text {
	return say("билетов розыгрыша: %d", "%d draw tickets", int(have/sale.Point))
}

func textPartner(have, here sale.Points) Text {
	if here < have {
		return say("%s, из них здесь точно %s", "%s, %s of them here for sure", have, here)
	}
	return say("%s", "%s", have)
}

func textEnrolUncompared() Text {
	return Text{
		RU: "Касса ещё не сверилась с фискальным накопителем, а без этого нельзя выдать номер покупателю. Включите кассовый аппарат и повторите.",
		EN: "The till has not yet compared itself with the fiscal storage, and must before it gives a customer a number. Switch the register on and repeat.",
	}
}

package agent

// Sentences of the fraud rules and of what is refused for the sake of them, and of baskets put aside. They say
// what to do, and blame nobody.

func textOwnCardAnother() Text {
	return say("Свою карту сам себе не разрешают: позовите другого старшего", "Nobody permits their own card: call another manager")
}

func textPromoDoubt(code string) Text {
	return say("Промокод %s проверит головной офис: примите его, когда касса будет на связи", "Head office must check promo code %s: take it once the till is online", quoted(code))
}

func textCertificateStopped() Text {
	return say("Сертификат снят с чека: головной офис его остановил. Возьмите остальное другой оплатой", "A certificate has left the receipt: head office stopped it. Take the rest another way")
}

func textNotParked() Text {
	return say("Этого отложенного чека уже нет: его забрали или очистили", "This parked basket is gone: somebody has taken it back")
}

func textTooManyParked() Text {
	return say("Отложено слишком много чеков: сначала верните один из них", "Too many baskets are parked: take one of them back first")
}

package main

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// announce prints where everything is and how to get in.
func (d *demo) announce() {
	rows := [][3]string{}
	for _, t := range tills {
		at := shops[t.store-1]
		cashier, manager := who(t.store, roleCashier), who(t.store, roleManager)
		rows = append(rows,
			[3]string{fmt.Sprintf("Касса %d / Till %d", t.n, t.n), d.tillURL(t), fmt.Sprintf("PIN кассира / cashier's PIN %s, менеджера / manager's %s", cashier.PIN, manager.PIN)},
			[3]string{fmt.Sprintf("Прилавок %d / Counter %d", t.n, t.n), d.counterURL(t), "товары, карты, чеки, неполадки / goods, cards, receipts, troubles: " + at.Name},
		)
	}
	rows = append(rows, [3]string{"Центральный офис / Head office", d.url(d.ports.Cloud), fmt.Sprintf("логин / login %s, пароль / password %s", d.login.Login, d.login.Password)})
	var width [2]int
	for _, r := range rows {
		for i := range width {
			width[i] = max(width[i], utf8.RuneCountInString(r[i]))
		}
	}
	d.say("\nДемо-магазин открыт / The demo shop is open\n\n")
	for _, r := range rows {
		d.say("  %s  %s  %s\n", pad(r[0], width[0]), pad(r[1], width[1]), r[2])
	}
	d.say("\n  Промокод / promo code %s: 150 ₽ от 1000 ₽ с картой / 150 roubles off 1000 with a card. Одноразовые коды и сертификаты лежат на прилавке / single-use codes and certificates lie on the counter\n", codeGeneric)
	d.say("\nДанные и журналы / data and logs: %s\nCtrl-C закрывает магазин, данные остаются / closes the shop, its data stay\n", d.dir)
}

// pad counts letters, not bytes: these are Cyrillic.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", width-utf8.RuneCountInString(s))
}

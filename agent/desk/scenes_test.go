package desk_test

import "github.com/kopilka/kopilka/agent"

// scene is a state of the page: a view and the keys that lead on from it.
type scene struct {
	name    string
	view    func() agent.View
	keys    []string
	see     string            // a selector that is there when the scene stands
	refuses bool              // the till refuses every command
	stops   bool              // the till program stops before the picture
	then    func() agent.View // what the till shows after the keys
}

var scenes = []scene{
	{name: "sign-in", view: signingIn, keys: []string{"1", "2", "3"}, see: ".cap"},
	{name: "sign-in-refused", view: signingIn, keys: []string{"1", "2", "Enter"}, see: ".strip.error", refuses: true},
	{name: "shift-closed", view: shiftClosed, see: "[data-do=open-shift]"},
	{name: "shift-expired", view: shiftExpired, see: "[data-do=close-shift]"},
	{name: "sale-empty", view: func() agent.View { return base(agent.StageSale) }, see: ".basket.empty"},
	{name: "held", view: held, see: ".strip.held"},
	{name: "held-sign-in", view: heldSignIn, see: ".strip.held"},
	{name: "sale", view: selling, keys: []string{"ArrowUp", "ArrowUp"}, see: ".line.lit .tools"},
	{name: "sale-trouble", view: paperOut, see: "[data-do=resume]"},
	{name: "sale-200", view: func() agent.View { return heavy(200) }, see: ".line.lit"},
	{name: "sale-refused", view: selling, keys: []string{"Delete"}, see: ".strip.error", refuses: true},
	{name: "search", view: selling, keys: []string{"F2", "м", "о", "л", "о", "see .picks", "ArrowDown"}, see: ".picks .lit"},
	{name: "search-none", view: selling, keys: []string{"F2", "z", "z"}, see: ".none"},
	{name: "customer", view: selling, keys: []string{"F3"}, see: "[data-dialog=customer]"},
	{name: "customer-refused", view: selling, keys: []string{"F3", "9", "1", "6", "Enter"}, see: "dialog .strip.error", refuses: true},
	{name: "quantity", view: selling, keys: []string{"F4"}, see: "[data-dialog=qty]"},
	{name: "redeem", view: selling, keys: []string{"F8", "1", "5", "0", "Ctrl+I"}, see: "[data-dialog=redeem] .why"},
	{name: "explain", view: selling, keys: []string{"Ctrl+I"}, see: "[data-dialog=explain]"},
	{name: "parked", view: selling, keys: []string{"F7"}, see: "[data-dialog=recall] .lit"},
	{name: "clear", view: selling, keys: []string{"Ctrl+Delete"}, see: "[data-dialog=clear]"},
	{name: "pay-cash", view: selling, keys: []string{"F9", "2", "0", "0", "0"}, see: ".how-cash .left"},
	{name: "pay-short", view: selling, keys: []string{"F9", "5"}, see: ".left.short"},
	{name: "pay-card", view: selling, keys: []string{"F10"}, see: ".how-card"},
	{name: "pay-mixed", view: selling, keys: []string{"F9", "F8", "1", "0", "0", "0"}, see: ".how-mixed .terminal"},
	{name: "pay-changed", view: selling, keys: []string{"F10", "see .how-card"}, then: func() agent.View { return without(selling(), 2) }, see: "[data-do=due-new]"},
	{name: "marked-first", view: markWanted, keys: []string{"F9"}, see: "[data-do=forgive]"},
	{name: "adult", view: adult, see: "[data-do=adult-yes]"},
	{name: "printing", view: printing, see: ".paper"},
	{name: "done", view: doneSale, see: ".change b"},
	{name: "done-paper", view: donePaper, see: ".done .strip"},
	{name: "return", view: returning, see: ".returns .lit"},
	{name: "return-find", view: selling, keys: []string{"F1", "F2"}, see: "[data-dialog=receipts] .lit"},
	{name: "return-pay", view: returning, keys: []string{"F9", "F2"}, see: "[data-dialog=return-pay] [aria-pressed=true]"},
	{name: "unknown", view: unknown, see: "[data-do=retry]"},
	{name: "menu", view: selling, keys: []string{"F1"}, see: "[data-dialog=menu]"},
	{name: "cash-in", view: selling, keys: []string{"F1", "F6", "5", "0", "0", "0"}, see: "[data-dialog=cash]"},
	{name: "close-shift", view: selling, keys: []string{"F1", "F10"}, see: "[data-dialog=close-shift]"},
	{name: "shift-day", view: ownDay(shiftClosed), see: ".day"},
	{name: "shift-expired-day", view: ownDay(shiftExpired), see: ".day"},
	{name: "day", view: programme, keys: []string{"Ctrl+K"}, see: "[data-dialog=day]"},
	{name: "day-none-yet", view: dayBegins, keys: []string{"Ctrl+K"}, see: "[data-dialog=day]"},
	{name: "programme", view: programme, see: ".purse-short"},
	{name: "programme-trouble", view: programmeTrouble, see: ".watch"},
	{name: "house", view: house, see: ".house"},
	{name: "watch-first", view: watchedEmpty, see: ".watch"},
	{name: "watch-permitted", view: permitted, see: ".watch .gives"},
	{name: "permit", view: watched, keys: []string{"Ctrl+P", "1", "2"}, see: "[data-dialog=permit]"},
	{name: "permit-refused", view: watched, keys: []string{"Ctrl+P", "1", "Enter"}, see: "[data-dialog=permit] .strip.error", refuses: true},
	{name: "offers", view: programme, keys: []string{"F12"}, see: ".offer.lit"},
	{name: "offers-gift", view: programme, keys: downs(7, "F12"), see: ".offer.lit [data-do=gift]"},
	{name: "offers-none", view: stranger, keys: []string{"F12"}, see: ".offers .none"},
	{name: "offers-refused", view: stranger, keys: []string{"F12", "F4", "7", "7", "Enter"}, see: "[data-dialog=offers] .strip.error", refuses: true},
	{name: "purse", view: programme, keys: append(downs(5, "F12"), "F8", "5", "0"), see: "[data-dialog=purse]"},
	{name: "enrol", view: enrolling, keys: []string{"F3", "9", "1", "6", "F6"}, see: "[data-dialog=enrol]"},
	{name: "enrol-ready", view: enrolling, keys: []string{"F3", "9", "1", "6", "F6", "F7", "F4", "О", "л", "ь", "г", "а"}, see: "[data-do=enrol-do]:not(:disabled)"},
	{name: "enrol-refused", view: enrolling, keys: []string{"F3", "9", "F6", "F7", "Enter"}, see: "[data-dialog=enrol] .strip.error", refuses: true},
	{name: "enrol-three", view: enrollingThree, keys: []string{"F3", "F6"}, see: ".consent:nth-child(3)"},
	{name: "pay-certificate", view: programme, keys: []string{"F9"}, see: ".advance"},
	{name: "pay-certificate-mixed", view: programme, keys: []string{"F9", "F8", "1", "0", "0"}, see: ".how-mixed .terminal"},
	{name: "pay-certificate-whole", view: giftedWhole, keys: []string{"F9"}, see: ".how-whole"},
	{name: "done-programme", view: doneProgramme, see: ".done-halves"},
	{name: "return-foreign", view: foreign, see: ".returns .lit"},
	{name: "return-foreign-over", view: foreignOver, see: ".side > .stop"},
	{name: "return-foreign-empty", view: foreignEmpty, see: ".nothing"},
	{name: "return-foreign-price", view: foreign, keys: []string{"F8"}, see: "[data-dialog=return-price]"},
	{name: "return-foreign-pay", view: foreign, keys: []string{"F9", "F3", "F7", "1", "2"}, see: "[data-dialog=return-pay]"},
	{name: "return-asking", view: returnAsking, see: ".nothing .pulse"},
	{name: "return-watched", view: returnWatched, see: ".watch"},
	{name: "marked", view: marked, keys: []string{"ArrowUp"}, see: ".line.lit .why"},
	{name: "marked-wanted", view: markWanted, see: "[data-do=drop-mark]"},
	{name: "marked-wanted-first", view: markWantedFirst, see: "[data-do=drop-mark]"},
	{name: "marked-return", view: markedReturn, see: ".tools p"},
	{name: "swap", view: swapped, see: "[data-do=swap]"},
	{name: "swap-confirm", view: swapped, keys: []string{"Ctrl+U", "see [data-dialog=swap]", "1", "2"}, see: "[data-dialog=swap]"},
	{name: "swap-refused", view: swapped, keys: []string{"Ctrl+U", "see [data-dialog=swap]", "1", "Enter"}, see: "[data-dialog=swap] .strip.error", refuses: true},
	{name: "correction-menu", view: corrects, keys: []string{"F1"}, see: "[data-do=correction]"},
	{name: "correction", view: corrects, keys: []string{"F1", "see [data-dialog=menu]", "F12"}, see: "[data-dialog=correction]"},
	{name: "correction-order", view: corrects, keys: []string{"F1", "see [data-dialog=menu]", "F12", "F3", "F7", "F10"}, see: "#f-number"},
	{name: "correction-done", view: doneCorrection, see: ".change"},
	{name: "plain", view: plain, see: ".chip"},
	{name: "plain-printer", view: plainPrinterOut, see: ".strip.warning"},
	{name: "plain-shift", view: plainShift, see: "[data-do=open-shift]"},
	{name: "shift-strange", view: strangeShift, see: "[data-do=close-shift]"},
	{name: "offline", view: selling, see: "[data-dialog=offline]", stops: true},
}

// downs is a key and so many steps down after it.
func downs(n int, key string) []string {
	keys := []string{key}
	for range n {
		keys = append(keys, "ArrowDown")
	}
	return keys
}

package desk_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
)

func TestScannerTypesACode(t *testing.T) {
	p := small(t, selling())
	p.scan("4607001234567", false)
	require.Equal(t, agent.Command{Do: "scan", Code: "4607001234567", Scanner: agent.ScannerWedge}, p.asked())
	p.scan("ABC-12x", true)
	require.Equal(t, agent.Command{Do: "scan", Code: "ABC-12x", Scanner: agent.ScannerWedge}, p.asked(), "the Russian layout is on, the code is still Latin")
	eval[bool](p, `(document.querySelector('[data-do=cash]').focus(), true)`)
	p.scan("4607001234567", false)
	require.Equal(t, "scan", p.asked().Do)
	p.settle()
	require.False(t, eval[bool](p, `Boolean(document.querySelector('dialog'))`), "the scanner's Enter presses no button")
	p.silent()
}

// Keys 100 ms apart are too slow for a scanner on a cable, but so many digits are no search. To the till they were typed:
// nobody can say that a card was there.
func TestSlowScannerIsStillAScanner(t *testing.T) {
	p := small(t, selling())
	p.press("4", "6", "0", "7", "0", "0", "1", "2", "Enter")
	require.Equal(t, agent.Command{Do: "scan", Code: "46070012"}, p.asked())
}

// Where a PIN is due so many digits are one, typed after a press beside the field: no scan is taken before it, and the till
// would answer with a refusal and forget the PIN.
func TestALongPINTypedBesideItsFieldIsNoScan(t *testing.T) {
	p := small(t, signingIn())
	eval[bool](p, `(document.activeElement.blur(), true)`)
	p.press("4", "3", "2", "1", "5", "6", "7", "8", "Enter")
	p.press("Enter")
	require.Equal(t, agent.Command{Do: "sign-in", PIN: "43215678"}, p.asked())
}

func TestScanIntoADialogGoesWhereItBelongs(t *testing.T) {
	p := small(t, selling())
	p.press("F3")
	p.scan("2900012345678", false)
	require.Equal(t, agent.Command{Do: "customer", Code: "2900012345678", Scanner: agent.ScannerWedge}, p.asked())
	p.until(`!document.querySelector('dialog')`)
	p.press("F2")
	p.scan("4607001234567", true)
	require.Equal(t, agent.Command{Do: "scan", Code: "4607001234567", Scanner: agent.ScannerWedge}, p.asked())
	p.until(`!document.querySelector('dialog')`)
	p.press("F1", "F2")
	p.see("[data-dialog=receipts]")
	p.scan("t20260101T1200-s100", false)
	require.Equal(t, agent.Command{Do: "return-find", Code: "t20260101T1200-s100"}, p.asked())
}

// A barcode scanned while the cashier counts money must neither become money nor print the receipt.
func TestScanWhilePayingIsRefused(t *testing.T) {
	p := small(t, selling())
	p.press("F9", "5", "0")
	p.scan("4607001234567", false)
	p.see("dialog .strip.error")
	require.Equal(t, "50", eval[string](p, `document.querySelector('#f-given').value`))
	p.silent()
	p.press("Escape", "F10")
	p.see(".how-card")
	p.scan("4607001234567", false)
	p.see("dialog .strip.error")
	p.silent()
}

// A scan while a customer is taken in is their card, wherever the cursor stands; in the code's field it is the code.
func TestScanWhileEnrolling(t *testing.T) {
	p := small(t, enrolling())
	value := func(id string) string { return eval[string](p, `document.querySelector('#f-`+id+`').value`) }
	p.press("F3", "9", "1", "6", "F6")
	p.see("[data-dialog=enrol]")
	p.scan("2900012345678", true)
	p.until(`document.querySelector('#f-card').value === '2900012345678'`)
	require.Equal(t, "916", value("phone"), "the phone is as it was")
	p.press("F4", "Я")
	p.scan("2900077777777", false)
	p.until(`document.querySelector('#f-card').value === '2900077777777'`)
	require.Equal(t, "Я", value("name"))
	p.press("F6")
	p.scan("DRUG-777", false)
	p.until(`document.querySelector('#f-code').value === 'DRUG-777'`)
	p.silent()
	p.click("[data-do=consent-1]")
	p.click("[data-do=enrol-do]")
	c := p.asked()
	require.Equal(t, []string{"916", "2900077777777", "Я", "DRUG-777"}, []string{c.Phone, c.Card, c.Name, c.Code})
}

// What is scanned among the offers is what the cashier has chosen to enter; the window stays to show the answer.
func TestScanAmongOffers(t *testing.T) {
	p := small(t, stranger())
	p.press("F12")
	p.scan("SUMMER-26", false)
	require.Equal(t, agent.Command{Do: "code", Code: "SUMMER-26", Scanner: agent.ScannerWedge}, p.asked())
	p.until(`document.querySelector('#f-offer').value === ''`)
	p.press("F4")
	p.scan("2700009000017", false)
	require.Equal(t, agent.Command{Do: "certificate", Code: "2700009000017", Scanner: agent.ScannerWedge}, p.asked())
	p.till.show(giftedWhole())
	p.see("[data-do=drop-certificate]")
	p.till.answers(refuseAll)
	p.press("1", "2", "Enter")
	p.see("dialog .strip.error")
	require.Equal(t, "12", eval[string](p, `document.querySelector('#f-offer').value`), "what was refused can be put right")
}

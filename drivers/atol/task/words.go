package task

import "github.com/kopilka/kopilka/ledger/sale"

// The words that the vendor's JSON has for numbers of fiscal data. A word that is not here is refused by the
// driver before anything is sent.

// Taxes are the rates of VAT, by tag 1199.
var Taxes = map[sale.VAT]string{
	sale.VAT20: "vat20", sale.VAT10: "vat10", sale.VAT20120: "vat120", sale.VAT10110: "vat110", sale.VAT0: "vat0",
	sale.VATNone: "none", sale.VAT5: "vat5", sale.VAT7: "vat7", sale.VAT5105: "vat105", sale.VAT7107: "vat107",
	sale.VAT22: "vat22", sale.VAT22122: "vat122",
}

// TaxSystems are by the bits of tag 1055.
var TaxSystems = map[uint8]string{1: "osn", 2: "usnIncome", 4: "usnIncomeOutcome", 8: "envd", 16: "esn", 32: "patent"}

// Tenders are the kinds of payment.
var Tenders = map[sale.TenderKind]string{
	sale.TenderCash: "cash", sale.TenderCard: "electronically", sale.TenderAdvance: "prepaid", sale.TenderCredit: "credit",
	sale.TenderCounter: "other",
}

// MethodFull is tag 1214: paid in full when handed over.
const MethodFull = "fullPayment"

// Methods are the ways of payment, by tag 1214.
var Methods = map[uint8]string{
	1: "fullPrepayment", 2: "prepayment", 3: "advance", 4: MethodFull, 5: "partialPayment", 6: "credit", 7: "creditPayment",
}

// Subjects are what is sold, by tag 1212.
var Subjects = map[sale.Subject]string{
	sale.SubjectGoods: "commodity", sale.SubjectExcisable: "excise", 3: "job", sale.SubjectService: "service", 5: "gamblingBet",
	6: "gamblingPrize", 7: "lottery", 8: "lotteryPrize", 9: "intellectualActivity", 10: "payment", 11: "agentCommission",
	12: "composite", 13: "another", 14: "proprietaryLaw", 15: "nonOperatingIncome", 16: "otherContributions", 17: "merchantTax",
	18: "resortFee", 19: "deposit", 20: "consumption", sale.SubjectExciseUnmarked: "exciseWithoutMarking",
	sale.SubjectMarkedExcise: "exciseWithMarking", 32: "commodityWithoutMarking", sale.SubjectMarkedGoods: "commodityWithMarking",
}

// KeyOf finds what a word stands for.
func KeyOf[K comparable](words map[K]string, word string) (K, bool) {
	for k, w := range words {
		if w == word {
			return k, true
		}
	}
	var none K
	return none, false
}

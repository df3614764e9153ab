package page

import "github.com/kopilka/kopilka/ledger/sale"

// Partner is a firm that brings customers or pays for points in a purse of its own.
type Partner struct {
	No      sale.PartnerNo
	Name    string
	Contact string
	Gone    bool
}

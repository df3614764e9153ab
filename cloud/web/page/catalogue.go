package page

import "github.com/kopilka/kopilka/ledger/sale"

// ProductFilter chooses products.
type ProductFilter struct {
	Text string // folded: a part of the name
	Raw  string // the same as typed: an SKU or a barcode
	Gone bool   // withdrawn ones instead
}

// ProductKey is a place in the list of products, by name; zero is its top.
type ProductKey struct {
	Name string
	SKU  sale.SKU
}

// Staff is a member of staff with the name of their store.
type Staff struct {
	sale.Staff
	StoreName string
}

// ProgrammeVersion is a version of the loyalty programme.
type ProgrammeVersion struct {
	Version uint32
	From    sale.Time // effective
	Made    sale.Time
	By      string
	Note    string
	Body    []byte // as the rules read it
}

// GoodsNames are ways to name products.
type GoodsNames struct {
	SKUs, Categories, Tags map[string]bool
}

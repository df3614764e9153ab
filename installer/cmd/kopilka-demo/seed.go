package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// seedFile is what `kopilka-cloud seed` reads; its test holds it to head office's own reader.
type seedFile struct {
	Stores    []shop         `json:"stores"`
	Staff     []member       `json:"staff"`
	Products  []sale.Product `json:"products"`
	Customers []customer     `json:"customers"`

	Programme    *loyalty.Programme `json:"programme"`
	Codes        []codes            `json:"codes"`
	Certificates []certificates     `json:"certificates"`
}

func makeSeed() (seedFile, error) {
	p, err := products()
	return seedFile{
		Stores: shops, Staff: staff, Products: p, Customers: customers(),
		Programme: programme(p), Codes: singleCodes, Certificates: giftCertificates,
	}, err
}

// goodsFile is what lies on the counters' shelves and in the customers' pockets: see the emulator.
type goodsFile struct {
	Products []shelfItem `json:"products"`
	Cards    []pocket    `json:"cards"`
}

type shelfItem struct {
	SKU     sale.SKU `json:"sku"`
	Name    string   `json:"name"`
	Code    string   `json:"code"`
	Price   string   `json:"price"`
	Weighed bool     `json:"weighed,omitempty"`
	Age18   bool     `json:"age18,omitempty"`
}

type pocket struct {
	Name  string `json:"name"`
	Code  string `json:"code"`
	Tier  string `json:"tier"`
	Phone string `json:"phone"`
}

// pocketsMax is how many cards a counter's page shows without scrolling.
const pocketsMax = 12

// papersMax is how many certificates and single-use codes lie beside the cards.
const papersMax = 2

func (s seedFile) goods(given made) goodsFile {
	var g goodsFile
	for _, p := range s.Products {
		item := shelfItem{SKU: p.SKU, Name: p.Name, Code: p.Codes[0], Price: p.Price.String(), Age18: p.Traits.Has(sale.AdultOnly)}
		if p.Traits.Has(sale.Weighed) { // the emulator's scales put prefix and weight around the number
			item.Weighed, item.Code = true, strings.TrimLeft(p.Codes[0][len(weightPrefix):], "0")
		}
		g.Products = append(g.Products, item)
	}
	for _, c := range s.Customers[:pocketsMax] {
		g.Cards = append(g.Cards, pocket{Name: c.Name, Code: c.Cards[0], Tier: tiers[c.Tier], Phone: c.Phone})
	}
	g.Cards = append(g.Cards, pocket{Name: "Промокод: 150 ₽ от 1000 ₽ по карте", Code: codeGeneric, Tier: "многоразовый"})
	for _, c := range s.Codes {
		of := given.Codes[c.Campaign]
		for _, code := range of[:min(len(of), papersMax)] {
			g.Cards = append(g.Cards, pocket{Name: "Промокод: 10 % на свою марку по карте", Code: code, Tier: "одноразовый"})
		}
	}
	for _, c := range s.Certificates[:1] {
		of := given.Certificates[c.Batch]
		for _, code := range of[:min(len(of), papersMax)] {
			g.Cards = append(g.Cards, pocket{Name: c.Batch, Code: code, Tier: "сертификат"})
		}
	}
	return g
}

func writeJSON(path string, v any) error {
	raw, err := json.MarshalIndent(v, "", " ")
	if err == nil {
		err = os.WriteFile(path, append(raw, '\n'), filePerm)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

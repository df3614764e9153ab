package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/cloud"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

func TestShelvesHoldABelievableShop(t *testing.T) {
	all, err := products()
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(all), 300)
	codes, skus, names := map[string]bool{}, map[sale.SKU]bool{}, map[string]bool{}
	var weighed, tobacco, spirit, energy int
	for _, p := range all {
		require.False(t, skus[p.SKU] || codes[p.Codes[0]] || names[p.Name], "twice: %+v", p)
		skus[p.SKU], codes[p.Codes[0]], names[p.Name] = true, true, true
		require.LessOrEqual(t, utf8.RuneCountInString(p.Name), 100)
		require.NotContains(t, p.Name, "{")
		require.Positive(t, p.Price)
		require.Contains(t, []sale.VAT{sale.VAT10, sale.VAT22}, p.VAT)
		switch {
		case p.Traits.Has(sale.Weighed):
			weighed++
			require.Equal(t, sale.UnitKilogram, p.Unit)
			requireLabelMatches(t, p)
		default:
			require.True(t, sale.ValidGTIN(p.Codes[0]), p.Codes[0])
			require.Len(t, p.Codes[0], 13)
			require.Equal(t, "46", p.Codes[0][:2])
		}
		switch {
		case p.Traits.Has(sale.NoStimulus):
			tobacco++
			require.True(t, p.Traits.Has(sale.AdultOnly))
		case p.MinPrice > 0:
			spirit++
			require.True(t, p.Traits.Has(sale.AdultOnly))
			require.LessOrEqual(t, p.MinPrice, p.Price)
		case strings.Contains(p.Category, "Энергетические"):
			energy++
			require.True(t, p.Traits.Has(sale.AdultOnly))
		}
	}
	require.GreaterOrEqual(t, weighed, 20)
	require.Positive(t, tobacco*spirit*energy, "tobacco %d, spirits %d, energy drinks %d", tobacco, spirit, energy)
}

// requireLabelMatches has the till's own pattern read what the scales would print for the product.
func requireLabelMatches(t *testing.T, p sale.Product) {
	t.Helper()
	digits := p.Codes[0] + "00432"
	label, ok := agent.DefaultConfig().Weights[0].Match(digits + string(sale.GTINCheckDigit(digits)))
	require.True(t, ok)
	require.Equal(t, p.Codes[0], label.Item)
	require.Equal(t, sale.Qty(432), label.Weight)
}

func TestCustomersAreTheSameOnEveryMachine(t *testing.T) {
	all := customers()
	require.Equal(t, all, customers())
	require.Len(t, all, 500)
	seen := map[string]bool{}
	var perTier [3]int
	for _, c := range all {
		phone, err := sale.ParsePhone(c.Phone)
		require.NoError(t, err)
		require.Equal(t, c.Phone, phone)
		require.True(t, sale.ValidGTIN(c.Cards[0]), c.Cards[0])
		require.Equal(t, cardPrefix, c.Cards[0][:2])
		require.False(t, seen[c.Phone] || seen[c.Cards[0]])
		seen[c.Phone], seen[c.Cards[0]] = true, true
		perTier[c.Tier]++
	}
	require.Equal(t, [3]int{300, 150, 50}, perTier)
}

func TestHeadOfficeReadsTheSeed(t *testing.T) {
	seed, err := makeSeed()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "seed.json")
	require.NoError(t, writeJSON(file, seed))
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	read, err := cloud.ReadSeed(f)
	require.NoError(t, err)
	require.Equal(t, seed.Products, read.Products)
	require.NoError(t, read.Programme.Validate())
	require.Equal(t, seed.Programme, read.Programme, "no rule is lost on the way")
	require.Len(t, read.Programme.Gifts, 2)
	require.Len(t, read.Customers, customersMade)
	require.Len(t, read.Staff, 8)
	for _, s := range read.Stores {
		_, err := time.LoadLocation(s.Zone)
		require.NoError(t, err)
		require.NotEmpty(t, who(s.No, roleCashier).PIN)
		require.NotEmpty(t, who(s.No, roleManager).PIN)
	}
}

func TestCountersReadTheGoods(t *testing.T) {
	seed, err := makeSeed()
	require.NoError(t, err)
	given := made{
		Codes:        map[uint32][]string{campaignSingle: {"AAAA-BBBB", "CCCC-DDDD", "EEEE-FFFF"}},
		Certificates: map[string][]string{giftCertificates[0].Batch: {"2900000000018", "2900000000025", "2900000000032"}},
	}
	for _, p := range seed.goods(given).Products {
		if p.Weighed {
			require.LessOrEqual(t, len(p.Code), 5)
			continue
		}
		require.True(t, sale.ValidGTIN(p.Code))
	}
	require.Len(t, seed.goods(made{}).Cards, pocketsMax+1)
	var papers []string
	for _, p := range seed.goods(given).Cards[pocketsMax:] {
		papers = append(papers, p.Code)
	}
	require.Equal(t, []string{codeGeneric, "AAAA-BBBB", "CCCC-DDDD", "2900000000018", "2900000000025"}, papers)
}

func TestTillsReadTheirConfigs(t *testing.T) {
	d, err := newDemo("bin", filepath.Join(t.TempDir(), "a shop"), os.Stdout)
	require.NoError(t, err)
	d.ports = portsFirst()
	require.NoError(t, d.writeConfigs())
	for _, k := range tills {
		c, err := agent.LoadConfig(d.at(k.folder(), "config.yaml"))
		require.NoError(t, err)
		_, err = port.ParseAddress(c.Scanners[0].Port)
		require.NoError(t, err)
		require.Equal(t, d.relayURL(k), c.HeadOffice.URL)
	}
}

func TestPortsAreKeptUnlessTaken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ports.json")
	first, err := choosePorts(file)
	require.NoError(t, err)
	again, err := choosePorts(file)
	require.NoError(t, err)
	require.Equal(t, first, again)

	taken, err := net.Listen("tcp", local(first.Cloud))
	require.NoError(t, err)
	defer taken.Close()
	moved, err := choosePorts(file)
	require.NoError(t, err)
	require.NotEqual(t, first.Cloud, moved.Cloud)
	moved.Cloud = first.Cloud
	require.Equal(t, first, moved)
}

func TestMovedHeadOfficeKeepsTheRestOfTheIdentity(t *testing.T) {
	file := filepath.Join(t.TempDir(), identityFile)
	require.NoError(t, os.WriteFile(file, []byte(`{"url":"http://127.0.0.1:1","till":3,"key":"AAEC"}`), 0o600))
	require.NoError(t, moveHeadOffice(file, "http://127.0.0.1:2"))
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal(raw, &got))
	require.Equal(t, map[string]any{"url": "http://127.0.0.1:2", "till": 3.0, "key": "AAEC"}, got)
}

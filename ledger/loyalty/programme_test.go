package loyalty

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/stretchr/testify/require"
)

func TestDefaultIsValid(t *testing.T) {
	require.NoError(t, Default().Validate())
}

func TestValidateNamesEveryProblem(t *testing.T) {
	p := &Programme{
		EffectiveFrom: -1, Policy: 9, EarnStep: 0, RedeemStep: -5, LineFloor: -1,
		Lots: LotRules{ActivateAfterHours: 9000, ExpireAfterDays: 4000},
		Tiers: []Tier{
			{No: 1, RU: "Серебряный", EN: "Silver", Earn: 10_001, Discount: -1, RedeemMax: 20_000},
			{No: 1, RU: "", EN: strings.Repeat("x", 257)},
		},
	}
	err := p.Validate()
	require.ErrorIs(t, err, ErrProgramme)
	require.Equal(t, strings.Join([]string{
		"programme: version: want 1 or more / нужно 1 или больше (got 0)",
		"programme: effectiveFrom: want a time since 1970 / нужно время после 1970 года (got -1)",
		"programme: policy: want points, discount or combined / нужно points, discount или combined (got policy9)",
		"programme: earnStep: want 0.01 to 1000 points / нужно от 0.01 до 1000 баллов (got 0)",
		"programme: redeemStep: want 0.01 to 1000 points / нужно от 0.01 до 1000 баллов (got -0.05)",
		"programme: lineFloor: want 0.00 to 1000.00 / нужно от 0.00 до 1000.00 ₽ (got -0.01)",
		"programme: lots.activateAfterHours: want at most 8784 / нужно не больше 8784 (got 9000)",
		"programme: lots.expireAfterDays: want at most 3660 / нужно не больше 3660 (got 4000)",
		"programme: tiers[0].earn: want 0 to 100 % / нужно от 0 до 100 % (got 100.01%)",
		"programme: tiers[0].discount: want 0 to 100 % / нужно от 0 до 100 % (got -0.01%)",
		"programme: tiers[0].redeemMax: want 0 to 100 % / нужно от 0 до 100 % (got 200%)",
		"programme: tiers[1].no: want a number that no other tier has / номер занят другим уровнем (got 1)",
		"programme: tiers[1].ru: want a name of 1 to 256 bytes / нужно название от 1 до 256 байт (got 0 bytes)",
		"programme: tiers[1].en: want a name of 1 to 256 bytes / нужно название от 1 до 256 байт (got 257 bytes)",
		"programme: tiers: want a tier 0, the one that everybody starts in / нужен уровень 0, с которого начинают все (got 2 others)",
	}, "\n"), err.Error())
}

func TestProgrammeEncoding(t *testing.T) {
	want := Default()
	b, err := want.Encode()
	require.NoError(t, err)
	got, err := Decode(b)
	require.NoError(t, err)
	require.Equal(t, want, got)

	text, err := json.Marshal(want)
	require.NoError(t, err)
	require.Contains(t, string(text), `"policy":"points"`)
	fromText := new(Programme)
	require.NoError(t, json.Unmarshal(text, fromText))
	require.Equal(t, want, fromText)
	require.Error(t, json.Unmarshal([]byte(`{"policy":"stamps"}`), fromText))
}

// A rule of a later version is skipped by a till that does not know it.
func TestDecodeSkipsLaterRules(t *testing.T) {
	later := struct {
		Programme `cbor:",inline"`
		Rules     []string `cbor:"999,keyasint"`
	}{*Default(), []string{"stamps"}}
	b, err := sale.Encode(later)
	require.NoError(t, err)
	got, err := Decode(b)
	require.NoError(t, err)
	require.Equal(t, Default(), got)
}

func TestDecodeRefuses(t *testing.T) {
	invalid, err := sale.Encode(&Programme{Version: 1})
	require.NoError(t, err)
	for name, b := range map[string][]byte{
		"nothing": nil, "rubbish": []byte("rubbish"), "invalid": invalid, "too long": make([]byte, ProgrammeBytesMax+1),
	} {
		_, err := Decode(b)
		require.ErrorIs(t, err, ErrProgramme, name)
	}
	_, err = new(Programme).Encode()
	require.ErrorIs(t, err, ErrProgramme)
}

func TestCurrent(t *testing.T) {
	version := func(v uint32, from sale.Time) *Programme { return &Programme{Version: v, EffectiveFrom: from} }
	first, second, third, mended := version(1, 0), version(2, 1000), version(3, 2000), version(4, 1000)
	all := []*Programme{third, nil, mended, first, second}
	require.Nil(t, Current(nil, 5000, Place{}))
	require.Nil(t, Current(all, -1, Place{}))
	require.Same(t, first, Current(all, 999, Place{}))
	require.Same(t, mended, Current(all, 1000, Place{}))
	require.Same(t, mended, Current(all, 1999, Place{}))
	require.Same(t, third, Current(all, 2000, Place{}))
}

// Whatever bytes arrive, a programme that decodes is one that reckons, and encodes to the same value.
func FuzzDecode(f *testing.F) {
	for _, p := range []*Programme{Default(), discounts(), kopecks(), manyPromotions(10), diceOf(1).programme(), diceOf(2).programme(), diceOf(3).programme()} {
		b, err := p.Encode()
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add([]byte{0xa1, 0x01, 0x01})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Decode(b)
		if err != nil {
			require.ErrorIs(t, err, ErrProgramme)
			return
		}
		again, err := p.Encode()
		require.NoError(t, err)
		q, err := Decode(again)
		require.NoError(t, err)
		require.Equal(t, p, q)
		req := of(pieces(vodka, 2), weighed(apples, 1234), pieces(bread, 1), pieces(tobacco, 1)).by(buyer(1, 50_000))
		req.Redeem, req.Claims = RedeemAll, []Claim{{Campaign: 1}}
		for i, sku := range []sale.SKU{diceSKU(0), diceSKU(1), diceSKU(2)} {
			req.Lines[i].Product.SKU = sku
		}
		quote, err := p.Quote(req)
		require.NoError(t, err)
		require.NoError(t, recordOf(saleOf(quote), nil).Validate())
	})
}

package web

import (
	"fmt"
	"html/template"
	"strings"

	"rsc.io/qr"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Size of the chart of hours in its own units; the page scales it.
const (
	chartWidth   = 960
	chartHeight  = 220
	chartLeft    = 64
	chartBottom  = 26
	chartTop     = 14
	chartBarGap  = 6
	chartStepsUp = 4
)

// hourBar is one hour of the chart.
type hourBar struct {
	Hour  int
	Sum   sale.Money
	Count int
	Past  bool // not later than now: a later hour is drawn empty
}

// hoursChart draws the sales of a day hour by hour. The same figures stand in a table beside it for
// those who cannot see it, so the picture itself is hidden from readers.
func hoursChart(bars []hourBar, f formats) template.HTML {
	top := niceTop(bars)
	plotW, plotH := chartWidth-chartLeft, chartHeight-chartBottom-chartTop
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart" viewBox="0 0 %d %d" aria-hidden="true" focusable="false">`, chartWidth, chartHeight)
	for i := range chartStepsUp + 1 {
		y := chartTop + plotH - plotH*i/chartStepsUp
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%d" y2="%d"/>`, chartLeft, chartWidth, y, y)
		fmt.Fprintf(&b, `<text class="axis" text-anchor="end" x="%d" y="%d">%s</text>`, chartLeft-8, y+4,
			template.HTMLEscapeString(f.moneyWhole(top*sale.Money(i)/chartStepsUp)))
	}
	if len(bars) == 0 {
		b.WriteString(`</svg>`)
		return template.HTML(b.String()) //nolint:gosec // made of numbers and escaped text above
	}
	step := float64(plotW) / float64(len(bars))
	for i, bar := range bars {
		x := float64(chartLeft) + step*float64(i)
		h := int64(0)
		if bar.Sum > 0 {
			h = max(2, int64(plotH)*int64(bar.Sum)/int64(top))
		}
		class := "bar"
		if !bar.Past {
			class = "bar later"
		}
		fmt.Fprintf(&b, `<g class="%s"><title>%02d:00 · %s · %d</title><rect class="hit" x="%.1f" y="%d" width="%.1f" height="%d"/><rect class="fill" x="%.1f" y="%d" width="%.1f" height="%d" rx="2"/></g>`,
			class, bar.Hour, template.HTMLEscapeString(f.money(bar.Sum)), bar.Count,
			x, chartTop, step, plotH, x+chartBarGap/2, int64(chartTop+plotH)-h, step-chartBarGap, h)
		if bar.Hour%2 == 0 || len(bars) <= 12 {
			fmt.Fprintf(&b, `<text class="axis" text-anchor="middle" x="%.1f" y="%d">%02d</text>`, x+step/2, chartHeight-8, bar.Hour)
		}
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // made of numbers and escaped text above
}

// niceTop is the round sum at the top of the scale: 1, 2, 4 or 8 times a power of ten, so that each of
// the four steps is a round number too.
func niceTop(bars []hourBar) sale.Money {
	var most sale.Money
	for _, bar := range bars {
		most = max(most, bar.Sum)
	}
	for scale := 100 * sale.Rouble; scale < sale.MoneyMax; scale *= 10 {
		for _, n := range []sale.Money{1, 2, 4, 8} {
			if n*scale >= most {
				return n * scale
			}
		}
	}
	return sale.MoneyMax
}

// qrQuiet is the white margin that ISO/IEC 18004 asks for, in modules.
const qrQuiet = 4

// qrImage draws a text as a QR code: one path of black modules on white.
func qrImage(text, title string) (template.HTML, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", fmt.Errorf("draw the QR code of a receipt: %w", err)
	}
	size := code.Size + 2*qrQuiet
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="qr" viewBox="0 0 %d %d" role="img" aria-label="%s" shape-rendering="crispEdges"><rect width="%d" height="%d" fill="#fff"/><path fill="#000" d="`,
		size, size, template.HTMLEscapeString(title), size, size)
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			if !code.Black(x, y) {
				continue
			}
			run := 1
			for x+run < code.Size && code.Black(x+run, y) {
				run++
			}
			fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+qrQuiet, y+qrQuiet, run, run)
			x += run
		}
	}
	b.WriteString(`"/></svg>`)
	return template.HTML(b.String()), nil //nolint:gosec // made of numbers and escaped text above
}

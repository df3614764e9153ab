package gs1

import (
	"testing"

	"github.com/kopilka/kopilka/ledger/sale"
)

// A marking code as a scanner delivers it, understood.
func BenchmarkReadMark(b *testing.B) {
	code := sale.Code{Symbology: sale.SymbologyGS1DataMatrix, Text: fullCode}
	b.ReportAllocs()
	for range b.N {
		if _, err := Read(code); err != nil {
			b.Fatal(err)
		}
	}
}

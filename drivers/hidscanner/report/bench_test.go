package report

import "testing"

// A marking code of two reports, put into reports and read back.
func BenchmarkMark(b *testing.B) {
	reports := Usual.Split("]d2", []byte("0104600494000010215AbCdEfGh12X4\x1d91EE06\x1d92pu7IpfBPdY1wqFxLEXrQoPlh9vMmtNKbAh0CoDwA6Z0="))
	b.ReportAllocs()
	for range b.N {
		var j Joiner
		for _, r := range reports {
			p, err := Usual.Parse(r)
			if err != nil {
				b.Fatal(err)
			}
			j.Add(p)
		}
	}
}

package loyalty

import (
	"flag"
	"os"
	"testing"
)

// rapidChecks is enough for the rare meetings (a weight without a price, a floor and a single piece on
// one receipt) to happen hundreds of times, and still a few seconds.
const rapidChecks = "2000"

func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		if err := flag.Set("rapid.checks", rapidChecks); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

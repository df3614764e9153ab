package ledger_test

import (
	"flag"
	"os"
	"testing"
)

// rapidChecks keeps a run of the model at some seconds: every step of it is a commit to a disk.
const rapidChecks = "40"

// childEnv names what this binary does when it has been started by its own test.
const childEnv = "KOPILKA_LEDGER_CHILD"

// children are the programs in this binary besides the tests.
var children = map[string]func() int{}

func TestMain(m *testing.M) {
	if child, ok := children[os.Getenv(childEnv)]; ok {
		os.Exit(child())
	}
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		if err := flag.Set("rapid.checks", rapidChecks); err != nil {
			panic(err) // rapid has the flag
		}
	}
	os.Exit(m.Run())
}

package cloudtest_test

import (
	"os"
	"testing"
)

// childEnv names what this binary does when it has been started by its own benchmark.
const childEnv = "KOPILKA_CLOUDTEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == childFill {
		os.Exit(fillChild())
	}
	os.Exit(m.Run())
}

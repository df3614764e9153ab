// Command summary reads `go test -json` and says what passed, what failed with its output, and which
// tests were skipped and why. With SKIPS=forbidden a skip fails the run: there everything that the tests
// need is installed.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

type key struct{ pkg, test string }

func main() {
	var passed, failed int
	var skipped, broken []string
	output := map[key][]string{}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<26)
	for in.Scan() {
		var e event
		if json.Unmarshal(in.Bytes(), &e) != nil {
			fmt.Println(in.Text()) // the compiler speaks plain text
			continue
		}
		k := key{e.Package, e.Test}
		switch e.Action {
		case "output", "build-output":
			output[k] = append(output[k], e.Output)
		case "pass":
			if e.Test != "" {
				passed++
			} else {
				fmt.Printf("ok    %6.1fs  %s\n", e.Elapsed, e.Package)
			}
			delete(output, k)
		case "skip":
			if e.Test != "" {
				skipped = append(skipped, e.Package+" "+e.Test+": "+reason(output[k]))
			}
			delete(output, k)
		case "fail", "build-fail":
			if e.Test != "" {
				failed++
			} else {
				broken = append(broken, e.Package)
			}
			fmt.Printf("FAIL  %s %s\n%s", e.Package, e.Test, strings.Join(output[k], ""))
			delete(output, k)
		}
	}
	slices.Sort(skipped)
	for _, s := range skipped {
		fmt.Println("skipped:", s)
	}
	if failed == 0 {
		failed = len(broken)
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", passed, failed, len(skipped))
	if failed > 0 || passed == 0 || (len(skipped) > 0 && os.Getenv("SKIPS") == "forbidden") {
		os.Exit(1)
	}
}

// reason is what the test said when it was skipped.
func reason(lines []string) string {
	for _, l := range lines {
		t := strings.TrimSpace(l)
		if strings.HasPrefix(t, "===") || strings.HasPrefix(t, "---") || t == "" {
			continue
		}
		if _, after, ok := strings.Cut(t, ".go:"); ok {
			_, t, _ = strings.Cut(after, ": ")
		}
		return t
	}
	return "no reason given"
}

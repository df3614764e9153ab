package installer

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the guide must have at least, so that a test that finds nothing does not pass.
const (
	sentencesMin = 40
	sentenceMin  = 15 // runes: less is found anywhere
	commandsMin  = 60
)

var guides = []string{"GUIDE.md", "GUIDE.ru.md"}

func readGuide(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(raw)
}

// A sentence that somebody looks up must be the one that the program says.
func TestGuideQuotesWhatTheProgramsSay(t *testing.T) {
	said := literals(t, "../agent", "../drivers", "../sync", "../cloud", "../installer")
	for _, name := range guides {
		quoted := quotedIn(readGuide(t, name))
		require.GreaterOrEqual(t, len(quoted), sentencesMin, name)
		for _, sentence := range quoted {
			require.GreaterOrEqual(t, len([]rune(sentence)), sentenceMin, sentence)
			require.True(t, slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, sentence) }), "%s: no program says %q", name, sentence)
		}
	}
}

// quotedIn is the first column of the guide's last table.
func quotedIn(guide string) (out []string) {
	_, table, _ := strings.Cut(guide[strings.LastIndex(guide, "\n## "):], "|---|---|\n")
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		if len(cells) == 4 {
			out = append(out, strings.TrimSuffix(strings.TrimSpace(cells[1]), " …"))
		}
	}
	return out
}

var verbs = regexp.MustCompile(`%(\[\d\])?[sdvqw]`)

// literals are the texts in the sources below the folders, with … for what is put in.
func literals(t *testing.T, folders ...string) (out []string) {
	t.Helper()
	for _, folder := range folders {
		for _, file := range parsed(t, folder) {
			ast.Inspect(file, func(n ast.Node) bool {
				if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
					s, err := strconv.Unquote(l.Value)
					require.NoError(t, err)
					out = append(out, verbs.ReplaceAllString(s, "…"))
				}
				return true
			})
		}
	}
	return out
}

func parsed(t *testing.T, folder string) (out []*ast.File) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		out = append(out, f)
		return err
	}))
	return out
}

// A command that the guide names is one that the program has, with these flags.
func TestGuideNamesCommandsThatAreThere(t *testing.T) {
	programs := map[string][]string{
		"kopilka-agent":   literals(t, "../agent/cmd/kopilka-agent"),
		"kopilka-cloud":   literals(t, "../cloud/cmd/kopilka-cloud"),
		"kopilka-updater": literals(t, "cmd/kopilka-updater"),
	}
	for _, name := range guides {
		commands := commandsIn(readGuide(t, name))
		require.GreaterOrEqual(t, len(commands), commandsMin, name)
		for _, command := range commands {
			words := strings.Fields(command)
			has := programs[words[0]]
			require.NotNil(t, has, command)
			for i, word := range words[1:] {
				if name, isFlag := strings.CutPrefix(word, "-"); isFlag {
					require.Contains(t, has, strings.TrimPrefix(name, "-"), "%s: %s has no such flag", command, words[0])
				} else if i < 2 && plainWord.MatchString(word) && !strings.HasPrefix(words[i], "-") {
					require.Contains(t, has, word, "%s: %s has no such command", command, words[0])
				}
			}
		}
		for _, flag := range bareFlag.FindAllStringSubmatch(readGuide(t, name), -1) {
			require.Contains(t, slices.Concat(programs["kopilka-agent"], programs["kopilka-cloud"]), flag[1], name)
		}
	}
}

var (
	// plainWord is a command, or one below it, where it stands behind a program or a command; others are values.
	plainWord = regexp.MustCompile(`^[a-z-]+$`)
	bareFlag  = regexp.MustCompile("`--?([a-z-]+)`")
	codeSpan  = regexp.MustCompile("`([^`\n]+)`")
	fence     = regexp.MustCompile("(?s)```[a-z]*\n(.*?)```")
	ours      = regexp.MustCompile(`^(?:/usr/lib/kopilka/)?(kopilka-(?:agent|cloud|updater) .*)$`)
	quotes    = regexp.MustCompile(`"[^"]*"`)
)

// commandsIn are the commands of our programs, in the order in which the guide names them, without remarks.
func commandsIn(guide string) (out []string) {
	var lines []string
	for _, block := range fence.FindAllStringSubmatch(guide, -1) {
		lines = append(lines, strings.Split(block[1], "\n")...)
	}
	for _, span := range codeSpan.FindAllStringSubmatch(fence.ReplaceAllString(guide, ""), -1) {
		lines = append(lines, span[1])
	}
	for _, line := range lines {
		line, _, _ = strings.Cut(line, " #")
		if m := ours.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			out = append(out, quotes.ReplaceAllString(m[1], "VALUE"))
		}
	}
	return out
}

// Changing which program is current changes nothing that runs, and the plan brings the update back.
func TestGuideSaysWhatFollowsAdopt(t *testing.T) {
	for _, name := range guides {
		_, after, found := strings.Cut(readGuide(t, name), "kopilka-updater adopt -force")
		require.True(t, found, name)
		here, _, _ := strings.Cut(after, "\n## ")
		for _, command := range []string{"`kopilka-agent service stop`", "`kopilka-agent service start`", "`kopilka-cloud updates drop "} {
			require.Contains(t, here, command, name)
		}
	}
}

var heading = regexp.MustCompile(`(?m)^#+ `)

// Who reads the one language must not know less than who reads the other.
func TestGuidesSayTheSame(t *testing.T) {
	english, russian := readGuide(t, guides[0]), readGuide(t, guides[1])
	require.Equal(t, heading.FindAllString(english, -1), heading.FindAllString(russian, -1), "sections")
	require.Equal(t, rows(english), rows(russian), "rows of each table")
	e, r := commandsIn(english), commandsIn(russian)
	for i := range e { // the language that is asked for is the reader's
		e[i] = strings.Replace(e[i], "-lang en", "-lang ru", 1)
	}
	slices.Sort(e)
	slices.Sort(r)
	require.Equal(t, e, r, "commands")
}

// rows counts those of each table.
func rows(guide string) (out []int) {
	in := false
	for line := range strings.Lines(guide) {
		is := strings.HasPrefix(line, "|")
		if is && !in {
			out = append(out, 0)
		}
		if in = is; is {
			out[len(out)-1]++
		}
	}
	return out
}

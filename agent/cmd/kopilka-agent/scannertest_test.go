package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/drivers/port"
)

// An independent reader must find in the picture what a scanner should.
func TestControlCodesAreReadBack(t *testing.T) {
	for _, tt := range []struct {
		tool, text string
		args       []string
	}{
		{"dmtxread", controlMark, nil},
		{"zbarimg", controlText, []string{"--quiet", "--raw"}},
	} {
		t.Run(tt.tool, func(t *testing.T) {
			tool, err := exec.LookPath(tt.tool)
			if err != nil {
				t.Skipf("%s is not installed here: .ci/deps names its package", tt.tool)
			}
			code, err := picture(tt.text)
			require.NoError(t, err)
			file := filepath.Join(t.TempDir(), "code.png")
			f, err := os.Create(file)
			require.NoError(t, err)
			require.NoError(t, writePNG(f, code))
			require.NoError(t, f.Close())
			read, err := exec.Command(tool, append(tt.args, file)...).Output()
			require.NoError(t, err)
			// A reader may show the sign of a GS1 code as a leading separator.
			require.Equal(t, tt.text, strings.Trim(string(read), "\n"+separator))
		})
	}
}

func TestJudge(t *testing.T) {
	noGS := strings.ReplaceAll(controlMark, separator, "")
	cp1251, err := charmap.Windows1251.NewEncoder().String(controlText)
	require.NoError(t, err)
	keys := strings.NewReplacer("K", "Л", "q", "й", "z", "я", "T", "Е", ";", "ж", "w", "ц", ".", "ю", "A", "Ф", "b", "и", "E", "У", "o", "щ", "p", "з", "i", "ш", "l", "д", "k", "л", "a", "ф", "t", "е", "e", "у", "s", "ы", "G", "П", "S", "Ы", "/", ".")
	for _, tt := range []struct {
		name, want, got, prefix, words string
	}{
		{"good", controlMark, controlMark + "\r\n", "", "sends the code right"},
		{"with AIM", controlMark, "]d2" + controlMark, "", "sends the code right"},
		{"leading GS", controlMark, separator + controlMark, "", "sends the code right"},
		{"prefix", controlMark, "\x02Z" + controlMark, "\x02Z", "sends the code right"},
		{"prefix missing", controlMark, controlMark, "\x02Z", "did not send the prefix"},
		{"prefix nobody named", controlMark, "Z" + controlMark, "", "other signs around"},
		{"GS gone", controlMark, noGS, "", "GS separators are lost"},
		{"GS as a word", controlMark, strings.ReplaceAll(controlMark, separator, "<GS>"), "", "GS separators are lost"},
		{"GS as a space", controlMark, strings.ReplaceAll(controlMark, separator, " "), "", "GS separators are lost"},
		{"Russian layout", controlMark, keys.Replace(noGS), "", "Russian layout"},
		{"Caps Lock", controlMark, strings.ToUpper(controlMark), "", "Upper and lower case"},
		{"good text", controlText, controlText + "\r", "", "sends the code right"},
		{"cp1251", controlText, cp1251, "", "not UTF-8"},
		{"another code", controlMark, "4600494000010", "", "not the control code"},
		{"cut", controlMark, controlMark[:20], "", "not the control code"},
		{"nothing", controlMark, "\r\n", "", "not the control code"},
	} {
		ok, text := judge(tt.want, []byte(tt.got), []byte(tt.prefix))
		require.Equal(t, strings.HasPrefix(tt.words, "sends"), ok, tt.name)
		require.Contains(t, text.EN, tt.words, tt.name)
		require.NotEmpty(t, text.RU, tt.name)
	}
}

func TestScannerTestWaitsForTheScan(t *testing.T) {
	for _, tt := range []struct {
		sent string
		err  error
	}{{controlMark + "\r\n", nil}, {strings.ReplaceAll(controlMark, separator, "") + "\r\n", errIll}} {
		ours, theirs := net.Pipe()
		var hand sync.WaitGroup
		hand.Go(func() {
			for i := 0; i < len(tt.sent); i += 7 {
				_, _ = theirs.Write([]byte(tt.sent[i:min(i+7, len(tt.sent))])) // a test that has failed reads no more
			}
		})
		var out bytes.Buffer
		c := agent.DefaultConfig()
		c.Scanners = []agent.DeviceConfig{{Name: "hand"}}
		run := scannerTest{lang: "en", dial: func(agent.DeviceConfig) (port.Dial, error) {
			return func(context.Context) (port.Conn, error) { return ours, nil }, nil
		}}
		require.ErrorIs(t, run.run(t.Context(), c, &out), tt.err)
		hand.Wait()
		require.NoError(t, theirs.Close())
		require.Contains(t, out.String(), "\x1b[40m", "the picture")
		require.Contains(t, out.String(), "Scan the code with scanner hand")
	}
	require.ErrorContains(t, scannerTest{name: "foot"}.run(t.Context(), agent.DefaultConfig(), &bytes.Buffer{}), `no scanner "foot"`)
}

func TestScannerTestRefusesBeforeItDraws(t *testing.T) {
	board := &noticeBoard{views: make(chan agent.View, 1)}
	board.views <- agent.View{Seq: 1}
	page, _, _ := daemonPage(t, "127.0.0.1:0", board)
	path := ill(t, "scanners: [{name: hand, type: serial-scanner, port: \"serial:///dev/ttyKopilka9\"}]\n")
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.Split(string(b), "\n")
	lines[1] = "page: " + page
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600))
	var out bytes.Buffer
	require.ErrorIs(t, testScanner(t.Context(), []string{"-config", path}, &out), errDaemonHas)
	require.Empty(t, out.String(), "no code is drawn over the refusal")
}

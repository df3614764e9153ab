package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/ledger/sale"
)

// ill is a machine on which nothing was set up but a config.
func ill(t *testing.T, more string) (path string) {
	t.Helper()
	data := t.TempDir()
	path = filepath.Join(data, "config.yaml")
	text := fmt.Sprintf("data: %q\npage: 127.0.0.1:%d\nregister: {port: \"tcp://127.0.0.1:%d\"}\n%s", data, closedPort(t), closedPort(t), more)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// closedPort is one on which nobody listens.
func closedPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().(*net.TCPAddr).Port
}

func doctor(t *testing.T, args ...string) ([]agent.Finding, error) {
	t.Helper()
	var out bytes.Buffer
	failed := doctorCommand.run(t.Context(), append(args, "-json"), &out)
	var findings []agent.Finding
	require.NoError(t, json.Unmarshal(out.Bytes(), &findings))
	return findings, failed
}

func levelOf(findings []agent.Finding, subject, words string) agent.Level {
	for _, f := range findings {
		if f.Subject == subject && strings.Contains(f.Text.EN, words) {
			return f.Level
		}
	}
	return ""
}

func TestDoctorOnABareMachine(t *testing.T) {
	path := ill(t, "scanners: [{name: hand, type: serial-scanner, port: \"serial:///dev/ttyKopilka9\"}]\n")
	findings, err := doctor(t, "-config", path)
	require.ErrorIs(t, err, errIll, "scripts look at the exit status")
	require.Equal(t, agent.LevelOK, levelOf(findings, "config", "in order"))
	require.Equal(t, agent.LevelWarning, levelOf(findings, "daemon", "does not answer"))
	require.Equal(t, agent.LevelError, levelOf(findings, "ledger", "no ledger yet"))
	require.Equal(t, agent.LevelError, levelOf(findings, "register", ""))
	require.NotEmpty(t, levelOf(findings, "disk", "free")+levelOf(findings, "disk", "left"))
	require.Equal(t, agent.LevelError, levelOf(findings, "scanner hand", ""))
	require.Equal(t, agent.LevelError, levelOf(findings, "head office", "get a code"))
	require.Equal(t, agent.LevelWarning, levelOf(findings, "head office", "set head_office.url"))
}

func TestDoctorTellsConfigProblems(t *testing.T) {
	path := ill(t, "colour: red\nlanguage: de\n")
	findings, err := doctor(t, "-config", path)
	require.ErrorIs(t, err, errIll)
	require.Equal(t, agent.LevelError, levelOf(findings, "config", "colour: there is no such setting"))
	require.Equal(t, agent.LevelError, levelOf(findings, "config", "language: want ru or en"))

	findings, err = doctor(t, "-config", filepath.Join(t.TempDir(), "none.yaml"))
	require.ErrorIs(t, err, errIll)
	require.Equal(t, agent.LevelError, levelOf(findings, "config", "There is no config file"))
}

// A running daemon is asked over its page, the real one.
func TestDoctorAsksTheRunningDaemon(t *testing.T) {
	board := &noticeBoard{views: make(chan agent.View, 1)}
	view := agent.View{Now: sale.At(time.Now()), Register: agent.RegisterView{Online: true, Model: "ШТРИХ-М-01Ф", FN: "9999078900000001"}}
	page, _, stop := daemonPage(t, "127.0.0.1:0", board)
	path := ill(t, "")
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.Split(string(b), "\n")
	lines[1] = "page: " + page
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600))

	config, err := agent.LoadConfig(path)
	require.NoError(t, err)
	view.Config = config.Digest()
	board.views <- view
	findings, err := doctor(t, "-config", path)
	require.ErrorIs(t, err, errIll, "it is not enrolled")
	require.Equal(t, agent.LevelOK, levelOf(findings, "daemon", page))
	require.Equal(t, agent.LevelOK, levelOf(findings, "register", "fiscal storage 9999078900000001"))

	// The file is changed and the till is not restarted.
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(text, "printer: {type: escpos, port: \"tcp://127.0.0.1:9\"}\n"...), 0o600))
	stop() // with it the page that was asked before, which would take the view
	again := &noticeBoard{views: make(chan agent.View, 1)}
	daemonPage(t, page, again)
	again.views <- view
	findings, err = doctor(t, "-config", path)
	require.ErrorIs(t, err, errIll)
	require.Equal(t, agent.LevelError, levelOf(findings, "daemon", "other settings than this file"))
	require.Empty(t, levelOf(findings, "register", ""), "it is another one than the file's")
}

func TestDoctorTable(t *testing.T) {
	findings := []agent.Finding{
		{Subject: "ledger", Level: agent.LevelError, Text: agent.Text{RU: "Журнал повреждён", EN: "The ledger is damaged"}, Command: "kopilka-agent ledger check"},
		{Subject: "scanner hand", Level: agent.LevelWarning, Text: agent.Text{RU: "Сканер", EN: "Scanner"}},
	}
	var ru, en bytes.Buffer
	require.NoError(t, printTable(&ru, findings, "ru"))
	require.NoError(t, printTable(&en, findings, "en"))
	require.Equal(t, "ОШИБКА    журнал       Журнал повреждён  → kopilka-agent ledger check\nвнимание  сканер hand  Сканер\n", ru.String())
	require.Equal(t, "ERROR    ledger        The ledger is damaged  → kopilka-agent ledger check\nwarning  scanner hand  Scanner\n", en.String())
}

// reach tries a URL of head office before the till is enrolled.
func reach(t *testing.T, url string) agent.Reach {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), reachWait)
	defer cancel()
	c := agent.DefaultConfig()
	c.Data, c.HeadOffice.URL = t.TempDir(), url
	return reachHeadOffice(ctx, c)
}

func TestDoctorGoesToHeadOfficeStepByStep(t *testing.T) {
	moved := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusSeeOther) })
	plain := httptest.NewServer(moved)
	t.Cleanup(plain.Close)
	r := reach(t, plain.URL)
	require.NoError(t, r.Err)
	require.Equal(t, agent.StepAnswer, r.Step)
	require.WithinDuration(t, time.Now(), r.At, 5*time.Second)
	require.Positive(t, r.Took)

	secret := httptest.NewUnstartedServer(moved)
	secret.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of what this test is about
	secret.StartTLS()
	t.Cleanup(secret.Close)
	r = reach(t, secret.URL)
	require.Equal(t, agent.StepTLS, r.Step, "a certificate of nobody known")
	require.ErrorContains(t, r.Err, "certificate")

	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	t.Cleanup(down.Close)
	r = reach(t, down.URL)
	require.Equal(t, agent.StepAnswer, r.Step)
	require.ErrorContains(t, r.Err, "502")

	r = reach(t, fmt.Sprintf("https://127.0.0.1:%d", closedPort(t)))
	require.Equal(t, agent.StepConnect, r.Step)
	require.Error(t, r.Err)
	require.Equal(t, "https://127.0.0.1:"+r.Port, r.URL, "what is typed goes to the same place")

	require.Equal(t, agent.StepName, reach(t, "https://office.invalid").Step)
	require.Equal(t, agent.StepAddress, reach(t, "").Step)
}

func TestPortNames(t *testing.T) {
	for address, want := range map[string]string{
		"serial:///dev/ttyUSB0?baud=9600": "/dev/ttyUSB0", "serial://COM3?baud=9600": "COM3", "tcp://10.0.0.7:7778": "", "": "", "::": "",
	} {
		require.Equal(t, want, portName(address), address)
	}
}

// Another program has the page's port: the doctor names it, and how its holder is found; the start says so itself.
func TestDoctorNamesTheTakenPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	path := filepath.Join(t.TempDir(), "config.yaml")
	_, taken, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, "data: %q\npage: 127.0.0.1:%s\nregister: {type: later}\n", filepath.ToSlash(t.TempDir()), taken), 0o600))
	go func() { // it answers nothing of ours
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	findings, err := doctor(t, "-config", path)
	require.ErrorIs(t, err, errIll)
	require.Equal(t, agent.LevelError, levelOf(findings, "daemon", "Port "+taken+" is taken"))
	i := slices.IndexFunc(findings, func(f agent.Finding) bool { return f.Subject == "daemon" })
	require.Contains(t, findings[i].Command, ":"+taken)
	err = runCommand.run(t.Context(), []string{"-config", path}, io.Discard)
	require.ErrorIs(t, err, agent.ErrPageTaken)
	require.ErrorContains(t, err, "kopilka-agent doctor")
}

// A wish for a check is root's file in the service's folder, and nobody's fault.
func TestAWishForACheckIsNoForeignFile(t *testing.T) {
	if runtime.GOOS == "windows" || os.Geteuid() != 0 {
		t.Skip("giving a folder to another account wants root on Linux")
	}
	folder := t.TempDir()
	require.NoError(t, os.Chown(folder, 65534, 65534))
	require.NoError(t, os.WriteFile(filepath.Join(folder, checkNowFile), nil, 0o600))
	foreign, err := foreignFiles(folder)
	require.NoError(t, err)
	require.Empty(t, foreign)
	other := filepath.Join(folder, "identity.json")
	require.NoError(t, os.WriteFile(other, nil, 0o600))
	foreign, err = foreignFiles(folder)
	require.NoError(t, err)
	require.Equal(t, []string{other}, foreign)
}

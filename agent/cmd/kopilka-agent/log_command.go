package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/agent/desk"
)

const logAnswerMax = 4 << 10 // a state is under 200 bytes

var logCommand = command{"log [debug | info | warn | error] [-for 30m]: what the running till logs, or change it for a while", "log [debug | info | warn | error] [-for 30m]: насколько подробно касса пишет лог; сменить на время", func(ctx context.Context, args []string, out io.Writer) error {
	d := logFor
	path, rest, err := configFlag("log", wordsLast(args), func(fs *flag.FlagSet) {
		fs.DurationVar(&d, "for", d, "back to the config's level after this time, 24h at most")
	})
	if err != nil {
		return err
	}
	c, err := agent.LoadConfig(path)
	if err != nil {
		return err
	}
	var s agent.LogState
	if len(rest) == 0 {
		s, err = askLogLevel(ctx, c.Page)
	} else {
		s, err = changeLogLevel(ctx, c.Page, rest[0], d)
	}
	if err != nil {
		return err
	}
	return say(out, "%s\n", logSentence(s, c.Language))
}}

// wordsLast lets the level stand before the flags, as people say it.
func wordsLast(args []string) []string {
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		return slices.Concat(args[1:], args[:1])
	}
	return args
}

func logSentence(s agent.LogState, lang string) string {
	switch {
	case s.Until.IsZero() && lang == "en":
		return fmt.Sprintf("The program logs at level %s, as the config says", s.Level)
	case s.Until.IsZero():
		return fmt.Sprintf("Журнал программы ведётся на уровне %s, как в настройках", s.Level)
	case lang == "en":
		return fmt.Sprintf("The program logs at level %s until %s, then at %s again", s.Level, s.Until.Local().Format("15:04:05"), s.Config)
	}
	return fmt.Sprintf("Журнал программы ведётся на уровне %s до %s, потом снова %s", s.Level, s.Until.Local().Format("15:04:05"), s.Config)
}

func askLogLevel(ctx context.Context, page string) (agent.LogState, error) {
	return logRequest(ctx, http.MethodGet, page, nil)
}

func changeLogLevel(ctx context.Context, page, level string, d time.Duration) (agent.LogState, error) {
	body, err := json.Marshal(desk.LogWish{Level: level, Seconds: int(d / time.Second)})
	if err != nil {
		return agent.LogState{}, fmt.Errorf("change the log's level: %w", err)
	}
	return logRequest(ctx, http.MethodPost, page, body)
}

func logRequest(ctx context.Context, method, page string, body []byte) (s agent.LogState, err error) {
	ctx, cancel := context.WithTimeout(ctx, daemonWait)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, method, "http://"+page+"/log", bytes.NewReader(body))
	if err != nil {
		return s, fmt.Errorf("ask the till program at %s: %w", page, err)
	}
	q.Header.Set("X-Kopilka", "1")
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return s, fmt.Errorf("the till program does not answer: kopilka-agent service start / программа кассы не отвечает: %w", err)
	}
	defer func() { err = errors.Join(err, a.Body.Close()) }()
	text, err := io.ReadAll(io.LimitReader(a.Body, logAnswerMax))
	if err != nil {
		return s, fmt.Errorf("ask the till program at %s: %w", page, err)
	}
	if a.StatusCode == http.StatusNotFound {
		return s, fmt.Errorf("the till program at %s waits to be enrolled: its log level can be asked and changed once it is a till (kopilka-agent enroll URL CODE) / "+
			"программа кассы ждёт подключения к офису: уровень журнала можно узнать и сменить, когда касса подключена (kopilka-agent enroll АДРЕС КОД)", page)
	}
	if a.StatusCode != http.StatusOK {
		return s, fmt.Errorf("the till program refuses / программа кассы отказала: %s", strings.TrimSpace(string(text)))
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("read the till program's answer: %w", err)
	}
	return s, nil
}

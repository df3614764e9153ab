package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kopilka/kopilka/cloud"
	"github.com/kopilka/kopilka/cloud/updates"
	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/update"
)

// byHand is who the audit log names for what was done here.
const byHand = "command line"

// updatesCall is a command about updates, with the flags that several of them have.
type updatesCall struct {
	*call
	p          *cloud.Program
	org        sale.OrgNo
	args       []string // what is no flag
	keys       []string
	passphrase string
	stores     string
	share      string
	back       bool
	noReturn   bool
	operators  bool
	online     bool
}

// updatesCommand is one word after `updates`. Words between are its arguments, that many of them.
type updatesCommand struct {
	usage, help string
	args        int
	flags       func(u *updatesCall)
	run         func(ctx context.Context, u *updatesCall) error
}

var updatesCommands = map[string]updatesCommand{
	"init":     {"init -keys FOLDER", "make the repository and its keys / создать хранилище и ключи к нему", 0, (*updatesCall).keyFlags, updatesInit},
	"add":      {"add -keys FOLDER dist/release.json", "publish a release / опубликовать выпуск", 1, (*updatesCall).keyFlags, updatesAdd},
	"list":     {"list", "what is published and planned / что опубликовано и запланировано", 0, nil, updatesList},
	"plan":     {"plan VERSION [-share 10%] [-stores 1,2] [-back] [-no-return]", "offer a version to tills; again with another share: change it / предложить версию кассам; ещё раз с другой долей — изменить её", 1, (*updatesCall).planFlags, updatesPlan},
	"drop":     {"drop VERSION", "take a version out of the plan / убрать версию из плана", 1, nil, updatesDrop},
	"pause":    {"pause", "let no till begin an update / не давать кассам начинать обновления", 0, nil, updatesPause},
	"resume":   {"resume", "let them go on / снова разрешить обновления", 0, nil, updatesResume},
	"withdraw": {"withdraw -keys FOLDER VERSION", "unpublish a version; tills that run it keep it / отозвать версию; на кассах, где она стоит, она останется", 1, (*updatesCall).keyFlags, updatesWithdraw},
	"status":   {"status", "which till runs what / какая касса на какой версии", 0, nil, updatesStatus},
	"refresh":  {"refresh", "sign anew now; serve does it every day / подписать заново сейчас; serve делает это раз в сутки", 0, nil, updatesRefresh},
	"renew":    {"renew -keys FOLDER", "have the operator sign anew, before signatures end or after a restore / подписать ключами оператора заново: до истечения подписей или после восстановления из копии", 0, (*updatesCall).keyFlags, updatesRenew},
	"rotate":   {"rotate -operator|-online -keys FOLDER", "replace keys / заменить ключи", 0, (*updatesCall).rotateFlags, updatesRotate},
}

// updatesOrder is how help lists them.
var updatesOrder = []string{"init", "add", "list", "plan", "drop", "pause", "resume", "status", "withdraw", "refresh", "renew", "rotate"}

// updatesWord runs `kopilka-cloud updates WORD …`.
func updatesWord(ctx context.Context, c *call) error {
	if len(c.args) == 0 || c.args[0] == "help" || c.args[0] == "-h" || c.args[0] == "--help" {
		return updatesHelp(c)
	}
	word, ok := updatesCommands[c.args[0]]
	if !ok {
		return fmt.Errorf("no command %q: see kopilka-cloud updates help / нет такой команды, см. kopilka-cloud updates help", c.args[0])
	}
	u := &updatesCall{call: c}
	c.args = c.args[1:]
	if word.flags != nil {
		word.flags(u)
	}
	if err := u.open(ctx, word); err != nil {
		return err
	}
	return errors.Join(word.run(ctx, u), u.p.Close())
}

func updatesHelp(c *call) error {
	for _, name := range updatesOrder {
		if _, err := fmt.Fprintf(c.out, "  kopilka-cloud updates %s\n      %s\n", updatesCommands[name].usage, updatesCommands[name].help); err != nil {
			return fmt.Errorf("print help: %w", err)
		}
	}
	return nil
}

func (u *updatesCall) keyFlags() {
	u.flags.Func("keys", "folder of the operator's keys; several times: several folders / папка ключей оператора; можно несколько раз", func(s string) error {
		u.keys = append(u.keys, s)
		return nil
	})
	u.flags.StringVar(&u.passphrase, "passphrase-file", "", "file whose first line encrypts the keys / файл, первая строка которого шифрует ключи")
}

func (u *updatesCall) planFlags() {
	u.flags.StringVar(&u.share, "share", "100%", "share of the tills / доля касс")
	u.flags.StringVar(&u.stores, "stores", "", "numbers of stores, none: all / номера магазинов, без них — все")
	u.flags.BoolVar(&u.back, "back", false, "tills with a newer version return to this one / вернуть кассы с более новой версией на эту")
	u.flags.BoolVar(&u.noReturn, "no-return", false, "even if there is no way back to the version before / даже если вернуться на прежнюю будет нельзя")
}

func (u *updatesCall) rotateFlags() {
	u.keyFlags()
	u.flags.BoolVar(&u.operators, "operator", false, "root and targets keys / ключи root и targets")
	u.flags.BoolVar(&u.online, "online", false, "head office's own keys / собственные ключи офиса")
}

// open reads flags before, between and after the command's own words, then opens head office.
func (u *updatesCall) open(ctx context.Context, word updatesCommand) error {
	settings := u.settings()
	for rest := u.call.args; ; {
		if err := u.flags.Parse(rest); err != nil {
			return err
		}
		if u.flags.NArg() == 0 {
			break
		}
		u.args, rest = append(u.args, u.flags.Arg(0)), u.flags.Args()[1:]
	}
	if len(u.args) != word.args {
		return fmt.Errorf("want kopilka-cloud updates %s / нужно kopilka-cloud updates %[1]s", word.usage)
	}
	config, err := settings()
	if err != nil {
		return err
	}
	u.p = program(u.call, config)
	if err := u.p.Open(ctx); err != nil {
		return err
	}
	if u.org, err = org(ctx, u.p); err != nil {
		return errors.Join(err, u.p.Close())
	}
	return nil
}

// secret is the passphrase of the operator's keys; none where no file is named.
func (u *updatesCall) secret() ([]byte, error) {
	if u.passphrase == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(u.passphrase)
	if err != nil {
		return nil, fmt.Errorf("read the passphrase: %w", err)
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	if line = strings.TrimRight(line, "\r"); line == "" {
		return nil, fmt.Errorf("%s begins with an empty line, want a passphrase / в первой строке %[1]s пусто, нужен пароль", u.passphrase)
	}
	return []byte(line), nil
}

func (u *updatesCall) operator() (*updates.Keys, error) {
	secret, err := u.secret()
	if err != nil {
		return nil, err
	}
	return updates.ReadKeys(u.keys, secret)
}

// done writes the audit log, then says it.
func (u *updatesCall) done(ctx context.Context, what, object, detail, text string) error {
	if err := u.p.Store.Audit(ctx, u.org, byHand, what, object, detail); err != nil {
		return err
	}
	return u.say(text)
}

func (u *updatesCall) say(text string) error {
	_, err := fmt.Fprintln(u.out, text)
	return err
}

func updatesInit(ctx context.Context, u *updatesCall) error {
	if len(u.keys) != 1 {
		return errors.New("say where the operator's keys go: -keys FOLDER, a new folder / укажите, куда положить ключи оператора: -keys ПАПКА, новая папка")
	}
	secret, err := u.secret()
	if err != nil {
		return err
	}
	if err := u.p.Updates.Init(ctx, u.keys[0], secret, u.p.Vouch(u.org)); err != nil {
		return err
	}
	kept := ""
	if secret == nil {
		kept = "\nThe keys are not encrypted (-passphrase-file does that) / ключи не зашифрованы (это делает -passphrase-file)"
	}
	return u.done(ctx, "update.init", "", "", fmt.Sprintf("repository / хранилище: %s\nkeys / ключи: %s\nCopy the keys to two sticks, put them into a safe, delete the folder here.\nСкопируйте ключи на две флешки, уберите в сейф, папку здесь удалите.%s", u.p.Updates.Folder, u.keys[0], kept))
}

func updatesAdd(ctx context.Context, u *updatesCall) error {
	keys, err := u.operator()
	if err != nil {
		return err
	}
	added, err := u.p.Updates.Add(ctx, u.args[0], keys)
	if err != nil {
		return err
	}
	for _, file := range added.Other {
		if err := u.say("not for tills to take by themselves, left out / не для самообновления касс, пропущено: " + file); err != nil {
			return err
		}
	}
	back, list := systems(added.Back), systems(added.New)
	if back != "" {
		if err := u.say(fmt.Sprintf("published already; the programs were missing and are there again / уже опубликовано; программ не было, теперь они снова на месте: %s (%s)", added.Version, back)); err != nil {
			return err
		}
	}
	switch {
	case list == "" && back == "":
		return u.say("published already, nothing has changed / уже опубликовано, ничего не изменилось: " + added.Version)
	case list == "":
		return nil
	}
	return u.done(ctx, "update.add", added.Version, list, fmt.Sprintf("published / опубликовано: %s (%s)\nNo till takes it before: kopilka-cloud updates plan %[1]s -share 10%%\nКассы не возьмут её, пока её нет в плане: kopilka-cloud updates plan %[1]s -share 10%%", added.Version, list))
}

// systems names what the programs are for.
func systems(programs []update.Program) string {
	var out []string
	for _, p := range programs {
		out = append(out, p.OS+"-"+p.Arch)
	}
	return strings.Join(out, ", ")
}

func updatesWithdraw(ctx context.Context, u *updatesCall) error {
	keys, err := u.operator()
	if err != nil {
		return err
	}
	if err := u.p.Updates.Withdraw(ctx, u.args[0], keys); err != nil {
		return err
	}
	return u.done(ctx, "update.withdraw", u.args[0], "", "withdrawn / отозвана: "+u.args[0])
}

func updatesRefresh(ctx context.Context, u *updatesCall) error {
	if err := u.p.Updates.Refresh(ctx); err != nil {
		return err
	}
	return u.say("signed anew / подписано заново")
}

func updatesRenew(ctx context.Context, u *updatesCall) error {
	keys, err := u.operator()
	if err != nil {
		return err
	}
	if err := u.p.Updates.Renew(ctx, keys); err != nil {
		return err
	}
	return u.done(ctx, "update.renew", "", "", "signed anew by the operator / подписано заново ключами оператора")
}

func updatesRotate(ctx context.Context, u *updatesCall) error {
	if u.operators == u.online {
		return errors.New("say which keys: -operator or -online / укажите, какие ключи: -operator или -online")
	}
	keys, err := u.operator()
	if err != nil {
		return err
	}
	which, name := updates.Online, "online"
	text := "head office has new keys / у офиса новые ключи"
	if u.operators {
		which, name = updates.Operators, "operator"
		text = "new keys lie beside the old ones, which are worth nothing now; delete the old / новые ключи лежат рядом со старыми, которые больше ничего не стоят; старые удалите"
	}
	if err := u.p.Updates.Rotate(ctx, keys, which); err != nil {
		return err
	}
	return u.done(ctx, "update.rotate", name, "", text)
}

// rollout is the plan as it is; it says what to do first where there is none.
func (u *updatesCall) rollout(ctx context.Context) (page.Rollout, error) {
	r, err := u.p.Rollout(ctx, u.org)
	if errors.Is(err, page.ErrNotFound) {
		return r, errors.New("there is no repository yet: run kopilka-cloud updates init -keys FOLDER / хранилища ещё нет: выполните kopilka-cloud updates init -keys ПАПКА")
	}
	return r, err
}

// replan changes the plan and says what it is then.
func (u *updatesCall) replan(ctx context.Context, change func(r *page.Rollout) error) error {
	r, err := u.rollout(ctx)
	if err != nil {
		return err
	}
	if err := change(&r); err != nil {
		return err
	}
	if err := u.p.SetRollout(ctx, u.org, r.Serial, r.RolloutPlan, byHand); err != nil {
		return err
	}
	if r, err = u.rollout(ctx); err != nil {
		return err
	}
	return u.printPlan(r.RolloutPlan)
}

func updatesPlan(ctx context.Context, u *updatesCall) error {
	share, err := sale.ParsePoints(strings.ReplaceAll(strings.TrimSuffix(u.share, "%"), ",", "."))
	if err != nil {
		return fmt.Errorf("-share: want a percentage such as 10%% or 2.5%% / нужна доля, например 10%% или 2,5%% (got %q)", u.share)
	}
	step := page.RolloutStep{Version: u.args[0], Share: sale.BasisPoints(share), Back: u.back, NoReturn: u.noReturn}
	if u.stores != "" {
		for text := range strings.SplitSeq(u.stores, ",") {
			n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32)
			if err != nil {
				return fmt.Errorf("-stores: want numbers such as 1,2 / нужны номера, например 1,2 (got %q)", u.stores)
			}
			step.Stores = append(step.Stores, sale.StoreNo(n))
		}
	}
	return u.replan(ctx, func(r *page.Rollout) error {
		same := func(s page.RolloutStep) bool {
			return s.Version == step.Version && slices.Equal(s.Stores, step.Stores)
		}
		if i := slices.IndexFunc(r.Steps, same); i >= 0 {
			r.Steps[i] = step
		} else {
			r.Steps = append(r.Steps, step)
		}
		return nil
	})
}

func updatesDrop(ctx context.Context, u *updatesCall) error {
	return u.replan(ctx, func(r *page.Rollout) error {
		n := len(r.Steps)
		r.Steps = slices.DeleteFunc(r.Steps, func(s page.RolloutStep) bool { return s.Version == u.args[0] })
		if len(r.Steps) == n {
			return fmt.Errorf("version %s is not in the plan / версии %[1]s в плане нет", u.args[0])
		}
		return nil
	})
}

func updatesPause(ctx context.Context, u *updatesCall) error {
	return u.replan(ctx, func(r *page.Rollout) error { r.Paused = true; return nil })
}

func updatesResume(ctx context.Context, u *updatesCall) error {
	return u.replan(ctx, func(r *page.Rollout) error { r.Paused = false; return nil })
}

func (u *updatesCall) printPlan(p page.RolloutPlan) error {
	if p.Paused {
		if err := u.say("PAUSED: no till begins an update / ПРИОСТАНОВЛЕНО: кассы не начинают обновлений"); err != nil {
			return err
		}
	}
	if len(p.Steps) == 0 {
		return u.say("the plan is empty: tills stay with what they run / план пуст: кассы остаются на своих версиях")
	}
	rows := [][]string{{"version / версия", "share / доля", "stores / магазины", "also / особо", "taken / обновились"}}
	for _, s := range p.Steps {
		stores := "all / все"
		if len(s.Stores) > 0 {
			stores = strings.Trim(strings.ReplaceAll(fmt.Sprint(s.Stores), " ", ","), "[]")
		}
		var also []string
		if s.Back {
			also = append(also, "back")
		}
		if s.NoReturn {
			also = append(also, "no-return")
		}
		rows = append(rows, []string{s.Version, s.Share.String(), stores, strings.Join(also, " "), fmt.Sprintf("%d/%d", s.Taken, s.Tills)})
	}
	return u.table(rows)
}

func (u *updatesCall) table(rows [][]string) error {
	w := tabwriter.NewWriter(u.out, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		if _, err := fmt.Fprintln(w, strings.Join(r, "\t")); err != nil {
			return fmt.Errorf("print a table: %w", err)
		}
	}
	return w.Flush()
}

func updatesList(ctx context.Context, u *updatesCall) error {
	r, err := u.rollout(ctx)
	if err != nil {
		return err
	}
	rows := [][]string{{"version / версия", "for / для", "added / добавлена", "tills / касс"}}
	for _, v := range r.Versions {
		rows = append(rows, []string{v.Version, strings.Join(v.Systems, " "), v.Added.Time().Format(time.DateOnly), strconv.Itoa(v.Tills)})
	}
	if len(r.Versions) == 0 {
		rows = [][]string{{"no version is published: kopilka-cloud updates add / версий нет: kopilka-cloud updates add"}}
	}
	if err := u.table(rows); err != nil {
		return err
	}
	if err := u.say(fmt.Sprintf("operator's signatures end / подписи оператора до: %s\n", r.OperatorUntil.Time().Format(time.DateOnly))); err != nil {
		return err
	}
	return u.printPlan(r.RolloutPlan)
}

// stageNames are how far an update has come, in a word.
var stageNames = map[page.UpdateState]string{
	page.UpdateLoading: "downloading / скачивает", page.UpdateReady: "ready / скачана, ждёт", page.UpdateTrial: "on trial / пробует", page.UpdateFailed: "FAILED / НЕ ВЫШЛО",
}

func updatesStatus(ctx context.Context, u *updatesCall) error {
	r, err := u.rollout(ctx)
	if err != nil {
		return err
	}
	tills, err := u.p.Store.TillRows(ctx, u.org, 0)
	if err != nil {
		return err
	}
	rows := [][]string{{"till / касса", "store / магазин", "runs / версия", "due / положена", "update / обновление"}}
	for _, t := range tills {
		if t.State != page.TillEnrolled {
			continue
		}
		running, due, stage := r.Running[t.No], r.Wanted[t.No], ""
		if running == "" {
			running = t.Program
		}
		if t.Status != nil && t.Status.Update != nil {
			x := t.Status.Update
			stage = strings.Trim(fmt.Sprintf("%s %s %s", x.Version, stageNames[x.State], strings.Trim(x.EN+" / "+x.RU, " /")), " ")
		}
		rows = append(rows, []string{fmt.Sprint(t.No), t.StoreName, running, due, stage})
	}
	if err := u.table(rows); err != nil {
		return err
	}
	return u.printPlan(r.RolloutPlan)
}

// restoredUpdates brings the repository's signatures past those that tills have seen, as far as head office can alone.
func restoredUpdates(ctx context.Context, c *call, p *cloud.Program) error {
	err := p.Updates.Refresh(ctx)
	if errors.Is(err, update.ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out, "If till programs were published or withdrawn, or keys replaced, since that backup: kopilka-cloud updates renew -keys FOLDER, then add them again."+
		"\nЕсли после этой копии публиковали или отзывали программы касс или меняли ключи: kopilka-cloud updates renew -keys ПАПКА, затем добавьте их снова.")
	return err
}

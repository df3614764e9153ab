package main

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/kopilka/kopilka/cloud"
	"github.com/kopilka/kopilka/cloud/store"
	"github.com/kopilka/kopilka/cloud/web"
	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// initialise creates the organisation, its keys, its first rules and its first user, whose password it
// prints once.
func initialise(ctx context.Context, c *call) error {
	name := c.flags.String("name", "Kopilka", "name of the organisation / название организации")
	login := c.flags.String("login", "admin", "login of the first user / логин первого пользователя")
	settings := c.settings()
	if err := c.parse(); err != nil {
		return err
	}
	user, ok := web.ParseLogin(*login)
	if !ok {
		return fmt.Errorf("%w: -login: want letters, digits, dots, dashes and @ / логин: только буквы, цифры, точка, дефис и @ (got %q)", errUsage, *login)
	}
	config, err := settings()
	if err != nil {
		return err
	}
	p := program(c, config)
	if err := p.Open(ctx); err != nil {
		return err
	}
	made, password, err := found(ctx, p, *name, user)
	if err := errors.Join(err, p.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "organisation / организация: %s\nlogin / логин: %s\npassword / пароль: %s\n", made, user, password)
	return err
}

// found makes the organisation, its first rules and its first user. One that was broken off before there was a user is
// gone on with: nobody could sign in, and another could not be made.
func found(ctx context.Context, p *cloud.Program, name, login string) (made, password string, err error) {
	no, err := begun(ctx, p, name)
	if err != nil {
		return "", "", err
	}
	o, err := p.Store.Org(ctx, no)
	if err != nil {
		return "", "", err
	}
	rules, err := p.Store.Programmes(ctx, no)
	if err == nil && len(rules) == 0 {
		_, err = p.Office.Publish(ctx, no, *loyalty.Default(), "init", "")
	}
	if err != nil {
		return "", "", err
	}
	password, err = firstUser(ctx, p, no, login)
	return o.Name, password, err
}

// begun is a new organisation, or the one that has no user yet.
func begun(ctx context.Context, p *cloud.Program, name string) (sale.OrgNo, error) {
	all, err := p.Store.Orgs(ctx)
	if err != nil {
		return 0, err
	}
	if len(all) == 0 {
		return p.Store.CreateOrg(ctx, name, p.Random)
	}
	users, err := p.Store.PageUsers(ctx, all[0], "")
	if err == nil && len(users) > 0 {
		err = errors.New("this database has an organisation already / в этой базе уже есть организация")
	}
	return all[0], err
}

func firstUser(ctx context.Context, p *cloud.Program, no sale.OrgNo, login string) (password string, err error) {
	secret := make([]byte, 10)
	if _, err := rand.Read(secret); err != nil {
		return "", fmt.Errorf("read randomness for a password: %w", err)
	}
	password = strings.ToLower(base32.StdEncoding.EncodeToString(secret))
	hash, salt, err := web.HashPassword(password)
	if err != nil {
		return "", err
	}
	return password, p.Store.PutPageUser(ctx, page.User{
		Org: no, Login: login, Name: login, Role: page.RoleOwner, Hash: hash, Salt: salt, Lang: "ru", Made: sale.At(p.Now()),
	}, false)
}

// seed brings the organisation up to a file; it may be run again.
func seed(ctx context.Context, c *call) error {
	file := c.flags.String("file", "", "JSON file / файл JSON")
	made := c.flags.String("made", "", "JSON file for the codes and certificates that were made / куда записать выпущенные коды и сертификаты")
	if len(c.args) > 0 && !strings.HasPrefix(c.args[0], "-") { // the file before the flags
		*file, c.args = c.args[0], c.args[1:]
	}
	c.words = 2 // one too many is told below, with what is wanted
	p, err := c.open(ctx)
	if err != nil {
		return err
	}
	words := c.flags.Args()
	if *file == "" && len(words) > 0 {
		*file, words = words[0], words[1:]
	}
	if *file == "" || len(words) > 0 {
		err = fmt.Errorf("%w: want one file: kopilka-cloud seed -file shop.json / нужен один файл: kopilka-cloud seed -file shop.json", errUsage)
	} else {
		err = load(ctx, p, *file, *made)
	}
	if err := errors.Join(err, p.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out, "loaded / загружено:", *file)
	return err
}

func load(ctx context.Context, p *cloud.Program, file, made string) error {
	no, err := org(ctx, p)
	if err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("read the seed: %w", err)
	}
	s, err := cloud.ReadSeed(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if made == "" {
		return s.Apply(ctx, p, no)
	}
	// Opened first: what is made cannot be made again, and a list that cannot be written is known too late afterwards.
	list, err := os.OpenFile(made, os.O_CREATE|os.O_WRONLY, madePerm)
	if err != nil {
		return fmt.Errorf("%w: -made: the list of codes cannot be written there, so nothing was done / туда не записать список кодов, ничего не сделано: %w", errUsage, err)
	}
	// Written after a failure too: what was made by then is not made again.
	return errors.Join(s.Apply(ctx, p, no), writeMade(list, s.Made()), list.Close())
}

// writeMade puts the list in the file's place. A seed that is loaded again makes nothing: the list that is there stays.
func writeMade(to *os.File, x cloud.SeedMade) error {
	info, err := to.Stat()
	if err == nil && len(x.Codes) == 0 && len(x.Certificates) == 0 && info.Size() > 0 {
		return nil
	}
	var raw []byte
	if err == nil {
		raw, err = json.MarshalIndent(x, "", " ")
	}
	if err == nil {
		_, err = to.Write(append(raw, '\n'))
	}
	if err == nil {
		err = to.Truncate(int64(len(raw)) + 1)
	}
	if err != nil {
		return fmt.Errorf("write what was made; its codes are on head office's pages too / не записать выпущенное; коды есть и на страницах офиса: %w", err)
	}
	return nil
}

// madePerm: whoever reads these numbers can spend them.
const madePerm = 0o600

// enrolCode makes a code that a new till is enrolled with.
func enrolCode(ctx context.Context, c *call) error {
	shop := c.flags.Uint("store", 0, "number of the store / номер магазина")
	till := c.flags.Uint("till", 0, "number of the till that is being replaced, 0 for a new one / номер заменяемой кассы")
	p, err := c.open(ctx)
	if err != nil {
		return err
	}
	code, err := makeCode(ctx, p, sale.StoreNo(*shop), sale.TillNo(*till))
	until := p.Now().Add(store.CodeTerm).Local().Format("2006-01-02 15:04 MST")
	if err := errors.Join(err, p.Close()); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(c.out, code); err != nil {
		return err
	}
	// Beside the code, not behind it: scripts read the code.
	_, err = fmt.Fprintf(c.log, "for one till, until / для одной кассы, до: %s\n", until)
	return err
}

func makeCode(ctx context.Context, p *cloud.Program, shop sale.StoreNo, till sale.TillNo) (string, error) {
	no, err := org(ctx, p)
	if err != nil {
		return "", err
	}
	if shop == 0 {
		return "", fmt.Errorf("%w: say which store: -store 1 / укажите магазин: -store 1", errUsage)
	}
	code, err := p.Store.NewCode(ctx, no, shop, till, "command line", p.Random)
	if errors.Is(err, store.ErrNotFound) {
		return "", fmt.Errorf("there is no store %d yet: create it on head office's page Stores, or by kopilka-cloud seed -file shop.json / "+
			"магазина %[1]d ещё нет: создайте его на странице «Магазины» или командой kopilka-cloud seed -file shop.json (%[2]w)", shop, err)
	}
	return code.String(), err
}

// restored is run once after the database came back from a backup.
func restored(ctx context.Context, c *call) error {
	p, err := c.open(ctx)
	if err != nil {
		return err
	}
	no, err := org(ctx, p)
	if err == nil {
		err = p.Store.RaiseGeneration(ctx, no)
	}
	if err == nil {
		err = restoredUpdates(ctx, c, p)
	}
	return errors.Join(err, p.Close())
}

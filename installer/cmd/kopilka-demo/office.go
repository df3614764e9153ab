package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// signIn is head office's first user.
type signIn struct {
	Login    string `json:"login"`
	Password string `json:"password"`
}

// found makes head office once. It is put together beside its place and moved there when it is whole, so
// that a first start that was interrupted begins anew.
func (d *demo) found(ctx context.Context, seed seedFile) error {
	place, building := d.at("cloud"), d.at("cloud.new")
	if _, err := os.Stat(place); err == nil {
		return d.remember()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look for head office's data: %w", err)
	}
	d.say("готовим магазин: %d товаров, %d покупателей… / preparing the shop: %d products, %d customers…\n",
		len(seed.Products), len(seed.Customers), len(seed.Products), len(seed.Customers))
	if err := os.RemoveAll(building); err != nil {
		return fmt.Errorf("clear an unfinished start away: %w", err)
	}
	said, err := d.once(ctx, "kopilka-cloud", "init", "-data", building, "-name", "Копилка", "-login", "admin")
	if err != nil {
		return err
	}
	d.login = signIn{Login: value(said, "login"), Password: value(said, "password")}
	file := d.at("seed.json")
	if err := errors.Join(writeJSON(d.at("sign-in.json"), d.login), writeJSON(file, seed)); err != nil {
		return err
	}
	if _, err := d.once(ctx, "kopilka-cloud", "seed", "-data", building, "-file", file, "-made", d.at(madeFile)); err != nil {
		return err
	}
	if err := os.Rename(building, place); err != nil {
		return fmt.Errorf("put head office in its place: %w", err)
	}
	return nil
}

// madeFile has the random numbers that head office gave at the founding.
const madeFile = "made.json"

// made are single-use codes by campaign and certificates by batch, as head office writes them.
type made struct {
	Codes        map[uint32][]string `json:"codes"`
	Certificates map[string][]string `json:"certificates"`
}

// given reads what head office made; a shop founded before it wrote that has none to show.
func (d *demo) given() (m made, err error) {
	raw, err := os.ReadFile(d.at(madeFile))
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil {
		return m, fmt.Errorf("read the codes and certificates: %w", err)
	}
	return m, nil
}

func (d *demo) remember() error {
	raw, err := os.ReadFile(d.at("sign-in.json"))
	if err == nil {
		err = json.Unmarshal(raw, &d.login)
	}
	if err != nil {
		return fmt.Errorf("read the sign-in of head office (to start anew, delete %s): %w", d.dir, err)
	}
	return nil
}

// value finds "login / логин: admin" in what init said.
func value(said, key string) string {
	for line := range strings.Lines(said) {
		if rest, ok := strings.CutPrefix(line, key); ok {
			_, v, _ := strings.Cut(rest, ": ")
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// identityFile is the till's identity in its data folder.
const identityFile = "identity.json"

// enrolCodes makes a code for each till that is not enrolled yet, empty for the others.
func (d *demo) enrolCodes(ctx context.Context) ([]string, error) {
	codes := make([]string, len(tills))
	for i, t := range tills {
		if d.enrolled(t) {
			continue
		}
		said, err := d.once(ctx, "kopilka-cloud", "enrol-code", "-data", d.at("cloud"), "-store", strconv.Itoa(int(t.store)))
		if err != nil {
			return nil, err
		}
		codes[i] = strings.TrimSpace(said)
	}
	return codes, nil
}

// enrolled tells whether head office has given the till its number.
func (d *demo) enrolled(t till) bool {
	raw, err := os.ReadFile(d.at(t.folder(), "data", identityFile))
	var id struct {
		Till int `json:"till"`
	}
	return err == nil && json.Unmarshal(raw, &id) == nil && id.Till != 0
}

// moveHeadOffice tells an enrolled till that head office is reached elsewhere now: its relay had to take
// another port. Everything else of the identity stays, the till's key above all.
func moveHeadOffice(file, url string) error {
	raw, err := os.ReadFile(file)
	var id map[string]json.RawMessage
	if err == nil {
		err = json.Unmarshal(raw, &id)
	}
	if err != nil {
		return fmt.Errorf("read the till's identity: %w", err)
	}
	if string(id["url"]) == strconv.Quote(url) {
		return nil
	}
	id["url"] = json.RawMessage(strconv.Quote(url))
	beside := filepath.Join(filepath.Dir(file), identityFile+".new")
	if err := writeJSON(beside, id); err != nil {
		return err
	}
	if err := os.Rename(beside, file); err != nil {
		return fmt.Errorf("tell the till where head office is: %w", err)
	}
	return nil
}

// hasProducts tells whether a till has heard of the catalogue.
func hasProducts(body []byte) bool {
	var found struct {
		Products []json.RawMessage `json:"products"`
	}
	return json.Unmarshal(body, &found) == nil && len(found.Products) > 0
}

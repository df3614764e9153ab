package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/kopilka/kopilka/agent"
)

// Limits of a bundle: it goes by e-mail.
const (
	sectionMax              = 4 << 20 // bytes of one part before they are packed; text packs to a tenth
	bundleMax               = 8 << 20 // of the whole file
	sectionWait             = time.Minute
	bundleMode  fs.FileMode = 0o600
)

// section is one part of a bundle. What it could gather before it failed is kept.
type section struct {
	name string
	what string // for the person who sends it
	make func(ctx context.Context) ([]byte, error)
}

// part is a section made.
type part struct {
	section
	content []byte
	err     error
}

// writeBundle packs all sections, masked, and says what is in it. A section that fails is named and holds up nothing.
func writeBundle(ctx context.Context, sections []section, m masker, now time.Time) ([]byte, []part, error) {
	var parts []part
	for _, s := range sections {
		p := part{section: s}
		ctx, cancel := context.WithTimeout(ctx, sectionWait)
		p.content, p.err = s.make(ctx)
		cancel()
		if len(p.content) > sectionMax {
			p.content = p.content[len(p.content)-sectionMax:] // the newest of a log
		}
		parts = append(parts, p)
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	add := func(name string, b []byte) error {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: now})
		if err == nil {
			_, err = w.Write(b)
		}
		return err
	}
	err := add("README.txt", []byte(contents(parts, m)))
	for _, p := range parts {
		if len(p.content) > 0 {
			err = errors.Join(err, add(p.name, p.content))
		}
	}
	if err = errors.Join(err, z.Close()); err != nil {
		return nil, parts, fmt.Errorf("pack the bundle: %w", err)
	}
	if out.Len() > bundleMax {
		return nil, parts, fmt.Errorf("the bundle has %d bytes, at most %d: call support", out.Len(), bundleMax)
	}
	return out.Bytes(), parts, nil
}

func contents(parts []part, m masker) string {
	var b strings.Builder
	b.WriteString("Kopilka: for support. Keys, passwords, names, phones, cards and addresses are masked.\nКопилка: для поддержки. Ключи, пароли, имена, телефоны, карты и адреса скрыты.\n\n")
	for _, p := range parts {
		fmt.Fprintf(&b, "%-16s %8d  %s\n", p.name, len(p.content), p.what)
		if p.err != nil {
			fmt.Fprintf(&b, "%16s           ! %s\n", "", m.line(p.err.Error()))
		}
	}
	return b.String()
}

// sendBundle writes to a file that only its owner reads, or to standard output.
func sendBundle(b []byte, to string, out io.Writer) error {
	if to == "-" {
		if _, err := out.Write(b); err != nil {
			return fmt.Errorf("write the bundle: %w", err)
		}
		return nil
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, bundleMode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: name another file / такой файл уже есть, назовите другой", to)
	}
	if err == nil {
		_, err = f.Write(b)
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(err, os.Remove(to))
		}
	}
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("the disk is full: name a file on another disk, or - for standard output / диск полон: назовите файл на другом диске или - для вывода: %w", err)
	case err != nil:
		return fmt.Errorf("write the bundle (name another file, or - for standard output) / архив не записан, назовите другой файл или -: %w", err)
	}
	return nil
}

// makeBundle is `kopilka-agent doctor -bundle FILE`.
func makeBundle(ctx context.Context, path, to, lang string, out io.Writer) error {
	c := checkup(path)
	now := c.Now()
	if to == "" {
		to = "kopilka-support-" + now.Format("20060102-150405") + ".zip"
	}
	g := gatherer{checkup: c, log: readLog, now: now, updater: updaterStatus}
	g.see(ctx)
	b, parts, err := writeBundle(ctx, g.sections(), g.masker, now)
	if err != nil {
		return err
	}
	if err := sendBundle(b, to, out); err != nil {
		return err
	}
	if to == "-" {
		return nil
	}
	said := agent.Text{RU: "Архив для поддержки: %s (%d КБ). Внутри:", EN: "The bundle for support: %s (%d KB). In it:"}
	format := said.RU
	if lang == "en" {
		format = said.EN
	}
	return say(out, format+"\n%s", to, (len(b)+1023)>>10, contents(parts, g.masker))
}

func asJSON(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write: %w", err)
	}
	return append(b, '\n'), nil
}

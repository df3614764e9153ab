package main

import (
	"context"
	"errors"
	"flag"
	"io"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/drivers"
)

// testLines show on a register's paper whether its letters and its width are right.
var testLines = []string{
	"Копилка: проверка печати / test",
	"АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ",
	"абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789",
	"№ % * + - = / ( ) « »",
}

var errNothingPrints = errors.New("there is nothing to print on: the config has register.type: none, and no printer that is asked for / " +
	"печатать не на чем: в настройках register.type: none, и принтера, о котором речь, нет")

// testPager is a printer that can show which of its code pages is right.
type testPager interface {
	TestPage(ctx context.Context) error
}

// testPrint is `kopilka-agent doctor print`.
func testPrint(ctx context.Context, args []string, out io.Writer) error {
	onRegister := false
	path, _, err := configFlag("doctor print", args, func(fs *flag.FlagSet) {
		fs.BoolVar(&onRegister, "register", false, "print on the register, though there is a receipt printer / печатать на регистраторе, хотя есть принтер чеков")
	})
	if err != nil {
		return err
	}
	c, err := agent.LoadConfig(path)
	if err != nil {
		return err
	}
	p := &Program{config: c}
	d, err := p.devices()
	if err != nil {
		return err
	}
	if _, err := askDaemon(ctx, c.Page); err == nil {
		return errDaemonHas
	}
	switch {
	case d.printer != nil && !onRegister:
		err = printPage(ctx, d.printer)
	case d.register == nil:
		return errNothingPrints
	default:
		err = printSlip(ctx, d.register)
	}
	if err != nil {
		return err
	}
	return say(out, "Printed. Look for the line in which every letter is right / Напечатано. Найдите строку, в которой все буквы верны\n")
}

func printPage(ctx context.Context, open agent.OpenSlips) error {
	p, err := open(ctx)
	if err != nil {
		return err
	}
	if pager, ok := p.(testPager); ok {
		err = pager.TestPage(ctx)
	} else {
		err = p.PrintSlip(ctx, drivers.Slip{Lines: slipLines(), QR: controlText})
	}
	return errors.Join(err, p.Close())
}

func slipLines() (lines []drivers.SlipLine) {
	for _, l := range testLines {
		lines = append(lines, drivers.SlipLine{Text: l})
	}
	return lines
}

func printSlip(ctx context.Context, open agent.OpenPrinter) error {
	p, err := open(ctx)
	if err != nil {
		return err
	}
	slips, ok := p.(drivers.Slips)
	if !ok {
		return errors.Join(errors.New("this register prints nothing but fiscal documents / эта касса печатает только фискальные документы"), p.Close())
	}
	return errors.Join(slips.Slip(ctx, testLines, ""), p.Close())
}

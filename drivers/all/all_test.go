package all_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/all"
	"github.com/kopilka/kopilka/drivers/port"
)

func noDial(context.Context) (port.Conn, error) {
	return nil, errors.New("nobody dials in a constructor")
}

func TestEveryTypeIsMadeFromNoSettings(t *testing.T) {
	require.NotEmpty(t, all.Printers)
	for kind := range all.Printers {
		p, err := all.Printer(kind, "front", noDial, nil)
		require.NoError(t, err, kind)
		require.NoError(t, p.Close())
	}
	require.NotEmpty(t, all.Scanners)
	for kind := range all.Scanners {
		s, err := all.Scanner(kind, "hand", noDial, nil)
		require.NoError(t, err, kind)
		require.NoError(t, s.Close())
	}
	require.NotEmpty(t, all.SlipPrinters)
	for kind := range all.SlipPrinters {
		p, err := all.SlipPrinter(kind, "slips", noDial, nil)
		require.NoError(t, err, kind)
		require.NoError(t, p.Close())
	}
	require.NotEmpty(t, all.Displays)
	for kind := range all.Displays {
		d, err := all.Display(kind, "pole", noDial, nil)
		require.NoError(t, err, kind)
		require.NoError(t, d.Close())
	}
}

func TestRefusals(t *testing.T) {
	_, err := all.Printer("epson", "front", noDial, nil)
	require.ErrorIs(t, err, all.ErrType)
	require.ErrorContains(t, err, "known are ")
	require.ErrorContains(t, err, "shtrih-m")
	_, err = all.Scanner("wedge", "hand", noDial, nil)
	require.ErrorIs(t, err, all.ErrType)

	_, err = all.SlipPrinter("epson", "slips", noDial, nil)
	require.ErrorContains(t, err, "known are escpos")
	_, err = all.Display("epson", "pole", noDial, nil)
	require.ErrorContains(t, err, "known are line-display")

	bad := map[string]string{"colour": "red", "password": "secret", "protocol": "3", "department": "0"}
	_, err = all.Printer("shtrih-m", "front", noDial, bad)
	require.ErrorContains(t, err, "colour: unknown setting, known are admin-password, cut, department")
	require.ErrorContains(t, err, "password: want a number")
	require.ErrorContains(t, err, "protocol: want one of 1, 2, auto")
	require.ErrorContains(t, err, "department: want a number from 1 to 16")
	require.NotContains(t, err.Error(), "secret")

	_, err = all.Scanner("serial-scanner", "hand", noDial, map[string]string{"silence": "1h", "suffx": "x", "prefix": `\x`, "aim": "maybe"})
	require.ErrorContains(t, err, "known are aim, encoding, prefix, repeat, silence, suffix")
	require.ErrorContains(t, err, "silence: want a duration from 10ms to 2s")
	require.ErrorContains(t, err, "prefix: want bytes")
	require.ErrorContains(t, err, "aim: want auto, on or off")
}

package capture

import (
	"context"
	"image"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/port"
)

// Slip is what a slip printer was told, without a letter of it.
type Slip struct {
	LogoWidth  int                `json:"logo_width,omitempty"` // in pixels; 0: none
	LogoHeight int                `json:"logo_height,omitempty"`
	Lines      []drivers.SlipLine `json:"lines,omitempty"`
	QR         string             `json:"qr,omitempty"`
}

func slipOf(s drivers.Slip) *Slip {
	out := &Slip{Lines: s.Lines, QR: s.QR}
	if s.Logo != nil {
		out.LogoWidth, out.LogoHeight = s.Logo.Bounds().Dx(), s.Logo.Bounds().Dy()
	}
	return out
}

// slip is what a replay prints: as much paper, and a white logo.
func (s Slip) slip() drivers.Slip {
	out := drivers.Slip{Lines: s.Lines, QR: s.QR}
	if s.LogoWidth > 0 {
		out.Logo = image.NewGray(image.Rect(0, 0, s.LogoWidth, s.LogoHeight))
	}
	return out
}

// SlipPrinter makes a slip printer whose every call and byte is written down. Of what it prints only the shape is.
func (r *Recorder) SlipPrinter(dial port.Dial, settings map[string]string, create Create[drivers.SlipPrinter]) (drivers.SlipPrinter, error) {
	r.shapeOnly()
	p, err := record(r, dial, settings, create)
	if err != nil {
		return nil, err
	}
	return slipPrinter{p}, nil
}

type slipPrinter struct {
	*recorded[drivers.SlipPrinter]
}

func (p slipPrinter) Width() int { return p.inner.Width() }

func (p slipPrinter) Status(ctx context.Context) (drivers.Status, error) {
	return status(ctx, p.recorded)
}

func (p slipPrinter) PrintSlip(ctx context.Context, s drivers.Slip) error {
	return p.plain(OpPrintSlip, &Args{Slip: slipOf(s)}, func() error { return p.inner.PrintSlip(ctx, s) })
}

func (p slipPrinter) OpenDrawer(ctx context.Context) error {
	return p.plain(OpOpenDrawer, nil, func() error { return p.inner.OpenDrawer(ctx) })
}

// Display makes a customer display whose every call and byte is written down. Of what it shows only the shape is.
func (r *Recorder) Display(dial port.Dial, settings map[string]string, create Create[drivers.Display]) (drivers.Display, error) {
	r.shapeOnly()
	d, err := record(r, dial, settings, create)
	if err != nil {
		return nil, err
	}
	return display{d}, nil
}

type display struct {
	*recorded[drivers.Display]
}

func (d display) Width() int { return d.inner.Width() }

func (d display) Show(ctx context.Context, top, bottom string) error {
	if err := d.renew(); err != nil {
		return err
	}
	return d.plain(OpShow, &Args{Lines: []string{top, bottom}}, func() error { return d.inner.Show(ctx, top, bottom) })
}

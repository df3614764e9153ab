//go:build !linux

package port

import (
	"context"

	"github.com/karalabe/hid"
	"go.bug.st/serial/enumerator"
)

func listSerial(ctx context.Context) ([]Found, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ports, err := enumerator.GetDetailedPortsList()
	if err != nil {
		return nil, err
	}
	all := make([]Found, 0, len(ports))
	for _, p := range ports {
		f := Found{Kind: KindSerial, Path: p.Name, Serial: p.SerialNumber, Maker: p.Manufacturer, Product: p.Product}
		if p.IsUSB {
			f.VID, f.PID = hexID(p.VID), hexID(p.PID)
		}
		all = append(all, f)
	}
	return all, nil
}

// listHID is empty in a build without cgo; dialling says why.
func listHID(ctx context.Context) ([]Found, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	devices, err := hid.Enumerate(0, 0)
	if err != nil {
		return nil, err
	}
	all := make([]Found, 0, len(devices))
	for _, d := range devices {
		all = append(all, Found{
			Kind: KindHID, VID: d.VendorID, PID: d.ProductID, Serial: d.Serial, Maker: d.Manufacturer, Product: d.Product,
			Interface: max(0, d.Interface), Page: d.UsagePage, Usage: d.Usage, Path: d.Path, usb: d.Path,
		})
	}
	return all, nil
}

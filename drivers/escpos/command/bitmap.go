package command

import (
	"errors"
	"fmt"
	"image"
	"image/color"
)

// SideMax bounds a picture that is to be printed: more than two metres of paper, and a mistake.
const SideMax = 16384

// ErrPicture is wrapped by refusals of a picture.
var ErrPicture = errors.New("the picture cannot be printed")

// Bitmap is black dots: one bit each, a row padded to whole bytes, the leftmost dot highest.
type Bitmap struct {
	Width, Height int
	Bits          []byte
}

// NewBitmap is white.
func NewBitmap(width, height int) Bitmap {
	return Bitmap{Width: width, Height: height, Bits: make([]byte, (width+7)/8*height)}
}

// Stride is the bytes of a row.
func (b Bitmap) Stride() int { return (b.Width + 7) / 8 }

// Black tells whether a dot is.
func (b Bitmap) Black(x, y int) bool { return b.Bits[y*b.Stride()+x/8]&(0x80>>(x%8)) != 0 }

// Blacken sets a dot.
func (b Bitmap) Blacken(x, y int) { b.Bits[y*b.Stride()+x/8] |= 0x80 >> (x % 8) }

// FromImage makes dots of a picture: narrowed to width where it is wider, transparent is white, and darker
// than half is black.
func FromImage(img image.Image, width int) (Bitmap, error) {
	r := img.Bounds()
	if r.Empty() || r.Dx() > SideMax || r.Dy() > SideMax {
		return Bitmap{}, fmt.Errorf("%w: %d×%d dots, want 1 to %d a side", ErrPicture, r.Dx(), r.Dy(), SideMax)
	}
	w, h := r.Dx(), r.Dy()
	if w > width {
		w, h = width, max(1, h*width/w)
	}
	out := NewBitmap(w, h)
	for y := range h {
		for x := range w {
			box := image.Rect(r.Min.X+x*r.Dx()/w, r.Min.Y+y*r.Dy()/h, r.Min.X+(x+1)*r.Dx()/w, r.Min.Y+(y+1)*r.Dy()/h)
			if dark(img, box) {
				out.Blacken(x, y)
			}
		}
	}
	return out, nil
}

// dark is the average of what becomes one dot.
func dark(img image.Image, box image.Rectangle) bool {
	box.Max.X, box.Max.Y = max(box.Max.X, box.Min.X+1), max(box.Max.Y, box.Min.Y+1)
	light, dots := 0, 0
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			light += lightness(img.At(x, y))
			dots++
		}
	}
	return light < dots*0x8000
}

// lightness is 0 to FFFFh on white paper; weights of the eye as in Rec. 601.
func lightness(c color.Color) int {
	r, g, b, a := c.RGBA()
	white := 0xFFFF - int(a)
	return (299*(int(r)+white) + 587*(int(g)+white) + 114*(int(b)+white)) / 1000
}

// Image is the dots as a picture, for tests and for screens.
func (b Bitmap) Image() *image.Gray {
	out := image.NewGray(image.Rect(0, 0, b.Width, b.Height))
	for y := range b.Height {
		for x := range b.Width {
			if !b.Black(x, y) {
				out.SetGray(x, y, color.Gray{Y: 255})
			}
		}
	}
	return out
}

// Scale makes each dot a square of n dots.
func (b Bitmap) Scale(n int) Bitmap {
	out := NewBitmap(b.Width*n, b.Height*n)
	for y := range out.Height {
		for x := range out.Width {
			if b.Black(x/n, y/n) {
				out.Blacken(x, y)
			}
		}
	}
	return out
}

package port

import "github.com/karalabe/hid"

// HIDBuiltIn tells whether this program was built with the C library for HID devices. A cross build without a C
// compiler leaves it out and says nothing.
func HIDBuiltIn() bool { return hid.Supported() }

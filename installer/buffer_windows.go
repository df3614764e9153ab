package installer

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// configBuffer is memory that Windows fills with a QUERY_SERVICE_CONFIG and the strings behind it. It is
// made of words, so that the pointers in it are aligned.
type configBuffer []uint64

func newConfigBuffer(bytes uint32) configBuffer {
	const word = 8
	least := uint32(unsafe.Sizeof(windows.QUERY_SERVICE_CONFIG{}))
	return make(configBuffer, (max(bytes, least)+word-1)/word)
}

func (b configBuffer) config() *windows.QUERY_SERVICE_CONFIG {
	return (*windows.QUERY_SERVICE_CONFIG)(unsafe.Pointer(&b[0]))
}

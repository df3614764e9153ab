//go:build !linux

package emulator

// OpenScanner listens on a free TCP port of this machine: there are no pseudo terminals to link to.
func OpenScanner(_ string, o ScannerOptions) (*Scanner, error) {
	return ListenScanner("127.0.0.1:0", o)
}

package display_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"

	device "github.com/kopilka/kopilka/drivers/emulator/display"
)

// Bytes by hand, so that the display is not judged by the driver.
func TestDisplay(t *testing.T) {
	pages := map[byte]*charmap.Charmap{46: charmap.Windows1251}
	tests := []struct {
		name, in    string
		top, bottom string
	}{
		{"ESC Q", "\x1bQA\x92\xae\xa2\xa0\xe0\x0d\x1bQB12.50\x0d", "Товар", "12.50"},
		{"ESC Q replaces", "\x1bQAlonger\x0d\x1bQAab\x0d", "ab", ""},
		{"after ESC Q only CLR and CAN get through", "\x1bQAone\x0d\x1b@x\x1f$\x01\x02y\x1bQBtwo\x0d", "one", "two"},
		{"CLR leaves that", "\x1bQAone\x0d\x0cnow", "now", ""},
		{"CAN clears a line", "\x1bQAone\x0d\x1bQBtwo\x0d\x18", "one", ""},
		{"cursor and wrapping", "\x1f$\x13\x01abcd\x0bX", "X                 ab", "cd"},
		{"ESC l", "\x1bl\x02\x02z", "", " z"},
		{"code page", "\x1bt\x2e\xcf\xf0\x1bt\x63\xcf", "ПрП", ""},
		{"cut into pieces", "\x1bQ", "", ""},
		{"a place that is not there", "\x1f$\x63\x09q", "q", ""},
	}
	for _, tt := range tests {
		d := device.New(device.Options{CodePages: pages})
		near, far := net.Pipe()
		served := make(chan error, 1)
		go func() { served <- d.Serve(t.Context(), far) }()
		for i := range len(tt.in) {
			_, err := near.Write([]byte(tt.in[i : i+1]))
			require.NoError(t, err)
		}
		require.NoError(t, near.Close())
		require.NoError(t, <-served)
		require.Equal(t, [2]string{tt.top, tt.bottom}, d.Lines(), tt.name)
	}
}

//go:build !windows

package agent

// Where a till's files are when the config does not say.
const (
	defaultData       = "/var/lib/kopilka"
	DefaultConfigPath = "/etc/kopilka/config.yaml"
)

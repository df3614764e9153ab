package agent

// Where a till's files are when the config does not say.
const (
	defaultData       = `C:\ProgramData\Kopilka`
	DefaultConfigPath = `C:\ProgramData\Kopilka\config.yaml`
)

package installer

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDefinitionIsWhole(t *testing.T) {
	d, err := readDefinition()
	require.NoError(t, err)
	require.Equal(t, Marker, d.Marker, "the program looks for the marker by this constant")
	require.NotEmpty(t, d.Name)
	require.Equal(t, "run", d.Arguments[0])
	require.NotEmpty(t, d.RestartAfter)
	for _, n := range []named{d.Display, d.Description} {
		require.NotEmpty(t, n.in(false))
		require.NotEmpty(t, n.in(true))
		require.NotEqual(t, n.in(false), n.in(true))
	}
	for _, sddl := range []string{d.FolderRights, d.SharedRights} {
		require.True(t, strings.HasPrefix(sddl, "D:P"), "rights of ProgramData must not be inherited")
		require.NotRegexp(t, `;;;(WD|BU|AU)\)`, sddl, "everybody, users and authenticated users must not read the key")
	}
	require.NotRegexp(t, `\(A;[A-Z]+;[^)]*;IU\)`, d.FolderRights, "what the session may read of the folder must not be inherited by the key")
}

// A unit that lost one of these would still start, and nobody would notice until a theft.
func TestUnitIsHardened(t *testing.T) {
	b, err := Files.ReadFile("linux/kopilka-agent.service")
	require.NoError(t, err)
	has := map[string][]string{}
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			has[key] = append(has[key], value)
		}
	}
	for key, want := range map[string]string{
		"Type": "notify", "User": "kopilka", "StateDirectory": "kopilka", "ProtectSystem": "strict", "MemoryDenyWriteExecute": "yes",
		"NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "Restart": "always", "DevicePolicy": "closed", "ProtectHome": "yes",
		"StartLimitIntervalSec": "0", "WantedBy": "multi-user.target", "SupplementaryGroups": "dialout plugdev",
	} {
		require.Equal(t, []string{want}, has[key], key)
	}
	for _, class := range []string{"ttyS", "ttyUSB", "ttyACM", "usb_device"} {
		require.Contains(t, has["DeviceAllow"], "char-"+class+" rw")
	}
	require.Contains(t, has["RestrictAddressFamilies"][0], "AF_NETLINK")
	require.Equal(t, has["Wants"], []string{"modprobe@cdc_acm.service modprobe@usbserial.service"})
	require.NotEmpty(t, has["WatchdogSec"])
	require.Equal(t, []string{"+/usr/bin/chown -R --no-dereference kopilka:kopilka /var/lib/kopilka"}, has["ExecStartPre"],
		"nothing else runs as root, and links are not followed")
	require.NotContains(t, strings.Join(append(has["After"], has["Wants"]...), " "), "network", "a till sells without a network")
}

func TestGroupsOfTheUnitAreMade(t *testing.T) {
	unit, err := Files.ReadFile("linux/kopilka-agent.service")
	require.NoError(t, err)
	users, err := Files.ReadFile("linux/kopilka.sysusers")
	require.NoError(t, err)
	groups := regexp.MustCompile(`(?m)^SupplementaryGroups=(.*)$`).FindSubmatch(unit)
	require.NotNil(t, groups)
	for _, g := range strings.Fields(string(groups[1])) {
		require.Regexp(t, `(?m)^g `+g+` -$`, string(users), "systemd does not start a unit with a group that is not there")
	}
	require.Regexp(t, `(?m)^u kopilka `, string(users))
}

func TestNoTextFileHasWindowsLineEnds(t *testing.T) {
	seen := 0
	require.NoError(t, fs.WalkDir(Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		seen++
		b, err := Files.ReadFile(path)
		require.NotContains(t, string(b), "\r", path)
		return err
	}))
	require.Equal(t, 10, seen)
}

func TestSentences(t *testing.T) {
	for _, c := range []struct {
		name string
		st   Status
		ru   string
		en   string
	}{
		{"absent", Status{}, "не установлена", "not installed"},
		{"well", Status{Installed: true, Automatic: true, Running: true, PID: 71}, "работает (процесс 71)", "runs (process 71)"},
		{"by hand", Status{Installed: true, Running: true, PID: 71}, "не запустится вместе с машиной", "will not start with the machine"},
		{"crashes", Status{Installed: true, Automatic: true, Running: true, Restarts: 3}, "раз: 3", "times: 3"},
		{"down", Status{Installed: true, Automatic: true, State: "failed/failed"}, "не работает (failed/failed)", "does not run (failed/failed)"},
		{"image", Status{Installed: true, Automatic: true, NoManager: true}, "запустится вместе с машиной", "starts with the machine"},
		{"image, off", Status{Installed: true, NoManager: true}, "не включена", "not enabled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Contains(t, c.st.Sentence(false), c.ru)
			require.Contains(t, c.st.Sentence(true), c.en)
		})
	}
}

func TestBadPathsAreRefused(t *testing.T) {
	for _, path := range []string{"kopilka-agent", "/opt/a\nb", `/opt/a"b`, "/opt/%h/a", "/opt/$HOME"} {
		err := Service{Root: t.TempDir(), Program: path}.Install(t.Context())
		require.ErrorIs(t, err, ErrPath, path)
	}
}

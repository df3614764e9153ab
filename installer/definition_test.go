package installer

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The first is known of every Windows since Vista.
func TestServiceSID(t *testing.T) {
	require.Equal(t, "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464", serviceSID("TrustedInstaller"))
	d, err := readDefinition()
	require.NoError(t, err)
	require.NotContains(t, d.rights(d.FolderRights), "{")
	require.Contains(t, d.rights(d.SharedRights), ";;;"+serviceSID(d.Name)+")")
}

// What the till may do on Windows is written down in one place, and a slip there would be seen by a thief first.
func TestTheTillsServiceIsConfined(t *testing.T) {
	d, err := readDefinition()
	require.NoError(t, err)
	require.Equal(t, `NT SERVICE\`+d.Name, d.Account, "Windows makes this account by the service's name")
	require.Equal(t, []string{"SeChangeNotifyPrivilege"}, d.Privileges)
	require.Positive(t, d.ShutdownSeconds)
	require.Equal(t, "LocalSystem", d.Updater.Account, "it writes into Program Files")
	for _, sddl := range []string{d.Updater.FolderRights, d.ProgramsRights} {
		require.NotRegexp(t, `;0x1301bf;|;(FA|GA|GW|FW);;;(BU|IU|WD|AU)|{service}`, sddl, "only administrators write what LocalSystem runs and believes")
		require.True(t, strings.HasPrefix(sddl, "D:P"), "in the root of a drive rights for everybody are inherited")
	}
	require.Contains(t, d.SharedRights, "(A;;FR;;;{service})", "the config says which folder the service is given")
	require.NotRegexp(t, `;(FA|GA|GW|FW|0x1[0-9a-f]*(b|f)f);;;{service}`, d.SharedRights)
	require.Contains(t, d.FolderRights, "(A;;0x1201bf;;;{service})", "it may not rename the folder: it would put another config there")
	require.NotEqual(t, d.Folder, d.Updater.Folder)
}

func TestTheStandInAccountIsNamed(t *testing.T) {
	d, err := readDefinition()
	require.NoError(t, err)
	st := Status{Installed: true, Automatic: true, Running: true, PID: 7, Account: d.AccountElsewhere}
	require.Contains(t, st.Sentence(true), `There is no account NT SERVICE\Kopilka here`)
	require.Contains(t, st.Sentence(false), `работает как NT AUTHORITY\LocalService`)
	st.Account = d.Account
	require.NotContains(t, st.Sentence(true), "account")
}

package installer

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Errors of folders and files that are not given away.
var (
	errLink = errors.New("it leads elsewhere (a link or a junction): put a plain folder or file in its place / " +
		"это ссылка на другое место: замените её обычной папкой или файлом")
	errForeign = errors.New("it belongs to somebody who is no administrator: delete it, or have an administrator take it over, and install again / " +
		"владелец не администратор: удалите это или сделайте владельцем администратора и повторите установку")
)

// held is a folder or file that is open: until it is let go nobody can move it away and put another one in its place.
type held struct {
	path   string
	handle windows.Handle
	info   windows.ByHandleFileInformation
}

// hold opens what has this very name: a link is not followed, it is what is held.
func hold(path string) (*held, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	f := &held{path: path}
	// Reading the list is what makes Windows keep others from renaming; questions about the rights alone would not.
	f.handle, err = windows.CreateFile(name, windows.FILE_LIST_DIRECTORY|windows.FILE_READ_ATTRIBUTES|windows.READ_CONTROL,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, nil, windows.OPEN_EXISTING,
		windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, rights(err))
	}
	if err := windows.GetFileInformationByHandle(f.handle, &f.info); err != nil {
		return nil, errors.Join(fmt.Errorf("look at %s: %w", path, rights(err)), f.letGo())
	}
	return f, nil
}

func (f *held) letGo() error { return windows.CloseHandle(f.handle) }

func (f *held) has(attribute uint32) bool { return f.info.FileAttributes&attribute != 0 }

// plain refuses what another name leads to as well, or what is a way to somewhere else: its rights would be changed there.
func (f *held) plain(folder bool) error {
	switch {
	case f.has(windows.FILE_ATTRIBUTE_REPARSE_POINT), !folder && f.info.NumberOfLinks > 1:
		return fmt.Errorf("%s: %w", f.path, errLink)
	case f.has(windows.FILE_ATTRIBUTE_DIRECTORY) != folder:
		return fmt.Errorf("%s: a folder is a file, or the other way round / файл вместо папки или наоборот", f.path)
	}
	return nil
}

// place is where it lies: without short names, and behind the links that folders above may be.
func (f *held) place() (string, error) {
	b := make([]uint16, windows.MAX_LONG_PATH)
	n, err := windows.GetFinalPathNameByHandle(f.handle, &b[0], uint32(len(b)), 0) //nolint:gosec // a constant
	if err != nil {
		return "", fmt.Errorf("find out where %s lies: %w", f.path, rights(err))
	}
	return strings.TrimPrefix(windows.UTF16ToString(b[:min(int(n), len(b))]), `\\?\`), nil
}

// owner is who may change its rights at any time.
func (f *held) owner() (*windows.SID, error) {
	sd, err := windows.GetSecurityInfo(f.handle, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return nil, fmt.Errorf("ask who owns %s: %w", f.path, rights(err))
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return nil, fmt.Errorf("ask who owns %s: %w", f.path, err)
	}
	if owner == nil {
		return nil, fmt.Errorf("%s has no owner: %w", f.path, errForeign)
	}
	return owner, nil
}

// trusted tells whether its owner is one who may change the whole machine.
func (f *held) trusted() (bool, error) {
	owner, err := f.owner()
	return err == nil && administrator(owner), err
}

// administrator also knows the person who runs this: who installs a service of LocalSystem is one, and may own things in
// the own name.
func administrator(sid *windows.SID) bool {
	if sid.IsWellKnown(windows.WinLocalSystemSid) || sid.IsWellKnown(windows.WinBuiltinAdministratorsSid) ||
		sid.String() == serviceSID("TrustedInstaller") {
		return true
	}
	self, err := windows.GetCurrentProcessToken().GetTokenUser()
	return err == nil && sid.Equals(self.User.Sid)
}

// give makes the administrators its owner and sets its rights. The owner comes first: the one before may have shut
// everybody else out.
func (f *held) give(sddl string) error {
	sd, err := windows.SecurityDescriptorFromString(ownedBy + sddl)
	if err != nil {
		return fmt.Errorf("rights of %s: %w", f.path, err)
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return fmt.Errorf("rights of %s: %w", f.path, err)
	}
	acl, _, err := sd.DACL()
	if err != nil {
		return fmt.Errorf("rights of %s: %w", f.path, err)
	}
	err = windows.SetNamedSecurityInfo(f.path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION, owner, nil, nil, nil)
	if err != nil {
		return fmt.Errorf("make the administrators the owner of %s: %w", f.path, rights(err))
	}
	kind := windows.SECURITY_INFORMATION(windows.PROTECTED_DACL_SECURITY_INFORMATION)
	if acl.AceCount == 0 {
		kind = windows.UNPROTECTED_DACL_SECURITY_INFORMATION // inherited
	}
	err = windows.SetNamedSecurityInfo(f.path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION|kind, nil, nil, acl, nil)
	if err != nil {
		return fmt.Errorf("set the rights of %s: %w", f.path, rights(err))
	}
	return nil
}

const (
	ownedBy   = "O:BA"
	inherited = "D:" // no rights of its own
)

// asAdministrator turns on what an administrator may do and programs have to ask for: to look into, to take and to hand on
// what belongs to others. Whoever lacks it is told by the step that wants it.
func asAdministrator() {
	var token windows.Token
	if windows.OpenProcessToken(windows.CurrentProcess(), windows.TOKEN_ADJUST_PRIVILEGES|windows.TOKEN_QUERY, &token) != nil {
		return
	}
	defer func() { _ = token.Close() }()
	for _, name := range []string{"SeTakeOwnershipPrivilege", "SeRestorePrivilege", "SeBackupPrivilege"} {
		text, err := windows.UTF16PtrFromString(name)
		p := windows.Tokenprivileges{PrivilegeCount: 1}
		if err != nil || windows.LookupPrivilegeValue(nil, text, &p.Privileges[0].Luid) != nil {
			continue
		}
		p.Privileges[0].Attributes = windows.SE_PRIVILEGE_ENABLED
		_ = windows.AdjustTokenPrivileges(token, false, &p, 0, nil, nil)
	}
}

// makeWith makes a folder that has its rights from its first moment, or those of the folder above where sddl is empty;
// fresh: it was not there.
func makeWith(path, sddl string) (fresh bool, err error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return false, fmt.Errorf("make %s: %w", path, err)
	}
	var sa windows.SecurityAttributes
	sa.Length = uint32(unsafe.Sizeof(sa))
	if sddl != "" {
		if sa.SecurityDescriptor, err = windows.SecurityDescriptorFromString(ownedBy + sddl); err != nil {
			return false, fmt.Errorf("rights of %s: %w", path, err)
		}
	}
	err = windows.CreateDirectory(name, &sa)
	if errors.Is(err, windows.ERROR_ALREADY_EXISTS) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("make %s: %w", path, rights(err))
	}
	return true, nil
}

package installer

import (
	"errors"
	"fmt"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"
)

// errAbove is wrapped for a folder of programs that somebody could exchange whole.
var errAbove = errors.New("people who are no administrators may move this folder, or what is in it: install into a folder in the root of a drive or into Program Files / " +
	"не только администраторы могут переместить эту папку или то, что в ней: ставьте в папку в корне диска или в Program Files")

// guardPrograms leaves the folder of the programs to administrators: LocalSystem runs what lies there, and a folder made in the
// root of a drive is everybody's to write. What is in Program Files has its rights from Windows.
func (s Service) guardPrograms(d definition) (err error) {
	programs := s.programs()
	if programs == "" {
		return nil
	}
	asAdministrator()
	f, err := hold(programs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.letGo()) }()
	if err := f.plain(true); err != nil {
		return err
	}
	place, err := f.place()
	if err != nil {
		return err
	}
	for _, c := range programFolders() {
		if inside(place, c) {
			return nil
		}
	}
	if err := f.give(d.ProgramsRights); err != nil {
		return err
	}
	if err := above(place); err != nil {
		return err
	}
	return below(programs, func(f *held) error {
		ours, err := f.trusted()
		if err == nil && !ours {
			err = fmt.Errorf("%s: %w", f.path, errForeign)
		}
		return err
	})
}

// Rights (winnt.h) by which a folder is exchanged for another one: its own, or those of the folder that it is in.
const (
	exchangeBelow = 0x40 | windows.WRITE_DAC | windows.WRITE_OWNER // 0x40: to delete what is in a folder
	exchange      = exchangeBelow | windows.DELETE
)

// above refuses a folder that lies in one which others may rename: they would put theirs in its place, before the
// service starts. Nobody renames the root of a drive.
func above(place string) error {
	for folder := filepath.Dir(place); ; folder = filepath.Dir(folder) {
		mask := windows.ACCESS_MASK(exchange)
		root := folder == filepath.Dir(folder)
		if root {
			mask = exchangeBelow
		}
		others, err := allows(folder, mask)
		if err != nil {
			return err
		}
		if others {
			return fmt.Errorf("%s: %w", folder, errAbove)
		}
		if root {
			return nil
		}
	}
}

// allows tells whether others than administrators have one of the rights to the folder. What is denied is not looked at:
// rather one folder too many is refused.
func allows(path string, mask windows.ACCESS_MASK) (bool, error) {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return false, fmt.Errorf("ask who may change %s: %w", path, rights(err))
	}
	owner, _, err := sd.Owner()
	if err != nil || owner == nil || !administrator(owner) {
		return true, err
	}
	acl, _, err := sd.DACL()
	if errors.Is(err, windows.ERROR_OBJECT_NOT_FOUND) || acl == nil && err == nil {
		return true, nil // no list: everybody may do everything
	}
	if err != nil {
		return false, fmt.Errorf("ask who may change %s: %w", path, err)
	}
	for i := range acl.AceCount {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(acl, uint32(i), &ace); err != nil {
			return false, fmt.Errorf("ask who may change %s: %w", path, err)
		}
		if ace.Header.AceType != windows.ACCESS_ALLOWED_ACE_TYPE || ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 {
			continue
		}
		if ace.Mask&(mask|windows.GENERIC_ALL) != 0 && !administrator((*windows.SID)(unsafe.Pointer(&ace.SidStart))) {
			return true, nil
		}
	}
	return false, nil
}

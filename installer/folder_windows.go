package installer

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

func folder(u daemon) (string, error) {
	data, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, windows.KF_FLAG_DEFAULT)
	if err != nil {
		return "", fmt.Errorf("find ProgramData: %w", err)
	}
	return filepath.Join(data, u.Folder), nil
}

// makeFolder gives the folder its rights each time: files below that were made under older ones take them over.
func (d definition) makeFolder(u daemon) error {
	path, err := folder(u)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return rights(err)
	}
	return setRights(path, d.rights(u.FolderRights))
}

// Own makes a data folder elsewhere the service's: nobody else may read what is in it.
func (s Service) Own(path string) error {
	d, err := readDefinition()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", rights(err))
	}
	return setRights(path, d.rights(d.FolderRights))
}

// Share lets the person at the screen read one file of the data folder.
func (s Service) Share(path string) error {
	d, err := readDefinition()
	if err != nil {
		return err
	}
	return setRights(path, d.rights(d.SharedRights))
}

func setRights(path, sddl string) error {
	sd, err := windows.SecurityDescriptorFromString(sddl)
	if err != nil {
		return fmt.Errorf("rights of %s: %w", path, err)
	}
	acl, _, err := sd.DACL()
	if err != nil {
		return fmt.Errorf("rights of %s: %w", path, err)
	}
	err = windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, acl, nil)
	if err != nil {
		return fmt.Errorf("set the rights of %s: %w", path, rights(err))
	}
	return nil
}

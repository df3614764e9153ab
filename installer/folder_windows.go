package installer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/windows"
)

// errNotOurs is wrapped for a folder that the till's service must never be given.
var errNotOurs = errors.New("it cannot be the data folder: it is a whole drive, or holds or lies in the folder of Windows, of programs, of the updater or of people. " +
	`Give another one in the config, as data: C:\ProgramData\Kopilka / ` +
	"эта папка не может быть папкой данных: это целый диск, либо в ней или над ней папка Windows, программ, службы обновлений или пользователей. " +
	`Укажите в настройках другую, например data: C:\ProgramData\Kopilka`)

func folder(u daemon) (string, error) {
	data, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, windows.KF_FLAG_DEFAULT)
	if err != nil {
		return "", fmt.Errorf("find ProgramData: %w", err)
	}
	return filepath.Join(data, u.Folder), nil
}

// makeFolder gives the till's folder its rights each time: files below that were made under older ones take them over.
// Whoever made it before may be store IT, with a config for the package, or anybody: everybody may make a folder in ProgramData. So
// what is in it stays, and is the administrators' from then on.
func (d definition) makeFolder() error {
	path, err := folder(d.daemon)
	if err != nil {
		return err
	}
	return takeFolder(path, d.rights(d.FolderRights), nil)
}

// makeUpdaterFolder believes nothing that somebody else has put there: it says whose updates are installed. Such a
// folder is moved aside, and aside tells where it is.
func (d definition) makeUpdaterFolder() (aside string, err error) {
	path, err := folder(d.Updater.daemon)
	if err != nil {
		return "", err
	}
	asAdministrator()
	sddl := d.rights(d.Updater.FolderRights)
	fresh, err := makeWith(path, sddl)
	if err != nil {
		return "", err
	}
	if !fresh {
		if aside, err = moveAside(path); err != nil {
			return "", err
		}
	}
	if aside != "" {
		if fresh, err = makeWith(path, sddl); err == nil && !fresh {
			err = fmt.Errorf("%s: %w", path, errForeign) // somebody is faster than we are
		}
		if err != nil {
			return aside, err
		}
	}
	return aside, takeFolder(path, sddl, nil)
}

// moveAside renames the folder where an administrator has not made it; empty: it stayed.
func moveAside(path string) (aside string, err error) {
	f, err := hold(path)
	if err != nil {
		return "", err
	}
	ours := false
	if f.plain(true) == nil {
		ours, err = f.trusted()
	}
	if err := errors.Join(err, f.letGo()); err != nil || ours {
		return "", err
	}
	aside = path + time.Now().UTC().Format(".foreign-20060102-150405.000")
	if err := os.Rename(path, aside); err != nil {
		return "", fmt.Errorf("move %s aside, which no administrator has made: %w", path, rights(err))
	}
	return aside, nil
}

// takeFolder makes a folder with these rights, or gives them to the one that is there. Whether it may is asked before
// anything is given, of the place that the path leads to.
func takeFolder(path, sddl string, may func(place string) error) error {
	asAdministrator()
	first := sddl
	if may != nil {
		first = "" // those of the folder above, until the answer is known
	}
	fresh, err := makeWith(path, first)
	if err != nil {
		return err
	}
	f, err := hold(path)
	if err != nil {
		return err
	}
	refused := f.mayTake(may)
	if refused == nil {
		err = f.take(sddl)
	}
	err = errors.Join(refused, err, f.letGo())
	if refused != nil && fresh {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

func (f *held) mayTake(may func(place string) error) error {
	if err := f.plain(true); err != nil || may == nil {
		return err
	}
	place, err := f.place()
	if err != nil {
		return err
	}
	return may(place)
}

// take leaves what is in the folder alone where an administrator has made it: there are files of the service's, too.
func (f *held) take(sddl string) error {
	ours, err := f.trusted()
	if err != nil {
		return err
	}
	if err := f.give(sddl); err != nil || ours {
		return err
	}
	return below(f.path, func(f *held) error { return f.give(inherited) })
}

// below goes through all that is in a folder. It follows no link, and stops at one.
func below(path string, do func(*held) error) error {
	err := filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return rights(err)
		}
		if name == path {
			return nil
		}
		f, err := hold(name)
		if err != nil {
			return err
		}
		if err = f.plain(f.has(windows.FILE_ATTRIBUTE_DIRECTORY)); err == nil {
			err = do(f)
		}
		return errors.Join(err, f.letGo())
	})
	if err != nil {
		return fmt.Errorf("go through %s: %w", path, err)
	}
	return nil
}

// Own makes a data folder elsewhere the service's: nobody else may read what is in it. The path comes from the config,
// which a till program that was taken over may have written, so that it is not given what would make it the machine's master.
func (s Service) Own(path string) error {
	d, err := readDefinition()
	if err != nil {
		return err
	}
	may := func(place string) error { return s.mayOwn(d, place) }
	if err := may(path); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", rights(err))
	}
	return takeFolder(path, d.rights(d.FolderRights), may)
}

// mayOwn refuses the folders of the system, of programs and of the updater, with all above and below them. Of
// people's folders it refuses those of all of them.
func (s Service) mayOwn(d definition, path string) error {
	path = filepath.Clean(path)
	drive := filepath.VolumeName(path)
	if len(drive) != len("C:") || !filepath.IsAbs(path) || path == filepath.Clean(drive+`\`) {
		return fmt.Errorf("%s: %w", path, errNotOurs)
	}
	closed, err := s.closed(d)
	if err != nil {
		return err
	}
	for _, c := range closed {
		if inside(path, c) || inside(c, path) {
			return fmt.Errorf("%s: %w (%s)", path, errNotOurs, c)
		}
	}
	people, err := windows.KnownFolderPath(windows.FOLDERID_UserProfiles, windows.KF_FLAG_DEFAULT)
	if err != nil {
		return fmt.Errorf("find the folder of people: %w", err)
	}
	// A program that was put somewhere by hand may have its data in a folder beside it.
	for _, c := range []string{people, filepath.Dir(s.program())} {
		if inside(c, path) {
			return fmt.Errorf("%s: %w (%s)", path, errNotOurs, c)
		}
	}
	return nil
}

func (s Service) closed(d definition) ([]string, error) {
	updater, err := folder(d.Updater.daemon)
	if err != nil {
		return nil, err
	}
	list := append(programFolders(), updater)
	if programs := s.programs(); programs != "" {
		list = append(list, programs)
	}
	system, err := windows.KnownFolderPath(windows.FOLDERID_Windows, windows.KF_FLAG_DEFAULT)
	if err != nil {
		return nil, fmt.Errorf("find the folder of Windows: %w", err)
	}
	return append(list, system), nil
}

// programFolders are those whose rights Windows keeps in order; the second one is for 32-bit programs, and not everywhere.
func programFolders() (list []string) {
	for _, id := range []*windows.KNOWNFOLDERID{windows.FOLDERID_ProgramFiles, windows.FOLDERID_ProgramFilesX86} {
		if path, err := windows.KnownFolderPath(id, windows.KF_FLAG_DEFAULT); err == nil {
			list = append(list, path)
		}
	}
	return list
}

// inside tells whether path is the folder or lies below it. Windows tells capitals from small letters nowhere.
func inside(path, folder string) bool {
	end := func(p string) string { return strings.ToLower(strings.TrimRight(filepath.Clean(p), `\`)) + `\` }
	return strings.HasPrefix(end(path), end(folder))
}

// errSelfMade is wrapped for a config that the till's service has put there.
var errSelfMade = errors.New("the till's service has written its own config, which it never does: somebody may have got into it. Look at the file, delete it, then run kopilka-agent enroll / " +
	"служба кассы сама записала свои настройки, чего она никогда не делает: возможно, её взломали. Посмотрите файл, удалите его и выполните kopilka-agent enroll")

// CheckConfig refuses a config that is the service's own: it would say what the service is given.
func (s Service) CheckConfig(path string) (err error) {
	d, err := readDefinition()
	if err != nil {
		return err
	}
	f, err := hold(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.letGo()) }()
	owner, err := f.owner()
	if err == nil && (owner.String() == serviceSID(d.Name) || owner.IsWellKnown(windows.WinLocalServiceSid)) {
		err = fmt.Errorf("%s: %w", path, errSelfMade)
	}
	return err
}

// Share lets the person at the screen read one file of the data folder, and the service no more than read it: the config
// says what an administrator gives to the service.
func (s Service) Share(path string) (err error) {
	d, err := readDefinition()
	if err != nil {
		return err
	}
	asAdministrator()
	f, err := hold(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.letGo()) }()
	if err := f.plain(false); err != nil {
		return err
	}
	return f.give(d.rights(d.SharedRights))
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/installer"
)

const serviceUsage = "service install | uninstall | start | stop | status [-lang ru|en] [-config FILE] [-delayed] [-root FOLDER]"

// readyAfter is how long the till must last before the service manager hears that it is ready. What can be wrong at the
// start (config, device settings, the page's port, the ledger) shows earlier on an ordinary disk, so that
// `service start` tells of it.
const readyAfter = 2 * time.Second

// errNotRunning makes `service status` end with a failure, for scripts; the sentence is printed before.
var errNotRunning = errors.New("the service does not run")

var serviceCommand = command{"the till as a service: install, uninstall, start, stop, status", "касса как служба: install, uninstall, start, stop, status", func(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New("want: kopilka-agent " + serviceUsage)
	}
	o, err := serviceFlags(args[1:])
	if err != nil {
		return err
	}
	switch args[0] {
	case "install":
		return o.install(ctx, out)
	case "uninstall":
		if err := o.service.Uninstall(ctx); err != nil {
			return err
		}
		return o.say(out, "Служба удалена. Журнал продаж, ключ кассы и настройки остались на месте.", "The service is removed. The ledger, the till's key and the config are still there.")
	case "start":
		err = o.start(ctx)
	case "stop":
		return o.stop(ctx, out)
	case "status":
	default:
		return fmt.Errorf("there is no service command %q; want: kopilka-agent %s", args[0], serviceUsage)
	}
	if err != nil {
		return err
	}
	return o.status(ctx, args[0] == "status", out)
}}

// start says what to do where the service manager only says that it failed.
func (o serviceOptions) start(ctx context.Context) error {
	err := o.service.Start(ctx)
	if err == nil || errors.Is(err, installer.ErrRights) {
		return err
	}
	last := lastLogged(ctx)
	if last != "" {
		last = "\n" + last
	}
	return fmt.Errorf("%w; kopilka-agent doctor tells why / почему, скажет kopilka-agent doctor%s", err, last)
}

// stop says so where it has worked: the status of a service that stands still reads like a complaint.
func (o serviceOptions) stop(ctx context.Context, out io.Writer) error {
	if err := o.service.Stop(ctx); err != nil {
		return err
	}
	st, err := o.service.Status(ctx)
	if err != nil || !st.Installed || st.Running || st.NoManager {
		return o.status(ctx, false, out)
	}
	return o.say(out, "Служба остановлена. Снова запустит kopilka-agent service start.", "The service is stopped. kopilka-agent service start starts it again.")
}

// serviceOptions are what the flags of the service command say.
type serviceOptions struct {
	service installer.Service
	config  string
	lang    string
}

func serviceFlags(args []string) (o serviceOptions, err error) {
	var rest []string
	o.config, rest, err = configFlag("service", args, func(fs *flag.FlagSet) {
		fs.StringVar(&o.lang, "lang", "", "language of what is printed and of the service's name: ru or en; as in the config where it is not given / язык вывода и имени службы, ru или en; без него как в настройках")
		fs.StringVar(&o.service.Root, "root", "", "folder that stands for the machine's root, while an image is built / папка вместо корня машины, при сборке образа")
		fs.BoolVar(&o.service.Delayed, "delayed", false, "Windows: start some minutes after the machine / Windows: запускать через несколько минут после включения")
	})
	if err == nil && o.lang == "" {
		o.lang = o.language()
	}
	switch {
	case err != nil:
		return o, err
	case len(rest) > 0:
		return o, fmt.Errorf("%q is one word too many / лишнее слово; want / надо: kopilka-agent %s", rest[0], serviceUsage)
	case o.lang != "ru" && o.lang != "en":
		return o, fmt.Errorf("want -lang ru or -lang en (got %q)", o.lang)
	}
	o.service.English = o.lang == "en"
	if o.config != agent.DefaultConfigPath {
		if o.service.Config, err = filepath.Abs(o.config); err != nil {
			return o, fmt.Errorf("find the config: %w", err)
		}
	}
	o.service.Program, err = programPath()
	return o, err
}

// programPath is this program, or empty where it is at the usual place. Links are followed, since a
// service must not hang on one in somebody's home. A program of a package, whichever version of it this is, counts
// as the usual place: the link there leads to the version of the day.
func programPath() (string, error) {
	path, err := os.Executable()
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	if path == installer.Program || ofPackage(path) {
		return "", nil
	}
	return path, nil
}

// programs is where packages keep the versions of the program.
const programs = "/usr/lib/kopilka/"

func ofPackage(path string) bool { return strings.HasPrefix(path, programs) }

// dataFolder is what the config says, within the image where one is built. One that cannot be read says nothing, and a
// service is repaired without it.
func (o serviceOptions) dataFolder() string {
	path := o.config
	if o.service.Root != "" {
		path = filepath.Join(o.service.Root, path)
	}
	c, err := agent.LoadConfig(path)
	if err != nil && !filepath.IsAbs(c.Data) {
		return ""
	}
	return filepath.Clean(c.Data)
}

// language is the config's. One that cannot be read is no reason to say nothing.
func (o serviceOptions) language() string {
	c, err := agent.LoadConfig(filepath.Join(o.service.Root, o.config))
	if err != nil || c.Language != "en" {
		return "ru"
	}
	return c.Language
}

func (o serviceOptions) install(ctx context.Context, out io.Writer) error {
	o.service.Data = o.dataFolder()
	if err := o.service.Install(ctx); err != nil {
		return err
	}
	if err := shareWithSession(o); err != nil {
		return err
	}
	return o.say(out,
		"Служба установлена и запустится вместе с машиной. Дальше: kopilka-agent enroll, он же её запустит.",
		"The service is installed and starts with the machine. Next: kopilka-agent enroll, which starts it too.")
}

func (o serviceOptions) status(ctx context.Context, strict bool, out io.Writer) error {
	st, err := o.service.Status(ctx)
	if err != nil {
		return err
	}
	if err := say(out, "%s\n", st.Sentence(o.service.English)); err != nil {
		return err
	}
	if strict && !st.Running {
		return errNotRunning
	}
	return nil
}

func (o serviceOptions) say(out io.Writer, ru, en string) error {
	if o.service.English {
		ru = en
	}
	return say(out, "%s\n", ru)
}

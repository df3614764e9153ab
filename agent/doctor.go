package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kopilka/kopilka/ledger"
)

// Level is how bad a finding is.
type Level string

// The levels.
const (
	LevelOK      Level = "ok"
	LevelWarning Level = "warning" // sells today, will not for ever
	LevelError   Level = "error"   // does not sell, or loses something
)

// Finding is one sentence of the doctor.
type Finding struct {
	Subject string `json:"subject"` // "config", "ledger", "register", "scanner hand"
	Level   Level  `json:"level"`
	Text    Text   `json:"text"`
	Command string `json:"command,omitempty"` // what to type, where something can be typed
}

// Checkup is what the doctor looks at, and the hands with which it reaches beyond this package. The files
// that it names are read; nothing is repaired.
type Checkup struct {
	Now        func() time.Time
	Version    string
	Windows    bool // commands are those of Windows
	Inside     bool // the daemon asks for itself: the ledger is its own
	ConfigPath string
	Config     Config
	ConfigErr  error  // of [LoadConfig], or of the devices' settings
	Ledger     string // folder

	// Service says what the service manager knows.
	Service func(ctx context.Context) (ServiceState, error)
	// Versions are what is installed here, and what updates are about; nil: not asked.
	Versions func() (Versions, error)
	// Rights are what the service's account lacks; nil: there is no such thing here.
	Rights func() Rights
	// LogLevel is how much the running daemon logs; nil: not asked.
	LogLevel func(ctx context.Context) (LogState, error)
	// Daemon asks the running daemon for its view; an error means that none runs.
	Daemon func(ctx context.Context) (View, error)
	// Waiting asks a program that answers but is not enrolled yet; nil: not asked.
	Waiting func(ctx context.Context) (Waits, error)
	// Kept is the head office of an enrolment that is still to be carried out; empty: there is none.
	Kept string
	// Page is why the page's address cannot be listened at; nil: not tried. It wraps [ErrPageTaken] where another
	// program has it.
	Page func() error
	// Limited tells that whoever asks may not look into the data folder: only the running program can judge it.
	Limited bool
	// Free is the space left for the data folder, in bytes.
	Free func(folder string) (uint64, error)
	// Inodes are how many files the file system may still hold, and in all; nil: it does not count them.
	Inodes func(folder string) (free, total uint64, err error)
	// Foreign lists files of the data folder that belong to somebody else than the folder does.
	Foreign func(folder string) ([]string, error)
	// Register dials the register; used only when no daemon holds it.
	Register OpenPrinter
	// Moved is where the register was found when it was not where the config says; empty: it was there. It is
	// asked after Register.
	Moved    func() string
	Printer  OpenSlips   // nil: the config has no receipt printer
	Display  OpenDisplay // nil: the config has no customer display
	Scanners []ScannerProbe
	// Ports lists the serial ports of this machine, Holders the programs that have one open: a device file,
	// or an address as in the config.
	Ports   func() []string
	Holders func(port string) []string
	// Taken is what an error of dialling wraps when another program has the port.
	Taken error
	// Enrolled says whose till this is; empty: nobody's yet. An error means that the key cannot be read.
	Enrolled func() (string, error)
	// HeadOffice tries to reach it.
	HeadOffice func(ctx context.Context) Reach
}

// ScannerProbe is one scanner of the config.
type ScannerProbe struct {
	Name string
	Port string // device file or COM port; empty for one on the network
	Open func(ctx context.Context) error
}

// RoomMin is the space in bytes below which a ledger is soon stopped: bbolt grows its file by 16 MB a time.
const RoomMin = 64 << 20

// Limits beyond which the doctor is not content.
const (
	freeError    = RoomMin
	freeWarning  = 1 << 30                // a year of a busy till takes less
	inodesError  = 100                    // a snapshot of the customers, a log turned, an update: some dozens of files
	inodesShare  = 20                     // one in so many left: something fills the disk with small files
	syncWarning  = 100 * time.Millisecond // two of them are in every sale; a person takes up to 0.1 s for at once (Nielsen, Usability Engineering, 1993)
	stallWarning = time.Second            // the same book: beyond it the thread of thought breaks; seen on worn flash that tidies up
	syncTries    = 32                     // enough that a stall of one in ten is met, and 128 KB of wear
	syncWait     = 3 * time.Second        // for all of them: a dying disk must not hold up what else there is to say
	clockWarning = 2 * time.Minute        // beyond it head office flags sales
	clockError   = 30 * time.Minute       // beyond it certificates and shifts go wrong
	wallWarning  = 5 * time.Minute        // between a register's clock and this machine's: registers keep minutes
	ofdWarning   = 24 * time.Hour         // the register stops selling at ofdLimit
	ofdError     = 20 * 24 * time.Hour
	ofdLimit     = 30 * 24 * time.Hour // 54-FZ: the fiscal storage signs nothing more until it is rid of its documents
	fnWarning    = 30 * 24 * time.Hour // a new fiscal storage is ordered and registered in a week or two
	certWarning  = 14 * 24 * time.Hour // who renews by himself does so with 15 days of 45 left, or 30 of 90: he has failed
	probeWait    = 15 * time.Second    // for one device or for head office
	foreignMax   = 3                   // names in a sentence
)

// Doctor examines a till and says what it finds, also what is in order. Where the daemon runs, it is asked,
// since the ledger and the devices are its own.
func Doctor(ctx context.Context, c Checkup) []Finding {
	e := &examination{Checkup: c}
	e.service(ctx)
	e.versions()
	e.config()
	e.ask(ctx)
	e.trust()
	e.logLevel(ctx)
	if e.Limited {
		e.warn("rights", e.onSystem("sudo kopilka-agent doctor", "kopilka-agent doctor"), say("Папка данных, диск и ключ кассы без прав администратора не осмотрены: запустите от имени администратора",
			"The data folder, the disk and the till's key were not examined for want of rights: run as an administrator"))
		if e.view != nil {
			e.ledgerOpen()
		}
	} else {
		e.folder()
		e.rights()
		e.disk()
		e.ledger()
	}
	e.clock()
	switch {
	case e.waits != nil:
		e.findings = append(e.findings, e.waits.Devices...)
	case !e.other && (e.view != nil || !e.Limited):
		e.register(ctx)
		e.printer(ctx)
		e.display(ctx)
		e.scanners(ctx)
	}
	e.headOffice(ctx)
	return e.findings
}

// Worst is the level of the worst finding.
func Worst(findings []Finding) Level {
	order := []Level{LevelOK, LevelWarning, LevelError}
	worst := 0
	for _, f := range findings {
		worst = max(worst, slices.Index(order, f.Level))
	}
	return order[worst]
}

type examination struct {
	Checkup
	findings  []Finding
	view      *View          // of the daemon, where it runs
	waits     *Waits         // it runs, and the till is not enrolled
	other     bool           // it has other settings than the file: its devices are not the file's
	zone      *time.Location // of the store; nil: not known
	enabled   bool           // the service: this machine is to sell
	untrusted bool           // the updater knows nobody to believe
	expired   bool           // the register's fiscal storage, and it is said
	last      time.Time      // trusted time that the till has seen; zero where unknown
}

func (e *examination) find(subject string, level Level, command string, text Text) {
	e.findings = append(e.findings, Finding{Subject: subject, Level: level, Text: text, Command: command})
}

func (e *examination) ok(subject string, text Text) { e.find(subject, LevelOK, "", text) }

func (e *examination) warn(subject, command string, text Text) {
	e.find(subject, LevelWarning, command, text)
}

func (e *examination) bad(subject, command string, text Text) {
	e.find(subject, LevelError, command, text)
}

func (e *examination) config() {
	if e.ConfigErr == nil {
		e.ok("config", say("Настройки %s в порядке", "Config %s is in order", e.ConfigPath))
		return
	}
	for _, err := range leaves(e.ConfigErr) {
		var p *ConfigProblem
		switch {
		case errors.As(err, &p):
			e.bad("config", "kopilka-agent check-config", say("Исправьте %[1]s: %[2]s", "Put %[1]s right: %[3]s", e.ConfigPath, p.In("ru"), p.In("en")))
		case errors.Is(err, fs.ErrNotExist):
			e.bad("config", "", say("Файла настроек %s нет: скопируйте config.example.yaml и впишите порт кассы", "There is no config file %s: copy config.example.yaml and put the register's port in", e.ConfigPath))
		case errors.Is(err, fs.ErrPermission):
			e.bad("config", "sudo kopilka-agent doctor", say("Файл настроек %s нельзя прочитать: запустите от имени администратора", "The config file %s may not be read: run as an administrator", e.ConfigPath))
		default:
			e.bad("config", "kopilka-agent check-config", say("Исправьте %[1]s: %[2]v", "Put %[1]s right: %[2]v", e.ConfigPath, err))
		}
	}
}

// leaves takes joined errors apart, since each is a sentence.
func leaves(err error) []error {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return []error{err}
	}
	var all []error
	for _, one := range joined.Unwrap() {
		all = append(all, leaves(one)...)
	}
	return all
}

func (e *examination) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, probeWait)
	defer cancel()
	v, err := e.Daemon(ctx)
	if err != nil && e.notEnrolled(ctx) {
		return
	}
	if err != nil && e.Inside { // its devices and ledger stay its own all the same
		e.other = true
		e.bad("daemon", "kopilka-agent service stop && kopilka-agent service start", say("Касса ничего не показывает (%v): если так и через минуту, перезапустите службу", "The till shows nothing (%v): if that lasts for a minute, restart the service", err))
		return
	}
	if err != nil && e.pageTaken() {
		return
	}
	if err != nil && e.Limited {
		e.find("daemon", e.silence(), "sudo kopilka-agent service start", say("Программа кассы не отвечает на %s, устройства не осмотрены", "The till program does not answer at %s, devices were not examined", e.Config.Page))
		return
	}
	if err != nil {
		e.find("daemon", e.silence(), "kopilka-agent service start", say("Программа кассы не отвечает на %s: устройства проверены напрямую", "The till program does not answer at %s: devices were examined directly", e.Config.Page))
		return
	}
	e.view, e.last = &v, v.Now.Time()
	e.inZone(v.Zone)
	e.ok("daemon", say("Программа кассы отвечает на %s", "The till program answers at %s", e.Config.Page))
	e.settled()
	for _, n := range v.Notices {
		if n.Level == "error" {
			e.bad("daemon", "", n.Text)
		}
	}
	if v.Unknown != nil {
		e.bad("daemon", "", v.Unknown.Text)
	}
}

// silence is how bad it is that the program does not answer: where its service is enabled, nobody can sell.
func (e *examination) silence() Level {
	if e.enabled {
		return LevelError
	}
	return LevelWarning
}

func (e *examination) folder() {
	info, err := os.Stat(e.Config.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.bad("folder", "kopilka-agent enrol", say("Папки данных %s нет: касса ещё не подключена к головному офису", "There is no data folder %s: the till is not enrolled yet", e.Config.Data))
		return
	case errors.Is(err, fs.ErrPermission):
		e.bad("folder", "sudo kopilka-agent doctor", say("Папка данных %s закрыта для вас: запустите от имени администратора", "The data folder %s is closed to you: run as an administrator", e.Config.Data))
		return
	case err != nil:
		e.bad("folder", "", say("Папка данных не читается: %v", "The data folder cannot be read: %v", err))
		return
	case !info.IsDir():
		e.bad("folder", "", say("%s не папка: исправьте data в настройках", "%s is no folder: put data right in the config", e.Config.Data))
		return
	}
	e.owners()
}

func (e *examination) owners() {
	foreign, err := e.Foreign(e.Config.Data)
	switch {
	case errors.Is(err, fs.ErrPermission):
		e.bad("folder", "sudo kopilka-agent doctor", say("Часть папки данных закрыта для вас: запустите от имени администратора", "Part of the data folder is closed to you: run as an administrator"))
	case err != nil:
		e.bad("folder", "", say("Папка данных не читается: %v", "The data folder cannot be read: %v", err))
	case len(foreign) > 0:
		shown := foreign[:min(len(foreign), foreignMax)]
		e.bad("folder", fmt.Sprintf("chown -R --reference=%[1]s %[1]s", e.quoted(e.Config.Data)),
			say("Чужие файлы в папке данных, служба их не откроет (%[1]d): %[2]v", "Files of another owner in the data folder, the service cannot open them (%[1]d): %[2]v", len(foreign), shown))
	default:
		e.ok("folder", say("Папка данных %s доступна", "The data folder %s is accessible", e.Config.Data))
	}
}

// ledger checks the file where nobody has it open. It never makes one: a ledger made by an administrator
// would be closed to the service.
func (e *examination) ledger() {
	if e.waits != nil || e.Kept != "" {
		return // it comes with the enrolment
	}
	if _, err := os.Stat(filepath.Join(e.Ledger, ledger.FileName)); err != nil {
		if !errors.Is(err, fs.ErrPermission) {
			e.bad("ledger", "kopilka-agent enrol", say("Журнала продаж ещё нет: подключите кассу к головному офису", "There is no ledger yet: enrol the till"))
		}
		return
	}
	if e.Inside {
		if e.view != nil {
			e.ledgerOpen()
		}
		return
	}
	l, err := ledger.Open(e.Ledger, ledger.Options{})
	switch {
	case errors.Is(err, ledger.ErrLocked) && e.view != nil:
		e.ledgerOpen()
		return
	case errors.Is(err, ledger.ErrLocked):
		e.bad("ledger", "kopilka-agent service stop", say("Журнал продаж занят другой программой, а программа кассы не отвечает: перезапустите службу", "Another program has the ledger, and the till program does not answer: restart the service"))
		return
	case err != nil:
		e.bad("ledger", "", say("Журнал продаж не открывается: %v. Ничего не удаляйте, позовите поддержку", "The ledger cannot be opened: %v. Delete nothing, call support", err))
		return
	}
	e.checkLedger(l)
	if err := l.Close(); err != nil {
		e.bad("ledger", "", say("Журнал продаж не закрылся: %v", "The ledger could not be closed: %v", err))
	}
}

// ledgerOpen is about a ledger that the till program has open: a full check would keep it from writing.
func (e *examination) ledgerOpen() {
	if e.view.Stopped {
		e.bad("ledger", e.onSystem("df -h ", "fsutil volume diskfree ")+e.quoted(e.Config.Data), say("Журнал продаж остановился: на диск не записать, касса не продаёт. Освободите место (нужно %[1]d МБ): касса перезапустится сама и проверит журнал",
			"The ledger has stopped: the disk cannot be written, the till does not sell. Make room (%[1]d MB): the till starts anew by itself and checks the ledger", RoomMin>>20))
		return
	}
	e.ok("ledger", say("Журнал продаж открыт программой кассы, она работает, не передано в офис записей: %d; полная проверка — при остановленной службе",
		"The till program has the ledger open and works, %d records not yet handed to head office; a full check wants the service stopped", e.view.Network.Unsent))
}

func (e *examination) checkLedger(l *ledger.Ledger) {
	report, err := l.Check()
	for _, one := range leaves(err) {
		if one != nil {
			e.bad("ledger", "kopilka-agent ledger verify", say("Журнал продаж повреждён: %v. Ничего не удаляйте, позовите поддержку", "The ledger is damaged: %v. Delete nothing, call support", one))
		}
	}
	for _, w := range report.Warnings {
		e.warn("ledger", "", say("Журнал продаж: %s", "Ledger: %s", w))
	}
	if err == nil {
		e.ok("ledger", say("Журнал продаж цел: записей %[1]d, не переданы в офис: %[2]d", "The ledger is whole: %[1]d records, %[2]d not yet handed to head office", report.Records, l.Unsent()))
	}
	if s, err := l.Settings(); err == nil {
		e.inZone(s.Zone)
	}
	if l.HighWater() != 0 {
		e.last = l.HighWater().Time()
	}
	if job, err := l.Unfinished(); err == nil && job != nil {
		e.warn("ledger", "kopilka-agent service start", say("Последний чек не завершён: программа спросит кассу, когда запустится", "The last receipt is not finished: the program asks the register when it starts"))
	}
}

// clock holds the machine's clock against what the till has seen already.
func (e *examination) clock() {
	now := e.Now()
	if e.last.IsZero() {
		return
	}
	behind := e.last.Sub(now)
	switch {
	case behind > clockWarning:
		e.bad("clock", e.clockCommand(), say("Часы этой машины отстают: они показывают %[1]s, а журнал дошёл до %[2]s. Поставьте время и проверьте батарейку", "This machine's clock is behind: it says %[1]s, the ledger has come to %[2]s. Set the time and have the battery checked", stamp(now), stamp(e.last)))
	case e.view != nil && -behind > clockWarning:
		e.warn("clock", e.clockCommand(), say("Часы этой машины спешат на %[1]s против доверенного времени: поставьте время", "This machine's clock is %[2]s ahead of trusted time: set the time", duration(-behind).RU, duration(-behind).EN))
	default:
		e.ok("clock", say("Часы: %s", "Clock: %s", stamp(now)))
	}
}

// clockCommand has the machine ask for the time.
func (e *examination) clockCommand() string {
	return e.onSystem("sudo timedatectl set-ntp true", "w32tm /resync")
}

// onSystem is the command of the system at hand.
func (e *examination) onSystem(unix, windows string) string {
	if e.Windows {
		return windows
	}
	return unix
}

// plainPath needs no quotes in any console.
var plainPath = regexp.MustCompile(`^[\w./:\\-]+$`)

// quoted is a path as a console takes it for one word.
func (e *examination) quoted(path string) string {
	switch {
	case plainPath.MatchString(path):
		return path
	case e.Windows:
		return `"` + path + `"` // no name there holds this sign
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

func stamp(t time.Time) string { return t.Format("2006-01-02 15:04 MST") }

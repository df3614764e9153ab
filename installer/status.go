package installer

import "fmt"

// Status is the service as its manager sees it.
type Status struct {
	Installed bool
	Automatic bool   // starts with the machine
	Running   bool   //
	State     string // the manager's own word
	PID       int    // zero when it does not run
	Restarts  int    // after failures, since the machine started; Windows does not count them
	Account   string // that it runs under; Windows only
	NoManager bool   // nothing runs here that could start services
}

// Sentence says the status and what to do, in Russian or English.
func (s Status) Sentence(english bool) string {
	ru, en := s.sentences()
	if d, err := readDefinition(); err == nil && s.Account == d.AccountElsewhere {
		ru += fmt.Sprintf(". Учётной записи %s здесь нет: служба работает как %s", d.Account, s.Account)
		en += fmt.Sprintf(". There is no account %s here: the service runs as %s", d.Account, s.Account)
	}
	if english {
		return en
	}
	return ru
}

func (s Status) sentences() (ru, en string) {
	switch {
	case !s.Installed:
		return "Служба не установлена: выполните kopilka-agent service install",
			"The service is not installed: run kopilka-agent service install"
	case s.NoManager && s.Automatic:
		return "Служба установлена и запустится вместе с машиной; сейчас диспетчер служб не работает",
			"The service is installed and starts with the machine; no service manager runs at present"
	case s.NoManager:
		return "Служба установлена, но не включена, и диспетчер служб не работает",
			"The service is installed but not enabled, and no service manager runs"
	case s.Running && !s.Automatic:
		return fmt.Sprintf("Служба работает (процесс %d), но не запустится вместе с машиной: выполните kopilka-agent service install", s.PID),
			fmt.Sprintf("The service runs (process %d), but will not start with the machine: run kopilka-agent service install", s.PID)
	case s.Running && s.Restarts > 0:
		return fmt.Sprintf("Служба работает (процесс %d), но перезапускалась после сбоев, раз: %d. Причину скажет kopilka-agent doctor", s.PID, s.Restarts),
			fmt.Sprintf("The service runs (process %d), but was restarted after failures, times: %d. kopilka-agent doctor tells the reason", s.PID, s.Restarts)
	case s.Running:
		return fmt.Sprintf("Служба работает (процесс %d)", s.PID), fmt.Sprintf("The service runs (process %d)", s.PID)
	}
	return fmt.Sprintf("Служба установлена, но не работает (%s): выполните kopilka-agent service start, причину скажет kopilka-agent doctor", s.State),
		fmt.Sprintf("The service is installed but does not run (%s): run kopilka-agent service start; kopilka-agent doctor tells the reason", s.State)
}

package uplink

import (
	"time"
)

// State is how the connection is, for the cashier's page and for doctor.
type State struct {
	Online  bool      `json:"online"`  // welcomed by head office
	Since   time.Time `json:"since"`   // when Online became what it is
	LastAck time.Time `json:"lastAck"` // when head office last took records; zero: not since the start
	Unsent  uint64    `json:"unsent"`  // records that head office has not acknowledged
	Code    Code      `json:"code"`    // what is wrong, empty when nothing is
	Text    Text      `json:"text"`    // the sentence for it
}

// State is the newest state.
func (u *Uplink) State() State { return *u.state.Load() }

// Changed is signalled when the state has changed; one signal may stand for many.
func (u *Uplink) Changed() <-chan struct{} { return u.changed }

// publish changes the state; only Run's goroutine calls it.
func (u *Uplink) publish(change func(*State)) {
	s := u.State()
	change(&s)
	s.Text = texts[s.Code]
	u.state.Store(&s)
	select {
	case u.changed <- struct{}{}:
	default: // one signal stands for all
	}
}

func (u *Uplink) offline(code Code) {
	u.wishes.forgetAsk()
	u.publish(func(s *State) {
		if s.Online {
			s.Online, s.Since = false, u.Now()
		}
		s.Code, s.Unsent = code, u.unsent(u.Ledger.Acked())
	})
}

func (u *Uplink) online(code Code) {
	u.grumble.reset()
	u.publish(func(s *State) {
		if !s.Online {
			s.Online, s.Since = true, u.Now()
		}
		s.Code = code
	})
}

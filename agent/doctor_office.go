package agent

import (
	"context"
	"net"
	"time"
)

// Step is how far the way to head office was gone.
type Step string

// The steps, in their order.
const (
	StepAddress Step = "address" // the URL cannot be used
	StepName    Step = "name"    // DNS
	StepConnect Step = "connect" // TCP
	StepTLS     Step = "tls"     // certificate
	StepAnswer  Step = "answer"  // HTTP
)

// Reach is the outcome of a try to reach head office. Err is nil when it answered.
type Reach struct {
	Host string
	Port string // of the address, or the usual one of its scheme
	URL  string // its scheme, host and port
	Step Step
	Err  error
	At   time.Time // head office's clock; zero where it did not say
	Took time.Duration

	Trust   Trust     // why the certificate is not trusted; empty where it is, or was not seen
	Expires time.Time // the first day on which a certificate of the chain is good no more; zero: not seen
	Issuer  string    // who signed it
}

// Trust is why a certificate is not trusted.
type Trust string

// The reasons.
const (
	TrustOther   Trust = ""        // the error says what it can
	TrustExpired Trust = "expired" // it was good once
	TrustFuture  Trust = "not-yet" // it is not good yet, by this machine's clock
	TrustName    Trust = "name"    // it is for other names
	TrustUnknown Trust = "unknown" // nobody whom this machine knows signed it
)

func (e *examination) headOffice(ctx context.Context) {
	e.enrolment()
	ctx, cancel := context.WithTimeout(ctx, probeWait)
	defer cancel()
	r := e.HeadOffice(ctx)
	unknown := r.Step == StepAddress && (e.Limited || e.waits != nil) // the key names it, or somebody will
	if r.Err != nil && !unknown {
		text := unreached(r)
		if r.Step == StepTLS {
			text = distrusted(r)
		}
		e.warn("head office", e.reachCommand(r), text)
	} else if r.Err == nil {
		e.certificate(r)
		e.ok("head office", say("Головной офис %[1]s отвечает за %[2]v", "Head office %[1]s answers in %[2]v", r.Host, millis(r.Took.Round(time.Millisecond))))
		e.headClock(r.At)
	}
	if e.view != nil && !e.view.Network.Online && e.view.Network.Text != nil {
		e.warn("head office", "", *e.view.Network.Text)
	}
}

// unreached is no error: a till sells without head office.
func unreached(r Reach) Text {
	switch r.Step {
	case StepAddress:
		return say("Адрес головного офиса неизвестен: впишите head_office.url или подключите кассу", "The address of head office is unknown: set head_office.url or enrol the till")
	case StepName:
		return say("Имя %[1]s не найдено (%[2]v): проверьте интернет и DNS", "The name %[1]s is not found (%[2]v): check the internet connection and DNS", r.Host, r.Err)
	case StepConnect:
		return say("С %[1]s нет соединения (%[2]v): проверьте интернет, прокси и межсетевой экран", "No connection to %[1]s (%[2]v): check the internet connection, proxy and firewall", r.at(), r.Err)
	case StepTLS, StepAnswer:
	}
	return say("%[1]s не отвечает как головной офис (%[2]v): проверьте адрес", "%[1]s does not answer as head office does (%[2]v): check the address", r.at(), r.Err)
}

// at is where the connection went.
func (r Reach) at() string {
	if r.Port == "" {
		return r.Host
	}
	return net.JoinHostPort(r.Host, r.Port)
}

func (e *examination) headClock(at time.Time) {
	if at.IsZero() {
		return
	}
	off := e.Now().Sub(at).Abs()
	d := apart(off)
	text := say("Часы этой машины расходятся с головным офисом на %[1]s: поставьте время", "This machine's clock differs from head office's by %[2]s: set the time", d.RU, d.EN)
	switch {
	case off > clockError:
		e.bad("clock", e.clockCommand(), text)
	case off > clockWarning:
		e.warn("clock", e.clockCommand(), text)
	}
}

// reachCommand shows more of the step that failed.
func (e *examination) reachCommand(r Reach) string {
	switch r.Step {
	case StepAddress:
		return "kopilka-agent enrol"
	case StepName:
		return "nslookup " + r.Host
	case StepConnect, StepAnswer:
		return "curl -v " + r.URL + "/"
	case StepTLS:
		if r.Trust == TrustExpired || r.Trust == TrustFuture {
			return e.clockCommand()
		}
		return "curl -v " + r.URL + "/"
	}
	return ""
}

// distrusted says why head office's certificate is refused, since each reason is another person's to mend.
func distrusted(r Reach) Text {
	day := r.Expires.Format("02.01.2006")
	switch r.Trust {
	case TrustExpired:
		return say("Срок сертификата %[1]s кончился %[2]s: если часы этой машины верны, сертификат должен обновить головной офис", "The certificate of %[1]s expired on %[2]s: if this machine's clock is right, head office must renew it", r.Host, day)
	case TrustFuture:
		return say("Сертификат %s по часам этой машины ещё не действует: поставьте время", "By this machine's clock the certificate of %s is not valid yet: set the time", r.Host)
	case TrustName:
		return say("Сертификат выдан не на имя %[1]s (%[2]v): проверьте адрес головного офиса; так бывает и в чужой сети Wi-Fi", "The certificate is not for the name %[1]s (%[2]v): check head office's address; a stranger's Wi-Fi does this too", r.Host, r.Err)
	case TrustUnknown:
		return say("Сертификат %[1]s подписал тот, кого эта машина не знает (%[2]s): установите корневой сертификат своей сети, если он её, или уберите программу, которая вскрывает трафик", "The certificate of %[1]s is signed by one whom this machine does not know (%[2]s): install your network's root certificate if it is hers, or remove the program that opens up traffic", r.Host, orWord(r.Issuer, "?"))
	case TrustOther:
	}
	return say("Сертификату %[1]s нет доверия (%[2]v): проверьте дату на этой машине и программы, которые вскрывают трафик", "The certificate of %[1]s is not trusted (%[2]v): check this machine's date and programs that open up traffic", r.Host, r.Err)
}

// certificate says how long a trusted certificate lasts.
func (e *examination) certificate(r Reach) {
	if r.Expires.IsZero() {
		return
	}
	left, day := int(r.Expires.Sub(e.Now())/(24*time.Hour)), r.Expires.Format("02.01.2006")
	if r.Expires.Sub(e.Now()) < certWarning {
		e.warn("head office", "curl -v "+r.URL+"/", say("Сертификат %[1]s кончается %[2]s, осталось дней: %[3]d. Пусть головной офис обновит его: без него кассы продают, но не связываются с офисом", "The certificate of %[1]s expires on %[2]s, %[3]d days are left. Have head office renew it: without it tills sell, but cannot reach head office", r.Host, day, left))
		return
	}
	e.ok("head office", say("Сертификат %[1]s действует до %[2]s, осталось дней: %[3]d", "The certificate of %[1]s is good until %[2]s, %[3]d days are left", r.Host, day, left))
}

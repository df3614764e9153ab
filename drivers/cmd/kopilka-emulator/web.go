package main

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rsc.io/qr"

	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/ledger/sale"
)

//go:embed assets
var assets embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"next":  func(i int) int { return i + 1 },
	"slips": slips,
	"money": func(p price, point string) string { return strings.Replace(p.String(), ".", point, 1) },
}).ParseFS(assets, "assets/*.html"))

// bodyMax bounds what a page may post: a code and its form.
const bodyMax = 4096

func (s *shop) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/counters/1", http.StatusSeeOther)
	})
	mux.Handle("GET /assets/", http.FileServerFS(assets))
	mux.HandleFunc("GET /qr.svg", drawQR)
	mux.HandleFunc("GET /counters/{n}", s.at(s.page))
	mux.HandleFunc("GET /counters/{n}/state.json", s.at(func(w http.ResponseWriter, _ *http.Request, k *counter) { reply(w, k.view()) }))
	mux.HandleFunc("GET /counters/{n}/tape.json", s.at(func(w http.ResponseWriter, _ *http.Request, k *counter) { reply(w, k.reg.Tape()) }))
	mux.HandleFunc("GET /counters/{n}/storage.json", s.at(archive))
	mux.HandleFunc("GET /counters/{n}/events", s.at(events))
	mux.HandleFunc("POST /counters/{n}/scan", s.at(s.scan))
	mux.HandleFunc("POST /counters/{n}/switch", s.at(throw))
	return guard(mux)
}

// guard keeps other sites out: the page has no password, so a name that is not this machine's (DNS
// rebinding) is refused, and a post must be JSON, which no form of another site can send.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if !strings.Contains(host, ":") {
			host += ":80"
		}
		if !loopback(host) {
			http.Error(w, "this page answers only under the name of this machine", http.StatusForbidden)
			return
		}
		if r.Method == http.MethodPost && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			http.Error(w, "post JSON", http.StatusUnsupportedMediaType)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, bodyMax)
		next.ServeHTTP(w, r)
	})
}

// at finds the counter that a path names.
func (s *shop) at(f func(http.ResponseWriter, *http.Request, *counter)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.PathValue("n"))
		if err != nil || n < 1 || n > len(s.counters) {
			http.Error(w, "no such counter", http.StatusNotFound)
			return
		}
		f(w, r, s.counters[n-1])
	}
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v) // a reader that has gone needs no answer
}

// ledgerView is the storage's log with what is needed to compare it with a journal.
type ledgerView struct {
	FN        string             `json:"fn"`
	Documents []storage.Document `json:"documents"`
	Confirmed int                `json:"confirmed"`
}

func archive(w http.ResponseWriter, _ *http.Request, k *counter) {
	v := ledgerView{FN: k.reg.state().FN, Documents: k.reg.Documents()}
	for _, d := range v.Documents {
		if d.Sent {
			v.Confirmed++
		}
	}
	reply(w, v)
}

type scanOrder struct {
	Code  string `json:"code"`
	Grams int    `json:"grams"` // makes a weighed product's number into the scales' barcode
}

func (s *shop) scan(w http.ResponseWriter, r *http.Request, k *counter) {
	var order scanOrder
	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	code := order.Code
	if order.Grams != 0 {
		var err error
		if !sale.Digits(code) || len(code) > weighedDigits {
			err = errors.New("a weighed product has a number of at most five digits")
		} else {
			code, err = weighedCode(s.prefix, code, order.Grams)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	if err := k.scanner.Type(r.Context(), sale.Code{Text: code}); err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	reply(w, map[string]string{"typed": code})
}

func throw(w http.ResponseWriter, r *http.Request, k *counter) {
	var order struct {
		Name string `json:"name"`
		On   bool   `json:"on"`
	}
	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	move, known := switches[order.Name]
	if !known {
		http.Error(w, "no such switch", http.StatusNotFound)
		return
	}
	move(k, order.On)
	reply(w, k.view())
}

// events streams the state at every change, and the paper as it comes. A browser that reconnects
// says which line it has seen last.
func events(w http.ResponseWriter, r *http.Request, k *counter) {
	w.Header().Set("Content-Type", "text/event-stream")
	flusher := http.NewResponseController(w)
	seen := after(r)
	for {
		register, switched := k.reg.Changed(), k.moved()
		lines := newer(k.reg.Tape(), seen)
		if len(lines) > 0 {
			seen = lines[len(lines)-1].No
			if !event(w, "tape", seen, lines) {
				return
			}
		}
		if !event(w, "state", seen, k.view()) || flusher.Flush() != nil {
			return
		}
		select {
		case <-register:
		case <-switched:
		case <-time.After(refresh):
		case <-r.Context().Done():
			return
		}
	}
}

// refresh is how often the state is sent without a change: clocks and queues move by themselves.
const refresh = 3 * time.Second

func after(r *http.Request) int {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		text = r.URL.Query().Get("after")
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}

func newer(lines []paper.Line, seen int) []paper.Line {
	for i, l := range lines {
		if l.No > seen {
			return lines[i:]
		}
	}
	return nil
}

func event(w http.ResponseWriter, name string, id int, v any) bool {
	raw, err := json.Marshal(v)
	if err == nil {
		_, err = fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", id, name, raw)
	}
	return err == nil
}

// drawQR draws a code as one path; it stays sharp on any screen and needs no script.
func drawQR(w http.ResponseWriter, r *http.Request) {
	code, err := qr.Encode(r.URL.Query().Get("t"), qr.M)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	const quiet = 2
	var path strings.Builder
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[1]d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%[1]dv%[1]dH0z"/><path d="%[2]s"/></svg>`,
		code.Size+2*quiet, path.String())
}

// pageData is what the page is drawn from.
type pageData struct {
	Lang     string
	T        map[string]string
	N        int
	Counters []*counter
	View     view
	Goods    goods
	Tape     []paper.Line
	Last     int
	Switches []string
	Cut      bool // the last line of the tape is a cut
	Grams    []int
}

// Name is the counter's name for the template.
func (k *counter) Name() string { return k.name }

// switchOrder is how the page lists the switches that a counter has.
var switchOrder = []string{"paper-out", "cover-open", "power-off", "cable-out", "answer-lost", "ofd-silent", "internet-cut"}

// pageLines is how much paper a page begins with; more comes only by printing.
const pageLines = 400

func (s *shop) page(w http.ResponseWriter, r *http.Request, k *counter) {
	lang := language(w, r)
	tape := k.reg.Tape()
	d := pageData{
		Lang: lang, T: words[lang], Counters: s.counters, View: k.view(), Goods: s.goods,
		Tape: tape[max(0, len(tape)-pageLines):], Last: -1, Cut: true, Grams: []int{250, 500, 1000, 1500},
	}
	for _, name := range switchOrder {
		if _, has := d.View.Switches[name]; has {
			d.Switches = append(d.Switches, name)
		}
	}
	if len(tape) > 0 {
		last := tape[len(tape)-1]
		d.Last, d.Cut = last.No, last.Kind == paper.Cut
	}
	d.N, _ = strconv.Atoi(r.PathValue("n")) // the router has read it before
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = pages.ExecuteTemplate(w, "counter.html", d) // a browser that has gone needs no page
}

// slips cuts the tape where the printer did.
func slips(tape []paper.Line) [][]paper.Line {
	var all [][]paper.Line
	var slip []paper.Line
	for _, l := range tape {
		if l.Kind != paper.Cut {
			slip = append(slip, l)
			continue
		}
		all, slip = append(all, slip), nil
	}
	if len(slip) > 0 {
		all = append(all, slip)
	}
	return all
}

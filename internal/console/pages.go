package console

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/octant-db/octant/internal/readable"
	"github.com/octant-db/octant/relay"
)

//go:embed templates
var sources embed.FS

// pages are the parsed templates, by name.
type pages map[string]*template.Template

// parsePages parses what is part of the program: it panics if that is wrong.
func parsePages() pages {
	functions := template.FuncMap{
		"age": readable.Age, "short": readable.Short, "clock": clock, "day": day,
		"bytes": func(n int64) string { return readable.Bytes(float64(n)) },
		"count": count,
	}
	all := pages{}
	for _, name := range []string{"login", "overview", "conflicts", "letters", "tables", "verify", "refused"} {
		all[name] = template.Must(template.New("frame.html").Funcs(functions).
			ParseFS(sources, "templates/frame.html", "templates/parts.html", "templates/"+name+".html"))
	}
	return all
}

// frame is what every page has around it.
type frame struct {
	Title   string
	Here    string // the path of the page, for the menu
	Self    relay.Hello
	Version string
	Now     time.Time
	Ready   bool
	Reason  string // why not ready
	Menu    []link
	User    string // "" for nobody
	Admin   bool
	Token   string
	Notice  notice
}

// link is an entry of the menu.
type link struct {
	Path, Name string
	Here       bool
	Count      int // shown if it is not 0
	Bad        bool
}

func (c *Console) frame(title, here string, s *session) frame {
	f := frame{Title: title, Here: here, Self: c.cfg.Inspector.Self(), Version: strings.TrimPrefix(c.cfg.Version, "octant "), Now: c.cfg.Now().UTC()}
	if s == nil {
		return f
	}
	status := c.cfg.Inspector.Status()
	f.Ready, f.Reason = status.Ready, status.Reason
	f.User, f.Admin, f.Token, f.Notice = s.user, s.admin, s.token, s.heard()
	f.Menu = []link{
		{Path: "/", Name: "Replication", Count: len(c.cfg.Inspector.Problems()), Bad: true},
		{Path: "/conflicts", Name: "Conflicts"},
		{Path: "/letters", Name: "Dead letters", Count: parked(c.cfg.Inspector.LetterCounts()), Bad: true},
		{Path: "/tables", Name: "Tables", Count: held(c.cfg.Inspector.Tables()), Bad: true},
		{Path: "/verify", Name: "Verification", Count: differing(c.verified()), Bad: true},
	}
	for i := range f.Menu {
		f.Menu[i].Here = f.Menu[i].Path == here
	}
	return f
}

func parked(letters map[relay.Reason]int) (n int) {
	for _, count := range letters {
		n += count
	}
	return n
}

func held(tables []relay.TableStatus) (n int) {
	for _, t := range tables {
		if t.State == "held" {
			n++
		}
	}
	return n
}

// show answers with a page, whole or not at all.
func (c *Console) show(w http.ResponseWriter, code int, name string, data any) {
	var b bytes.Buffer
	if err := c.pages[name].Execute(&b, data); err != nil {
		c.cfg.Logger.Error("make a page of the console", "page", name, "error", err)
		http.Error(w, "The page could not be made; the relay's log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = b.WriteTo(w) // a browser that has gone needs nothing
}

// refuse says why something may not be.
func (c *Console) refuse(w http.ResponseWriter, _ *http.Request, s *session, code int, why string) {
	f := c.frame("Refused", "", s)
	f.Notice = notice{Text: why, Bad: true}
	c.show(w, code, "refused", f)
}

// clock is a time of day in UTC.
func clock(t time.Time) string { return t.UTC().Format("15:04:05") }

// day is a time in UTC with its date.
func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// count writes the numbers that templates meet; nothing else is ever counted there.
func count(n any) string {
	switch n := n.(type) {
	case int:
		return thousands(n)
	case uint64:
		return thousands(n)
	case relay.Seq:
		return thousands(n)
	case relay.LSN:
		return thousands(n)
	}
	return ""
}

// thousands writes a number with thin gaps between its thousands.
func thousands[N int | uint64 | relay.Seq | relay.LSN](n N) string {
	digits := []byte{}
	for i, rest := 0, uint64(max(n, 0)); i == 0 || rest > 0; i, rest = i+1, rest/10 {
		if i > 0 && i%3 == 0 {
			digits = append(digits, ' ')
		}
		digits = append(digits, byte('0'+rest%10))
	}
	for i, j := 0, len(digits)-1; i < j; i, j = i+1, j-1 {
		digits[i], digits[j] = digits[j], digits[i]
	}
	return strings.ReplaceAll(string(digits), " ", "\u202f")
}

package console_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/octant-db/octant/internal/console"
)

// visitor is someone with a cookie jar of one cookie.
type visitor struct {
	t      *testing.T
	site   http.Handler
	cookie *http.Cookie
	change func(*http.Request) // before each request; may be nil
}

func (v *visitor) do(method, path string, form url.Values) *httptest.ResponseRecorder {
	v.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if v.cookie != nil {
		r.AddCookie(v.cookie)
	}
	if v.change != nil {
		v.change(r)
	}
	w := httptest.NewRecorder()
	v.site.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		v.cookie = c
	}
	return w
}

func (v *visitor) get(path string) *httptest.ResponseRecorder { return v.do("GET", path, nil) }

func (v *visitor) logIn(name, password string) *httptest.ResponseRecorder {
	return v.do("POST", "/login", url.Values{"name": {name}, "password": {password}})
}

// loggedIn is a visitor with a session.
func loggedIn(t *testing.T, site http.Handler, name, password string) *visitor {
	t.Helper()
	v := &visitor{t: t, site: site}
	if w := v.logIn(name, password); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/" {
		t.Fatalf("login: %d %s", w.Code, w.Body)
	}
	return v
}

var tokenField = regexp.MustCompile(`name="token" value="([^"]+)"`)

func (v *visitor) token() url.Values {
	v.t.Helper()
	m := tokenField.FindStringSubmatch(v.get("/").Body.String())
	if m == nil {
		v.t.Fatal("the page has no token")
	}
	return url.Values{"token": {m[1]}}
}

func TestNothingIsShownWithoutALogin(t *testing.T) {
	v := &visitor{t: t, site: newConsole(newBed())}
	for path, to := range map[string]string{
		"/": "/login", "/conflicts?table=app.x": "/login?to=%2Fconflicts%3Ftable%3Dapp.x", "/tables": "/login?to=%2Ftables",
	} {
		if w := v.get(path); w.Code != http.StatusSeeOther || w.Header().Get("Location") != to || strings.Contains(w.Body.String(), "mariadb") {
			t.Errorf("%s: %d, to %s", path, w.Code, w.Header().Get("Location"))
		}
	}
	if w := v.do("POST", "/peers/b/pause", url.Values{"token": {""}}); w.Code != http.StatusSeeOther {
		t.Errorf("pause: %d", w.Code)
	}
	v.cookie = &http.Cookie{Name: "octant_a_00000000", Value: "x"}
	if w := v.get("/"); w.Code != http.StatusSeeOther {
		t.Errorf("with a made-up cookie: %d", w.Code)
	}
}

func TestWhoMayLogIn(t *testing.T) {
	tests := []struct {
		name, user, password string
		tls                  bool
		code                 int
		says                 string
	}{
		{"role admin", "ops", "sesame", false, 303, ""},
		{"role read", "look", "glass", false, 303, ""},
		{"wrong password", "ops", "open", false, 401, "Wrong name or password"},
		{"somebody else's password", "ops", "glass", false, 401, "Wrong name or password"},
		{"nobody", "root", "", false, 401, "Wrong name or password"},
		{"a relay", "peer", "open", false, 401, "neither role read nor role admin"},
		{"TLS only", "safe", "lock", false, 401, "only log in over TLS"},
		{"TLS only, with TLS", "safe", "lock", true, 303, ""},
		{"certificates", "card", "chip", true, 401, "SQL port"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := &visitor{t: t, site: newConsole(newBed())}
			if test.tls {
				v.change = func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") }
			}
			w := v.logIn(test.user, test.password)
			if w.Code != test.code || !strings.Contains(w.Body.String(), test.says) {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if (v.cookie != nil) != (test.code == 303) {
				t.Error("a cookie is for those who are let in")
			}
			if v.cookie != nil && (!v.cookie.HttpOnly || v.cookie.SameSite != http.SameSiteLaxMode || v.cookie.Secure != test.tls) {
				t.Errorf("cookie %v", v.cookie)
			}
			if strings.Contains(w.Body.String(), test.password) && test.password != "" {
				t.Error("the password comes back")
			}
		})
	}
}

func TestLoginLeadsOnlyToThisServer(t *testing.T) {
	site := newConsole(newBed())
	for to, want := range map[string]string{
		"/conflicts?kind=x": "/conflicts?kind=x", "": "/", "https://example.com/": "/", "//example.com": "/", `/\example.com`: "/",
		"javascript:alert(1)": "/", "conflicts": "/",
	} {
		v := &visitor{t: t, site: site}
		w := v.do("POST", "/login", url.Values{"name": {"look"}, "password": {"glass"}, "to": {to}})
		if got := w.Header().Get("Location"); got != want {
			t.Errorf("to %q: got %q, want %q", to, got, want)
		}
	}
}

func TestASessionEnds(t *testing.T) {
	b := newBed()
	site := newConsole(b)
	out := loggedIn(t, site, "look", "glass")
	kept := *out.cookie
	if w := out.do("POST", "/logout", out.token()); w.Code != http.StatusSeeOther || out.cookie.MaxAge >= 0 {
		t.Errorf("log out: %d %v", w.Code, out.cookie)
	}
	out.cookie = &kept
	if w := out.get("/"); w.Code != http.StatusSeeOther {
		t.Error("the cookie is good after logging out")
	}
	late := loggedIn(t, site, "look", "glass")
	b.set(noon.Add(13 * time.Hour))
	if w := late.get("/"); w.Code != http.StatusSeeOther {
		t.Error("the cookie is good after 13 hours")
	}
}

func TestSteering(t *testing.T) {
	b := newBed()
	site := newConsole(b)
	ops, look := loggedIn(t, site, "ops", "sesame"), loggedIn(t, site, "look", "glass")
	tests := []struct {
		name string
		who  *visitor
		path string
		form url.Values
		code int
	}{
		{"without a token", ops, "/peers/b/pause", url.Values{}, 403},
		{"with another session's token", ops, "/peers/b/pause", look.token(), 403},
		{"only reading", look, "/peers/b/pause", look.token(), 403},
		{"log out without a token", look, "/logout", url.Values{}, 403},
		{"as it should be", ops, "/peers/b/pause", ops.token(), 303},
	}
	for _, test := range tests {
		w := test.who.do("POST", test.path, test.form)
		if w.Code != test.code || b.isPaused("b") != (test.code == 303) {
			t.Errorf("%s: %d, paused %v", test.name, w.Code, b.isPaused("b"))
		}
	}
	if w := ops.get("/"); !strings.Contains(w.Body.String(), "Region b is paused here") {
		t.Error("the next page does not say so")
	}
	if w := ops.get("/"); strings.Contains(w.Body.String(), "Region b is paused here") {
		t.Error("it is said twice")
	}
	ops.do("POST", "/peers/x/resume", ops.token())
	if w := ops.get("/"); !strings.Contains(w.Body.String(), "no peer is called &#34;x&#34;") {
		t.Error("a failure is not said")
	}
	if w := ops.get("/peers/b/pause"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET does something: %d", w.Code)
	}
}

func TestOtherSitesCannotSteer(t *testing.T) {
	b := newBed()
	ops := loggedIn(t, newConsole(b), "ops", "sesame")
	form := ops.token()
	ops.change = func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }
	if w := ops.do("POST", "/peers/b/pause", form); w.Code != http.StatusForbidden || b.isPaused("b") {
		t.Errorf("%d", w.Code)
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	ops := loggedIn(t, newConsole(newBed()), "ops", "sesame")
	for _, path := range []string{"/", "/login", "/conflicts", "/letters", "/tables", "/verify", "/assets/console.css", "/nothing"} {
		h := ops.get(path).Header()
		csp := h.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, h)
		}
	}
}

func TestOverviewShowsWhatIsWrong(t *testing.T) {
	page := loggedIn(t, newConsole(newBed()), "look", "glass").get("/").Body.String()
	for _, want := range []string{
		"10.0.6.5:4001: i/o timeout", "table_held", "ALTER TABLE app.visits MODIFY", "mariadb-bin.000041:88120433", "behind f",
		`class="line c6"`, "mariadb 10.11.19 at 127.0.0.1:3306",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, wrong := range []string{"NaN", "<nil>", "ZgotmplZ", "/peers/b/pause", "style=", "onclick"} {
		if strings.Contains(page, wrong) {
			t.Errorf("the page has %q", wrong)
		}
	}
}

func TestConflictsAreFilteredAndPaged(t *testing.T) {
	v := loggedIn(t, newConsole(newBed()), "look", "glass")
	first := v.get("/conflicts").Body.String()
	if strings.Count(first, "<article") != 50 || !strings.Contains(first, "before=71") {
		t.Errorf("%d articles on the first page", strings.Count(first, "<article"))
	}
	if strings.Contains(first, "<b>Müller") || !strings.Contains(first, "&lt;b&gt;Müller") {
		t.Error("a value is taken for markup")
	}
	for _, want := range []string{"c wrote 3.204ms after a", "a wrote 3.204ms before c", "The write that was first stands", "the greater region number", "region 9", "a delete came", `class="differs"`} {
		if !strings.Contains(first, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if last := v.get("/conflicts?before=21").Body.String(); strings.Count(last, "<article") != 20 || strings.Contains(last, "Older ones") {
		t.Errorf("%d articles on the last page", strings.Count(last, "<article"))
	}
	if some := v.get("/conflicts?kind=delete_origin_differs").Body.String(); strings.Count(some, "<article") != 30 {
		t.Errorf("%d deletes", strings.Count(some, "<article"))
	}
	if none := v.get("/conflicts?table=app.none").Body.String(); !strings.Contains(none, "No conflicts on record that match") {
		t.Error("no word about there being none")
	}
}

// TestConflictsAreResolved: by those who may, with the row that is chosen or given.
func TestConflictsAreResolved(t *testing.T) {
	b := newBed()
	site := newConsole(b)
	look, ops := loggedIn(t, site, "look", "glass"), loggedIn(t, site, "ops", "sesame")
	if page := look.get("/conflicts").Body.String(); strings.Contains(page, "/resolve") {
		t.Error("who may only look is offered actions")
	}
	article := regexp.MustCompile(`(?s)<article[^>]* id="c([0-9]+)">.*?</article>`)
	for _, a := range article.FindAllStringSubmatch(ops.get("/conflicts").Body.String(), -1) {
		for _, side := range []string{"local", "remote"} {
			stands := strings.Contains(a[0], map[string]string{"local": "— kept", "remote": "— written"}[side])
			if offered := strings.Contains(a[0], `name="choice" value="`+side+`"`); offered == stands {
				t.Errorf("conflict %s: the %s row stands %v, and is offered %v", a[1], side, stands, offered)
			}
		}
	}
	tests := []struct {
		name, path string
		who        *visitor
		form       url.Values
		says, done string
	}{
		{"only reading", "/conflicts/8/resolve", look, url.Values{"choice": {"local"}}, "role admin", ""},
		{"what stood here", "/conflicts/8/resolve", ops, url.Values{"choice": {"local"}}, "written as you decided", "8 local"},
		{"what came", "/conflicts/8/resolve", ops, url.Values{"choice": {"remote"}}, "written as you decided", "8 remote"},
		{"another row", "/conflicts/8/resolve", ops, url.Values{"choice": {"row"}, "row": {` {"city": "Bonn"} `}}, "written as you decided", `8 {"city": "Bonn"}`},
		{"a deletion", "/conflicts/8/resolve", ops, url.Values{"choice": {"row"}, "row": {"{}"}, "delete": {"yes"}}, "written as you decided", "8 "},
		{"an empty row", "/conflicts/8/resolve", ops, url.Values{"choice": {"row"}, "row": {" "}}, "the row is empty", ""},
		{"no choice", "/conflicts/8/resolve", ops, url.Values{}, "which row shall stand", ""},
		{"nonsense", "/conflicts/8/resolve", ops, url.Values{"choice": {"both"}}, "which row shall stand", ""},
		{"written since", "/conflicts/7/resolve", ops, url.Values{"choice": {"local"}}, "Could not resolve conflict 7: its row has been written since", ""},
		{"gone", "/conflicts/99/resolve", ops, url.Values{"choice": {"local"}}, "not on record any more", ""},
		{"no number", "/conflicts/x/resolve", ops, url.Values{"choice": {"local"}}, "There is no such conflict", ""},
	}
	for _, test := range tests {
		test.form["token"] = test.who.token()["token"]
		b.decided = nil
		w := test.who.do("POST", test.path, test.form)
		said := w.Body.String()
		if w.Code == http.StatusSeeOther {
			said = test.who.get("/conflicts").Body.String()
		}
		if done := strings.Join(b.decided, ", "); done != test.done || !strings.Contains(said, test.says) {
			t.Errorf("%s: %d, done %q, want %q and the words %q", test.name, w.Code, done, test.done, test.says)
		}
	}
	if w := ops.do("POST", "/conflicts/8/resolve", url.Values{"choice": {"local"}}); w.Code != http.StatusForbidden || len(b.decided) > 0 {
		t.Errorf("without a token: %d", w.Code)
	}
}

func TestLettersAreShownAndDealtWith(t *testing.T) {
	b := newBed()
	site := newConsole(b)
	look, ops := loggedIn(t, site, "look", "glass"), loggedIn(t, site, "ops", "sesame")
	page := look.get("/letters").Body.String()
	for _, want := range []string{"pieces_not_negative", "item-07", "<td>-3</td>", "The row should not be there", "7 attempts", "written in d", "peer f", "i/o timeout"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "/letters/41/") {
		t.Error("who may only look is offered actions")
	}
	tests := []struct {
		name, path string
		who        *visitor
		form       url.Values
		id         uint64
		says, done string
	}{
		{"only reading", "/letters/41/retry", look, url.Values{}, 41, "role admin", ""},
		{"the database still refuses", "/letters/44/retry", ops, url.Values{}, 44, "Could not retry letter 44: DELETE command denied", ""},
		{"an empty row", "/letters/44/resolve", ops, url.Values{"row": {" "}}, 44, "the row is empty", ""},
		{"another row", "/letters/41/resolve", ops, url.Values{"row": {` {"pieces": 0} `}}, 41, "as you gave it", `edited {"pieces": 0}`},
		{"a deletion", "/letters/44/resolve", ops, url.Values{"row": {"{}"}, "delete": {"yes"}}, 44, "as you gave it", "edited "},
		{"skip", "/letters/44/skip", ops, url.Values{}, 44, "stays as it stands here", "skipped"},
		{"retry", "/letters/41/retry", ops, url.Values{}, 41, "has taken the row", "retried"},
		{"gone", "/letters/7/skip", ops, url.Values{}, 7, "not there any more", ""},
	}
	for _, test := range tests {
		test.form["token"] = test.who.token()["token"]
		b.dealt = map[uint64]string{}
		w := test.who.do("POST", test.path, test.form)
		said := w.Body.String()
		if w.Code == http.StatusSeeOther {
			said = test.who.get("/letters").Body.String()
		}
		if b.dealt[test.id] != test.done || !strings.Contains(said, test.says) {
			t.Errorf("%s: %d, done %q, want %q and the words %q", test.name, w.Code, b.dealt[test.id], test.done, test.says)
		}
	}
}

func TestVerificationShowsEachTablesNewestResult(t *testing.T) {
	b := newBed()
	v := loggedIn(t, newConsole(b), "look", "glass")
	page := v.get("/verify").Body.String()
	newest, runs, _ := strings.Cut(page, "<h2>Runs</h2>")
	if strings.Count(newest, "app.orders") != 1 || !strings.Contains(newest, "its definition differs in region d") || strings.Contains(newest, "unsettled</span>") {
		t.Error("not the newest result of each table")
	}
	if !strings.Contains(runs, "not all settled") || strings.Count(runs, `class="mood bad"`) != 1 {
		t.Error("the runs are not as they came out")
	}
	if !strings.Contains(v.get("/").Body.String(), `Verification<span class="badge bad">1</span>`) {
		t.Error("the menu does not count the table that differs")
	}
	b.quiet = true
	if page := v.get("/verify").Body.String(); !strings.Contains(page, "has compared nothing yet") {
		t.Error("no word about there being no comparison")
	}
}

func TestHeldTablesComeFirst(t *testing.T) {
	page := loggedIn(t, newConsole(newBed()), "look", "glass").get("/tables").Body.String()
	if strings.Index(page, "app.visits") > strings.Index(page, "app.customers") || !strings.Contains(page, "VARCHAR(255) in region d") {
		t.Error("the table that is held is not first, or not said why")
	}
}

func TestGuessingIsSlowedDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &visitor{t: t, site: newConsole(newBed())}
		began := time.Now()
		for range 5 { // three cost nothing, the others 200 and 400 ms
			if w := v.logIn("ops", "x"); w.Code != http.StatusUnauthorized {
				t.Fatalf("%d", w.Code)
			}
		}
		if took := time.Since(began); took != 600*time.Millisecond {
			t.Errorf("five guesses took %v", took)
		}
		var guesses sync.WaitGroup
		defer guesses.Wait()
		for range 8 {
			guesses.Go(func() { v.logIn("ops", "x") })
		}
		synctest.Wait()
		if w := v.logIn("ops", "sesame"); w.Code != http.StatusTooManyRequests {
			t.Errorf("a host that guesses on many connections: %d", w.Code)
		}
	})
}

func TestAConsoleThatHasJustStarted(t *testing.T) {
	b := newBed()
	c := console.New(console.Config{Inspector: b, Controller: b, Users: users, Now: b.Now})
	page := loggedIn(t, c, "ops", "sesame").get("/").Body.String()
	if !strings.Contains(page, "the first lines will be here in a moment") || strings.Contains(page, "NaN") {
		t.Error("no word about the empty charts")
	}
}

// TestCountersThatBeginAnewLeaveAGap: a rate across a restart would be nonsense.
func TestCountersThatBeginAnewLeaveAGap(t *testing.T) {
	captured := regexp.MustCompile(`class="line c0" d="([^"]+)"`)
	for _, reborn := range []bool{false, true} {
		b := newBed()
		b.reborn = reborn
		page := loggedIn(t, newConsole(b), "look", "glass").get("/").Body.String()
		_, throughput, _ := strings.Cut(page, "<h2>Throughput")
		path := captured.FindStringSubmatch(throughput)
		pieces := map[bool]int{false: 1, true: 2}[reborn]
		if path == nil || strings.Count(path[1], "M") != pieces {
			t.Errorf("restarted %v: the line of captured transactions is not in %d pieces: %.200q", reborn, pieces, path)
		}
	}
}

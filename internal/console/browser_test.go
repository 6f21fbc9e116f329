package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/internal/watch"
	"github.com/octant-db/octant/testenv/browser"
)

// pictures names a folder for the screenshots: ../../docs/images renews the manual's.
const pictures = "OCTANT_SCREENSHOTS"

// visit starts a browser and a console, and says where it is.
func visit(t *testing.T, b *bed) (context.Context, *browser.Browser, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	site := httptest.NewServer(newConsole(b))
	t.Cleanup(site.Close)
	p, err := browser.Start(ctx, 1440, 900)
	if errors.Is(err, browser.ErrMissing) {
		t.Skip("SKIPPED: ", err)
	}
	must(t, err)
	t.Cleanup(func() { must(t, p.Close()) })
	return ctx, p, site.URL
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// inBothWays does what a user who may steer does, with scripts and without, each with a console of its own.
func inBothWays(t *testing.T, do func(ctx context.Context, t *testing.T, b *bed, p *browser.Browser, site string)) {
	t.Helper()
	for name, scripts := range map[string]bool{"with scripts": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			b := newBed()
			ctx, p, site := visit(t, b)
			must(t, p.Scripts(ctx, scripts))
			logIn(ctx, t, p, site, "ops", "sesame")
			do(ctx, t, b, p, site)
		})
	}
}

// logIn fills in the form as people do.
func logIn(ctx context.Context, t *testing.T, p *browser.Browser, site, name, password string) {
	t.Helper()
	must(t, p.Load(ctx, site+"/"))
	must(t, p.Loading(ctx, func() error {
		return p.Do(ctx, `document.querySelector("[name=name]").value = "`+name+`";
			document.querySelector("[name=password]").value = "`+password+`";
			document.querySelector("form.login button").click()`, nil)
	}))
}

func text(ctx context.Context, t *testing.T, p *browser.Browser) string {
	t.Helper()
	var s string
	must(t, p.Do(ctx, "document.body.innerText", &s))
	return s
}

// picture keeps a screenshot where the environment asks for it.
func picture(ctx context.Context, t *testing.T, p *browser.Browser, name string) {
	t.Helper()
	png, err := p.Picture(ctx)
	must(t, err)
	if len(png) < 10_000 || !strings.HasPrefix(string(png), "\x89PNG") {
		t.Errorf("%s: the picture is %d bytes", name, len(png))
	}
	if dir := os.Getenv(pictures); dir != "" {
		must(t, os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644))
	}
}

// TestPagesInABrowser goes through the console as an operator would, in light and dark, and expects the browser to have nothing against it.
func TestPagesInABrowser(t *testing.T) {
	b := newBed()
	ctx, p, site := visit(t, b)
	must(t, p.Load(ctx, site+"/"))
	picture(ctx, t, p, "console-login")
	logIn(ctx, t, p, site, "ops", "sesame")
	for _, want := range []string{"app.visits", "connecting", "trying again", "paused", "Throughput", "caught up"} {
		if !strings.Contains(text(ctx, t, p), want) {
			t.Errorf("the first page does not say %q", want)
		}
	}
	picture(ctx, t, p, "console")
	must(t, p.Dark(ctx, true))
	picture(ctx, t, p, "console-dark")
	must(t, p.Dark(ctx, false))
	must(t, p.Load(ctx, site+"/conflicts?before=4"))
	must(t, p.Do(ctx, `document.querySelector("#c2 details").open = true`, nil))
	picture(ctx, t, p, "console-conflicts")
	must(t, p.Load(ctx, site+"/letters"))
	must(t, p.Do(ctx, `document.querySelector("#l41 details").open = true`, nil))
	picture(ctx, t, p, "console-letters")
	must(t, p.Load(ctx, site+"/tables"))
	picture(ctx, t, p, "console-tables")
	must(t, p.Load(ctx, site+"/verify"))
	picture(ctx, t, p, "console-verify")
	must(t, p.Resize(ctx, 420, 900))
	must(t, p.Load(ctx, site+"/"))
	var wide bool
	must(t, p.Do(ctx, "document.documentElement.scrollWidth > innerWidth", &wide))
	if wide {
		t.Error("on a narrow screen the page is wider than that")
	}
	picture(ctx, t, p, "console-narrow")
	if c := p.Complaints(); len(c) > 0 {
		t.Errorf("the browser complains: %q", c)
	}
}

// hardToRead are the texts on a page whose colour is too near to that of their ground: a ratio below 4.5, WCAG 2.1, 1.4.3. Ground is how light the page's is, from 0 to 1.
const hardToRead = `(() => {
	const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
	const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
		.reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
	const under = (e) => {
		for (; e; e = e.parentElement) {
			const c = channels(getComputedStyle(e).backgroundColor);
			if (c.length < 4 || c[3] === 1) return c;
		}
		return [255, 255, 255];
	};
	const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), hard = [];
	for (let n = words.nextNode(); n; n = words.nextNode()) {
		const e = n.parentElement, style = getComputedStyle(e);
		if (!n.data.trim() || !e.checkVisibility({ visibilityProperty: true }) || e.closest("svg, script, style, option, noscript")) continue;
		const [a, b] = [light(channels(style.color)), light(under(e))].sort((x, y) => y - x);
		if ((a + 0.05) / (b + 0.05) < 4.5) hard.push(n.data.trim() + " " + style.color);
	}
	return { Ground: light(channels(getComputedStyle(document.documentElement).backgroundColor)), Hard: [...new Set(hard)] };
})()`

// TestLightAndDark: the pages follow the browser's wish, and all text can be read in both.
func TestLightAndDark(t *testing.T) {
	ctx, p, site := visit(t, newBed())
	logIn(ctx, t, p, site, "ops", "sesame")
	for _, path := range []string{"/", "/conflicts", "/letters", "/tables", "/verify", "/login"} {
		for _, dark := range []bool{false, true} {
			must(t, p.Dark(ctx, dark))
			must(t, p.Load(ctx, site+path))
			var page struct {
				Ground float64
				Hard   []string
			}
			must(t, p.Do(ctx, hardToRead, &page))
			if (page.Ground < 0.5) != dark {
				t.Errorf("%s, dark %v: the ground is %.2f light", path, dark, page.Ground)
			}
			if len(page.Hard) > 0 {
				t.Errorf("%s, dark %v: hard to read: %q", path, dark, page.Hard)
			}
		}
	}
}

// TestEveryPageWorksWithoutScripts: it says the same with them and without.
func TestEveryPageWorksWithoutScripts(t *testing.T) {
	ctx, p, site := visit(t, newBed())
	logIn(ctx, t, p, site, "ops", "sesame")
	for _, path := range []string{"/", "/conflicts", "/letters", "/tables", "/verify"} {
		var said []string
		for _, scripts := range []bool{true, false} {
			must(t, p.Scripts(ctx, scripts))
			must(t, p.Load(ctx, site+path))
			said = append(said, text(ctx, t, p))
		}
		if said[0] != said[1] || len(said[1]) < 100 {
			t.Errorf("%s says without scripts:\n%s\nand with them:\n%s", path, said[1], said[0])
		}
	}
}

// TestPicturesOfTheManual: every one that it shows is there, and is made by a test of this package.
func TestPicturesOfTheManual(t *testing.T) {
	made := map[string]bool{}
	source, err := os.ReadFile("browser_test.go")
	must(t, err)
	for _, m := range regexp.MustCompile(`picture\(ctx, t, p, "([^"]+)"\)`).FindAllStringSubmatch(string(source), -1) {
		made[m[1]] = true
	}
	manual, err := os.ReadFile("../../docs/operations.md")
	must(t, err)
	shown := regexp.MustCompile(`\(images/([^)]+)\.png\)`).FindAllStringSubmatch(string(manual), -1)
	if len(shown) < 5 {
		t.Errorf("the manual shows %d pictures", len(shown))
	}
	for _, m := range shown {
		if _, err := os.Stat("../../docs/images/" + m[1] + ".png"); err != nil || !made[m[1]] {
			t.Errorf("picture %s: made by a test %v, %v", m[1], made[m[1]], err)
		}
	}
}

// TestTerminalStatusAsAPicture draws what octant status --watch draws.
func TestTerminalStatusAsAPicture(t *testing.T) {
	b := newBed()
	ctx, p, site := visit(t, b)
	earlier := watch.Take(b, "octant v0.9.0", noon)
	b.set(noon.Add(time.Second))
	var text strings.Builder
	must(t, watch.Render(&text, watch.Take(b, "octant v0.9.0", b.Now()), &earlier, 120))
	must(t, p.Load(ctx, site+"/login"))
	must(t, p.Resize(ctx, 900, 560))
	script, err := json.Marshal(text.String())
	must(t, err)
	must(t, p.Dark(ctx, true))
	must(t, p.Do(ctx, `{ const pre = document.createElement("pre"); pre.textContent = `+string(script)+`; document.body.replaceChildren(pre) }`, nil))
	picture(ctx, t, p, "status")
}

// TestPauseInABrowser presses the button, and again without a script.
func TestPauseInABrowser(t *testing.T) {
	inBothWays(t, func(ctx context.Context, t *testing.T, b *bed, p *browser.Browser, site string) {
		for _, word := range []string{"pause", "resume"} {
			must(t, p.Loading(ctx, func() error {
				return p.Do(ctx, `document.querySelector("form[action='/peers/b/`+word+`'] button").click()`, nil)
			}))
			if !strings.Contains(text(ctx, t, p), "Region b is "+word) || b.isPaused("b") != (word == "pause") {
				t.Errorf("%s: paused is %v", word, b.isPaused("b"))
			}
		}
	})
}

// TestPageRenewsItself changes the relay under a page that nobody touches, and then takes the relay away.
func TestPageRenewsItself(t *testing.T) {
	b := newBed()
	ctx, p, site := visit(t, b)
	logIn(ctx, t, p, site, "look", "glass")
	must(t, p.Do(ctx, "window.same = true", nil))
	must(t, b.Pause(ctx, "c"))
	must(t, p.Until(ctx, `document.querySelector("#peers tbody").rows[1].innerText.includes("paused")`))
	must(t, p.Until(ctx, "window.same === true && document.getElementById('stale').hidden"))
}

// TestLetterIsResolvedInABrowser edits the row that the form offers, and does so again without a script.
func TestLetterIsResolvedInABrowser(t *testing.T) {
	inBothWays(t, func(ctx context.Context, t *testing.T, b *bed, p *browser.Browser, site string) {
		must(t, p.Load(ctx, site+"/letters"))
		must(t, p.Loading(ctx, func() error {
			return p.Do(ctx, `{ const form = document.querySelector("#l41 details form"); form.parentNode.open = true;
				form.row.value = form.row.value.replace("-3", "0"); form.querySelector("button").click() }`, nil)
		}))
		if want := `edited {"item": "item-07", "pieces": 0, "price": 12.40, "last_region": "d"}`; b.dealt[41] != want {
			t.Errorf("got %q, want %q", b.dealt[41], want)
		}
		if c := p.Complaints(); len(c) > 0 {
			t.Errorf("the browser complains: %q", c)
		}
	})
}

// TestConflictIsResolvedInABrowser has the row stand that gave way, and another one, with scripts and without.
func TestConflictIsResolvedInABrowser(t *testing.T) {
	inBothWays(t, func(ctx context.Context, t *testing.T, b *bed, p *browser.Browser, site string) {
		for _, act := range []string{
			`document.querySelector("#c8 details").open = true; document.querySelector("#c8 button[value=local]").click()`,
			`{ const form = document.querySelector("#c8 form.given"); form.parentNode.open = true;
				form.row.value = form.row.value.replace("Porto", "Bonn"); form.querySelector("button").click() }`,
		} {
			must(t, p.Load(ctx, site+"/conflicts?before=9"))
			must(t, p.Loading(ctx, func() error { return p.Do(ctx, act, nil) }))
			if !strings.Contains(text(ctx, t, p), "The row of conflict 8 has been written as you decided") {
				t.Error("nothing is said of what was done")
			}
		}
		want := []string{"8 local", `8 {"id": 1007, "name": "Zoë <b>Müller</b>", "city": "Bonn", "credit": 120.50, "changed_in": "c"}`}
		if !slices.Equal(b.decided, want) {
			t.Errorf("got %q, want %q", b.decided, want)
		}
		if c := p.Complaints(); len(c) > 0 {
			t.Errorf("the browser complains: %q", c)
		}
	})
}

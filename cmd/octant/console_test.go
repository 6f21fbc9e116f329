package main_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// operator is someone at a browser.
type operator struct {
	t      *testing.T
	client *http.Client
	site   string
}

func newOperator(t *testing.T, r *testenv.Relay) *operator {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &operator{t: t, client: &http.Client{Jar: jar, Timeout: patience}, site: "http://" + r.HTTPAddr()}
}

// read returns the page where a request leads to.
func (o *operator) read(answer *http.Response, err error) string {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		o.t.Fatal(answer.Status, err)
	}
	return string(page)
}

func (o *operator) see(path string) string {
	o.t.Helper()
	return o.read(o.client.Get(o.site + path))
}

// send fills in a form and sends it with the session's token.
func (o *operator) send(path string, form url.Values) string {
	o.t.Helper()
	if token := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(o.see("/")); token != nil {
		form.Set("token", token[1])
	}
	return o.read(o.client.PostForm(o.site+path, form))
}

// until loads the page again and again until it says what is wanted.
func (o *operator) until(ctx context.Context, path, want string) string {
	o.t.Helper()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		page := o.see(path)
		if strings.Contains(page, want) {
			return page
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			o.t.Fatalf("%s does not say %q:\n%s", path, want, page)
		}
	}
}

// cityBecomes waits until a region has that city.
func cityBecomes(ctx context.Context, t *testing.T, r *testenv.Region, want string) {
	t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		var city string
		err := r.Server.DB().QueryRowContext(ctx, "SELECT city FROM app.t WHERE id = 1").Scan(&city)
		if err == nil && city == want {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("region %s has %q, want %q: %v", r.Name, city, want, err)
		}
	}
}

// TestConsoleOfARunningRelay looks at a conflict between two real regions, has the row stand that gave way, and pauses one of them.
func TestConsoleOfARunningRelay(t *testing.T) {
	bed := envtest.Start(t, testenv.Options{
		Regions: 2, Engine: envtest.Engine(t), Octant: envtest.Octant(t), Relaxed: true,
		Schema: `CREATE DATABASE app; CREATE TABLE app.t (id INT PRIMARY KEY, city VARCHAR(20))`,
	})
	ctx := envtest.Context(t, patience)
	a := newOperator(t, bed.Region("a").Relay)
	if page := a.see("/"); !strings.Contains(page, "Log in") || strings.Contains(page, "entries") {
		t.Error("the first page is open to everybody")
	}
	if page := a.see("/metrics"); !strings.Contains(page, "octant_ready") {
		t.Error("metrics ask for a login")
	}
	first := a.send("/login", url.Values{"name": {testenv.AdminUser}, "password": {bed.Password}})
	if !strings.Contains(first, "This relay") {
		t.Errorf("not logged in: %s", first)
	}

	bed.Network.Isolate("b", testenv.Cut)
	for _, r := range bed.Regions {
		if _, err := r.Server.DB().ExecContext(ctx, fmt.Sprintf("INSERT INTO app.t VALUES (1, 'city of %s')", r.Name)); err != nil {
			t.Fatal(err)
		}
	}
	a.until(ctx, "/", "connecting")
	bed.Network.Heal()
	page := a.until(ctx, "/conflicts", "insert_exists")
	for _, want := range []string{"city of a", "city of b", " wrote ", "The later write stands."} {
		if !strings.Contains(page, want) {
			t.Errorf("the conflict's page lacks %q", want)
		}
	}

	resolved := regexp.MustCompile(`(?s)id="c(\d+)".*?name="choice" value="(local|remote)"`).FindStringSubmatch(page)
	if resolved == nil {
		t.Fatalf("no row of the conflict can be chosen: %s", page)
	}
	gaveWay := map[string]string{"local": "city of a", "remote": "city of b"}[resolved[2]]
	a.send("/conflicts/"+resolved[1]+"/resolve", url.Values{"choice": {resolved[2]}})
	for _, r := range bed.Regions {
		cityBecomes(ctx, t, r, gaveWay)
	}

	if page := a.send("/peers/b/pause", url.Values{}); !strings.Contains(page, "Region b is paused here") {
		t.Error("pausing is not said")
	}
	db, err := bed.Region("a").Relay.Open(testenv.AdminUser, bed.Password)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var state string
	if err := db.QueryRowContext(ctx, "SELECT state FROM octant.peers WHERE region = 'b'").Scan(&state); err != nil || state != "paused" {
		t.Errorf("SQL says that b is %q: %v", state, err)
	}
	a.send("/peers/b/resume", url.Values{})
	if err := bed.WaitReady(ctx); err != nil {
		t.Error(err)
	}
}

package doctor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/internal/doctor"
	"github.com/octant-db/octant/internal/finding"
	"github.com/octant-db/octant/relay"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// script answers subscriptions by address.
type script map[string]reply

type reply struct {
	hello relay.Hello
	wall  time.Time // of its heartbeat; zero: none
	err   error
}

func (s script) Subscribe(_ context.Context, to relay.Peer, self relay.Hello, w relay.Want) (relay.Hello, relay.Feed, error) {
	r := s[to.Address]
	if w != (relay.Want{}) || self.Store != "" {
		r.err = errors.New("a doctor must not look like a relay that follows")
	}
	return r.hello, &feed{r.wall}, r.err
}

type feed struct{ wall time.Time }

func (f *feed) Next(context.Context) (relay.Message, error) {
	if f.wall.IsZero() {
		return relay.Message{}, relay.ErrClosed
	}
	return relay.Message{Heartbeat: &relay.Heartbeat{Wall: f.wall.UnixMicro()}}, nil
}

func (*feed) Close() error { return nil }

func cfg(peers ...string) *config.Config {
	c := &config.Config{
		Region: config.Region{Cluster: "shop", Name: "a", ID: 1},
		Clock:  config.Clock{Warn: 5 * time.Second, Stop: time.Minute},
	}
	for _, name := range peers {
		c.Peers = append(c.Peers, config.Peer{Region: name, Address: name + ":1"})
	}
	return c
}

func TestPeers(t *testing.T) {
	good := relay.Hello{Cluster: "shop", Name: "b", Region: 2, Protocol: relay.FeedProtocol}
	with := func(change func(*relay.Hello)) relay.Hello {
		h := good
		change(&h)
		return h
	}
	cases := []struct {
		name   string
		reply  reply
		status finding.Status
		text   string
	}{
		{"good", reply{hello: good, wall: noon.Add(12 * time.Millisecond)}, finding.OK, "clock +12 ms"},
		{"slow clock", reply{hello: good, wall: noon.Add(-7 * time.Second)}, finding.Warn, "clock -7000 ms"},
		{"wrong clock", reply{hello: good, wall: noon.Add(time.Hour)}, finding.Fail, "NTP"},
		{"no heartbeat", reply{hello: good}, finding.Info, "no heartbeat"},
		{"other cluster", reply{hello: with(func(h *relay.Hello) { h.Cluster = "test" })}, finding.Fail, `cluster "test"`},
		{"other region", reply{hello: with(func(h *relay.Hello) { h.Name = "c" })}, finding.Fail, `region "c"`},
		{"own id", reply{hello: with(func(h *relay.Hello) { h.Region = 1 })}, finding.Fail, "region.id 1"},
		{"other version", reply{hello: with(func(h *relay.Hello) { h.Oldest, h.Protocol = 98, 99 })}, finding.Fail, "versions 98 to 99"},
		{"refused", reply{err: fmt.Errorf("subscribe: %w: bad login", relay.ErrRefused)}, finding.Fail, "role replicate"},
		{"down", reply{err: errors.New("connection refused")}, finding.Fail, "relay of region b runs"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			results := doctor.Peers(t.Context(), cfg("b"), script{"b:1": c.reply}, func() time.Time { return noon })
			if len(results) != 1 {
				t.Fatalf("got %+v", results)
			}
			r := results[0]
			if r.Status != c.status || r.Name != "peer b" || !strings.Contains(r.Detail+r.Remedy, c.text) {
				t.Errorf("got %+v, want %s with %q", r, c.status, c.text)
			}
		})
	}
}

func TestPeersWithOneID(t *testing.T) {
	hello := func(name string) reply {
		return reply{hello: relay.Hello{Cluster: "shop", Name: name, Region: 2, Protocol: relay.FeedProtocol}}
	}
	results := doctor.Peers(t.Context(), cfg("b", "c"), script{"b:1": hello("b"), "c:1": hello("c")}, func() time.Time { return noon })
	if last := results[len(results)-1]; last.Status != finding.Fail || !strings.Contains(last.Detail, "regions b and c both have region.id 2") {
		t.Errorf("got %+v", results)
	}
}

func TestLocal(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := cfg("b")
	check := func(dataDir string, status finding.Status, text string) {
		t.Helper()
		c.Region.DataDir = dataDir
		if r := doctor.Local(c)[0]; r.Status != status || !strings.Contains(r.Detail, text) {
			t.Errorf("%s: got %+v", dataDir, r)
		}
	}
	check(dir, finding.OK, dir)
	check(filepath.Join(dir, "new", "folder"), finding.OK, "will be made")
	check(file, finding.Fail, "not a folder")
	check(filepath.Join(file, "below"), finding.Fail, "not a")
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("something was left behind: %v", entries)
	}
	if r := doctor.Local(c)[1]; r.Status != finding.Fail {
		t.Errorf("peers without a user that may replicate: %+v", r)
	}
}

var sample = []finding.Result{
	{Name: "connect", Status: finding.OK, Detail: "127.0.0.1:3306"},
	{Name: "binlog_format", Status: finding.Fail, Detail: "MIXED", Remedy: "SET GLOBAL binlog_format = ROW"},
	{Name: "events", Status: finding.Warn, Detail: "two\nlines\x1b[2J", Remedy: "disable"},
	{Name: "triggers", Status: finding.Info, Detail: "not looked for", Remedy: "GRANT TRIGGER"},
}

func TestWrite(t *testing.T) {
	var b bytes.Buffer
	if err := doctor.Write(&b, sample, doctor.Style{Unicode: true}); err != nil {
		t.Fatal(err)
	}
	const want = `✓  connect        127.0.0.1:3306
✗  binlog_format  MIXED
!  events         two lines [2J
·  triggers       not looked for

To mend:
✗  binlog_format
      SET GLOBAL binlog_format = ROW
!  events
      disable

If you like:
·  triggers
      GRANT TRIGGER

4 checks: 1 failed, 1 warnings: not ready to run
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestWritePlain(t *testing.T) {
	var b bytes.Buffer
	if err := doctor.Write(&b, sample[:1], doctor.Style{}); err != nil {
		t.Fatal(err)
	}
	if want := "ok    connect  127.0.0.1:3306\n\n1 checks: 0 failed, 0 warnings: ready to run\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

func TestWriteJSON(t *testing.T) {
	var b bytes.Buffer
	if err := doctor.WriteJSON(&b, sample); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Failed  bool
		Results []finding.Result
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || !got.Failed || len(got.Results) != len(sample) || got.Results[1] != sample[1] {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestRunning: a relay that is not ready fails, and its problems are shown with what to do.
func TestRunning(t *testing.T) {
	problem := relay.Problem{Kind: "source_purged", Subject: "database", Detail: "file 7 is gone", Remedy: "load the region again", Since: time.Unix(1_700_000_000, 0)}
	results := doctor.Running(relay.Status{Reason: "the log is purged"}, []relay.Problem{problem})
	if len(results) != 2 || results[0].Status != finding.Fail || !strings.Contains(results[0].Detail, "the log is purged") {
		t.Fatalf("%+v", results)
	}
	if r := results[1]; r.Name != "problem source_purged" || r.Status != finding.Warn || !strings.Contains(r.Detail, "file 7") || r.Remedy != problem.Remedy {
		t.Errorf("%+v", r)
	}
	if results = doctor.Running(relay.Status{Ready: true}, nil); len(results) != 1 || results[0].Status != finding.OK {
		t.Errorf("%+v", results)
	}
	if results = doctor.Stopped("127.0.0.1:1"); results[0].Status != finding.Info {
		t.Errorf("%+v", results)
	}
}

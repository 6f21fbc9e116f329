package capture_test

import (
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/capture"
	"github.com/octant-db/octant/relay"
)

// A relay that dies in the middle of its first start still knows, from its position alone, what was there before it.
func TestHistoryOutlivesACrash(t *testing.T) {
	s := startServer(t)
	run(t, s, "CREATE TABLE app.h (id INT PRIMARY KEY)", "INSERT INTO app.h VALUES (1)", "INSERT INTO app.h VALUES (2)")
	before := ask(t, s, "SELECT @@gtid_binlog_pos")
	m := newMemory()
	stop := captured(t, capture.New(configFor(s)), m)
	m.waitFor(t, s)
	_ = stop()
	run(t, s, "INSERT INTO app.h VALUES (3)")
	after := ask(t, s, "SELECT @@gtid_binlog_pos")

	again := newMemory()
	again.position = m.entries[len(m.entries)-3].Position // two entries of history are still to come
	at, err := binlog.ParsePosition(string(again.position))
	if err != nil {
		t.Fatal(err)
	}
	again.files[at.File] = m.files[at.File][:at.Offset]
	captured(t, capture.New(configFor(s)), again)
	again.waitFor(t, s)
	if e := again.find(before); e == nil || e.Kind != relay.History {
		t.Errorf("entry before the first start: %+v", e)
	}
	if e := again.find(after); e == nil || e.Kind != relay.Local {
		t.Errorf("entry after the first start: %+v", e)
	}
}

// What is committed after Begun has returned is not history, however short the time: the applier's canary is.
func TestWhatComesAfterTheBeginningIsNoHistory(t *testing.T) {
	s := startServer(t)
	run(t, s, "CREATE TABLE app.b (id INT PRIMARY KEY)")
	source, m := capture.New(configFor(s)), newMemory()
	captured(t, source, m)
	if err := source.Begun(t.Context()); err != nil {
		t.Fatal(err)
	}
	run(t, s, "INSERT INTO app.b VALUES (1)")
	after := ask(t, s, "SELECT @@gtid_binlog_pos")
	m.waitFor(t, s)
	if e := m.find(after); e == nil || e.Kind != relay.Local {
		t.Errorf("entry after the beginning: %+v", e)
	}
}

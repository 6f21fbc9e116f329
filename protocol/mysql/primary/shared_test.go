package primary_test

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/primary"
)

// Several replicas read a large transaction at once, and one of them falls behind the others: all get every byte.
func TestLargeEntryIsShared(t *testing.T) {
	b := &bed{source: startSource(t), relayServer: startServer(t, func(c *primary.Config) { c.WriteTimeout = time.Minute })}
	b.capture(t)
	execute(t, b.source, "CREATE DATABASE app", "CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, v LONGBLOB)",
		"BEGIN", "INSERT INTO app.t (v) VALUES (REPEAT('a', 9000000))", "INSERT INTO app.t (v) VALUES (REPEAT('b', 18000000))", "INSERT INTO app.t (v) VALUES ('c')", "COMMIT")
	b.waitCaptured(t)
	want := b.source.BinlogFile("mariadb-bin.000001")
	req := request{file: "mariadb-bin.000001", offset: 4, flags: 3}
	dump := func(small bool) *raw {
		r := mustDial(t, b.addr, "repl", password)
		if small {
			if err := r.nc.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
				t.Fatal(err)
			}
		}
		if err := req.send(r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	readers := []*raw{dump(true), dump(false), dump(false)}
	waitFor(t, "slow reader to begin", func() (bool, error) { return len(b.Replicas()) == len(readers), nil })
	for i := len(readers) - 1; i >= 0; i-- { // the slow one comes last
		var got bytes.Buffer
		for {
			event, err := readers[i].next()
			if err != nil {
				break
			}
			h, err := binlog.ParseHeader(event)
			if err != nil {
				t.Fatal(err)
			}
			if h.Artificial() {
				continue
			}
			if _, err := binlog.VerifyChecksum(event); err != nil {
				t.Errorf("reader %d: %v", i, err)
			}
			got.Write(event)
		}
		if file := fileBytes(t, want); !bytes.Equal(got.Bytes(), file) {
			t.Errorf("reader %d got %d bytes, which are not the file's %d", i, got.Len(), len(file))
		}
	}
}

package primary_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/mysql/primary"
	"github.com/octant-db/octant/relay"
)

func FuzzStatement(f *testing.F) {
	for _, q := range []string{
		"SELECT UNIX_TIMESTAMP()", "SHOW VARIABLES LIKE 'SERVER_ID'", "SELECT @a, @`b c`", "KILL 5", "/* x */ -- y\nSELECT 1",
		"SELECT 'a\\'b''c' /*", "/*!50000 DROP */", "SET @@x=1;;", "SELECT binlog_gtid_pos('a',1)", "\x00;", "@", "@@", "'",
	} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		n, ok := primary.Tokenize(q)
		if ok && n == 0 {
			t.Error("no tokens")
		}
		if role := primary.RoleFor(q); role != primary.RoleRead && role != primary.RoleAdmin && role != primary.RoleReplicate {
			t.Errorf("role %q", role)
		}
	})
}

func FuzzSet(f *testing.F) {
	for _, q := range []string{
		"SET @master_binlog_checksum= @@global.binlog_checksum", "SET @a = -1, @b := 'x'", "SET @slave_connect_state='0-1-5,1-2-3'",
		"SET @master_heartbeat_period= 30000001024", "SET @a=,", "SET", "SET @a", "SET @slave_connect_state='', @slave_until_gtid='0-1-2'",
	} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		if names, ok := primary.ParseSet(q); ok && len(names) > 0 && names[0] == "" {
			t.Error("a variable without name")
		}
	})
}

func FuzzCommands(f *testing.F) {
	f.Add([]byte{0x20, 0, 0, 0, 0, 0, 0, 0xd0, 0x3b, 0, 0, 0, 0, 0, 0, 0, 0}, "0-1-2")
	f.Add([]byte{4, 0, 0, 0, 2, 0, 0x20, 0, 0, 0}, "")
	f.Add([]byte{1, 0, 0, 0, 255}, ",,")
	f.Fuzz(func(_ *testing.T, b []byte, state string) {
		_ = primary.ParseDump(b)
		_ = primary.ParseRegist(b)
		_, _ = primary.ParseState(state)
	})
}

func FuzzDumpGTID(f *testing.F) {
	f.Add([]byte{2, 0, 0x48, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{3, 0, 1, 0, 0, 0, 2, 0, 0, 0, 'a', 'b', 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 4, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255})
	f.Fuzz(func(_ *testing.T, b []byte) { _ = primary.ParseDumpGTID(b) })
}

// However a client's bytes are cut by the network, the same is understood.
func FuzzHear(f *testing.F) {
	ack := []byte("\x13\x00\x00\x00\xef\x31\x03\x00\x00\x00\x00\x00\x00bin.000002")
	f.Add(ack, 3)
	f.Add(append(ack, 1, 0, 0, 0, 1), 20)
	f.Add([]byte{255, 255, 255, 0, 1, 2}, 5)
	f.Fuzz(func(t *testing.T, b []byte, at int) {
		at = max(0, min(at, len(b)))
		n, quit := primary.Hear(b, nil)
		if m, q := primary.Hear(b[:at], b[at:]); m != n || q != quit {
			t.Errorf("%d %v in one piece, %d %v in two", n, quit, m, q)
		}
	})
}

func FuzzPrepare(f *testing.F) {
	for _, q := range []string{"SELECT ?", "'?", "`?", "/*?", "-- ?", "#", "\\", "'\\", "?'?'?", "/*/?*/?"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		n, text := primary.Prepare(q)
		if len(text) != len(q) || strings.Count(q, "?") < n {
			t.Errorf("%q becomes %q with %d parameters", q, text, n)
		}
	})
}

// nothing is a relay log of which nothing is asked.
type nothing struct{ relay.Log }

func (nothing) Local() relay.LocalStream { return nil }

// Whatever a stranger says instead of a login, or after it, the server goes on.
func FuzzLogin(f *testing.F) {
	login := []byte("\x4a\x00\x00\x01\x05\xa2\x3e\x00\x00\x00\x00\x01\x21" + strings.Repeat("\x00", 23) + "repl\x00\x14" + strings.Repeat("a", 20) + "mysql_native_password\x00")
	f.Add(login)
	f.Add([]byte("\x20\x00\x00\x01\x05\xaa\x3e\x00\x00\x00\x00\x01\x21" + strings.Repeat("\x00", 23)))
	f.Add([]byte("\x01\x00\x00\x01\x00"))
	s := primary.New(primary.Config{Users: users(), ServerVersion: "10.11.19-MariaDB", Log: nothing{}, LoginTimeout: 5 * time.Second})
	f.Fuzz(func(t *testing.T, b []byte) {
		client, server := net.Pipe()
		served := make(chan struct{})
		go func() {
			defer close(served)
			primary.ServeOne(s, server)
		}()
		var reader sync.WaitGroup
		reader.Go(func() { io.Copy(io.Discard, client) }) // until the pipe is closed
		client.SetWriteDeadline(time.Now().Add(5 * time.Second))
		client.Write(b) // the server may have closed it already
		client.Close()
		<-served
		reader.Wait()
		if n := len(s.Connections()); n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
}

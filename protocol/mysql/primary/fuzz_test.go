package primary_test

import (
	"testing"

	"github.com/octant-db/octant/protocol/mysql/primary"
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
		if role := primary.RoleFor(q); role != primary.RoleRead && role != primary.RoleAdmin {
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

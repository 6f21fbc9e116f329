package capture_test

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/capture"
	"github.com/octant-db/octant/relay"
)

// FuzzEventsOfServer claims that no events of a server make capture panic: type, length and body of each, checksums are right.
func FuzzEventsOfServer(f *testing.F) {
	for flavour, name := range []string{"types.binlog", "mysql-9.7.binlog"} {
		file, err := os.ReadFile("../binlog/testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		var packed []byte
		for e, err := range binlog.Events(binlog.One(file[4:])) {
			if body := binlog.Body(e); err == nil && len(packed) < 4000 {
				packed = binary.LittleEndian.AppendUint16(append(packed, e[4]), uint16(len(body)))
				packed = append(packed, body...)
			}
		}
		f.Add(flavour == 1, packed)
	}
	f.Fuzz(func(_ *testing.T, mysql bool, b []byte) {
		s := newScript()
		s.sent(binlog.FakeRotate(1, scriptFile, 4, true))
		for len(b) >= 3 {
			n := min(int(binary.LittleEndian.Uint16(b[1:])), len(b)-3)
			s.event(binlog.EventType(b[0]), b[3:3+n:3+n])
			b = b[3+n:]
		}
		flavour := map[bool]relay.Flavour{false: binlog.Flavour, true: binlog.MySQL}[mysql]
		src := capture.New(capture.Config{ServerID: 9, Flavour: flavour})
		_ = capture.Replay(src, &bytesConn{Reader: strings.NewReader(string(s.packets))},
			binlog.Position{Flavour: flavour, File: scriptFile, Offset: 4}, &counter{})
	})
}

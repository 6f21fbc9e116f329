package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// errTornTail: the server's file ends inside an event. A server that was killed while it wrote leaves such a file behind and begins
// another one when it starts; what was torn was never committed.
var errTornTail = errors.New("the binlog file ends inside an event")

// serverError turns an ERR or EOF packet into an error.
func serverError(payload []byte) error {
	if len(payload) > 0 && payload[0] == mysql.EOF_HEADER && len(payload) < 9 {
		return errEnded
	}
	if len(payload) < 3 || payload[0] != mysql.ERR_HEADER {
		return fmt.Errorf("unexpected packet of %d bytes: %w", len(payload), errPacket)
	}
	code, message := binary.LittleEndian.Uint16(payload[1:]), string(payload[3:])
	if len(message) >= 6 && message[0] == '#' {
		message = message[6:] // the SQL state
	}
	err := &mysql.MyError{Code: code, Message: message, State: "HY000"}
	if code == erMasterFatal {
		return fatal(err)
	}
	return refused(err)
}

// fatal says what the server's reason for refusing a dump means. The code is one for all; the texts are in sql/sql_repl.cc.
func fatal(err *mysql.MyError) error {
	has := func(words string) bool { return strings.Contains(err.Message, words) }
	switch {
	case has("Could not find first log file name"), has("have been purged"), has("source purged required"):
		return purged("it says: %s", err.Message)
	case has("impossible position"), has("is not in the master's binlog"), has("position > file size"),
		has("bogus data in log event"), has("has more GTIDs than the source"):
		return diverged("it says: %s", err.Message)
	case has("binlog truncated in the middle of event"):
		return fmt.Errorf("%w: %w", errTornTail, err)
	case has("max_allowed_packet"):
		return fmt.Errorf("%w: raise max_allowed_packet on the database to 1 GiB: %w", relay.ErrRefused, err)
	case has("same server_uuid/server_id"):
		return fmt.Errorf("another replica has the relay's server id: give each its own: %w", err)
	}
	return err
}

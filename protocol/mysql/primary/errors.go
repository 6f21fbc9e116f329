package primary

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/rendition"
)

// The reasons for ending a connection from another goroutine.
var (
	errKilled      = mysql.NewError(erConnectionKilled, "Connection was killed")
	errInterrupted = mysql.NewDefaultError(mysql.ER_QUERY_INTERRUPTED)
	errGone        = errors.New("the client is gone")
)

// Codes of MariaDB that the library does not name.
const (
	erConnectionKilled  = 1927
	erIncorrectGTIDList = 1941
	erSlaveSameID       = 4052
)

// fatal is the one error that stops a replica's I/O thread and is shown to its operator. All others make it reconnect.
func fatal(format string, args ...any) *mysql.MyError {
	return mysql.NewError(mysql.ER_MASTER_FATAL_ERROR_READING_BINLOG, fmt.Sprintf(format, args...))
}

// ahead is a refusal of what the relay may only not have read yet.
type ahead struct{ error }

// Unwrap returns what is sent.
func (a ahead) Unwrap() error { return a.error }

func notYet(format string, args ...any) error { return ahead{fatal(format, args...)} }

// What only a relay says.
func errEmpty() error {
	return mysql.NewError(mysql.ER_UNKNOWN_ERROR, "The relay has not read anything of its database yet; try again")
}

func errWrongFlavour(relay, client string) error {
	return fatal("This relay serves a %s binary log, and the client is a %s replica. Use a %s replica", relay, client, relay)
}

func errHostBlocked(host string) *mysql.MyError {
	return mysql.NewError(mysql.ER_HOST_IS_BLOCKED, fmt.Sprintf("Host '%s' is blocked because of many connection errors; wait, or correct the password", host))
}

func errNoRoom() error {
	return mysql.NewError(mysql.ER_OUT_OF_RESOURCES, "Out of memory: the relay's memory limit for clients is reached; raise it, or let fewer clients in")
}

func errNoFormat(file string) error {
	return fatal("The relay log no longer holds the beginning of %s. Provision the replica again, or point it at the database", file)
}

func errUnreadable(what string, err error) error {
	return fatal("The relay cannot read %s: %v", what, err)
}

// errNotShown is where a stream ends whose next transaction has no counterpart.
func errNotShown(r *rendition.Refusal) error {
	remedy := "Exclude the table in [replicas] of the relay's configuration, or give the column a type that fits and provision the replica again"
	if r.Altered {
		remedy = "Once the replica has applied what came before, make its table like what octant.replica_tables of the relay says, and start it again"
	}
	text := fmt.Sprintf("Transaction %s cannot be shown to a replica: table %s: %s. %s", r.Transaction, r.Table, r.Reason, remedy)
	return fatal("%s", text[:min(len(text), maxMessage)])
}

func accessDenied(role string) error {
	return mysql.NewError(mysql.ER_SPECIFIC_ACCESS_DENIED_ERROR,
		fmt.Sprintf("Access denied; you need the role '%s' for this operation: give it to the user in the relay's configuration", role))
}

func shutdown() *mysql.MyError { return mysql.NewDefaultError(mysql.ER_SERVER_SHUTDOWN) }

func isAccessDenied(err error) bool {
	var e *mysql.MyError
	return errors.As(err, &e) && e.Code == mysql.ER_ACCESS_DENIED_ERROR
}

// serverError makes an ERR packet's content of any error.
func serverError(err error) *mysql.MyError {
	var e *mysql.MyError
	if errors.As(err, &e) {
		return e
	}
	return mysql.NewError(mysql.ER_UNKNOWN_ERROR, err.Error())
}

// errPacket is the payload of an ERR packet.
func errPacket(e *mysql.MyError) []byte {
	b := []byte{mysql.ERR_HEADER}
	b = binary.LittleEndian.AppendUint16(b, e.Code)
	b = append(append(b, '#'), e.State...)
	return append(b, e.Message...)
}

// refuse answers a connection that is not served, in place of the greeting.
func refuse(nc net.Conn, e *mysql.MyError) {
	nc.SetWriteDeadline(time.Now().Add(farewell))
	payload := errPacket(e)
	nc.Write(append([]byte{byte(len(payload)), byte(len(payload) >> 8), 0, 0}, payload...)) // nobody to tell
}

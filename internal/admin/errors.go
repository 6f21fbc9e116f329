package admin

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// Error codes that go-mysql has no name for, or another one. MariaDB's are in its sql/share/errmsg-utf8.txt.
const (
	codeAccessDenied  = 1227 // ER_SPECIFIC_ACCESS_DENIED_ERROR
	codeReadOnly      = 1290 // ER_OPTION_PREVENTS_STATEMENT
	codeNoLogFile     = 1373 // ER_UNKNOWN_TARGET_BINLOG
	codeNoSuchChannel = 1617 // WARN_NO_MASTER_INFO
	codeNoProcedure   = 1305 // ER_SP_DOES_NOT_EXIST
	codeWrongArgument = 1210 // ER_WRONG_ARGUMENTS
	codeNotSupported  = 1235 // ER_NOT_SUPPORTED_YET
	codeUnknownEngine = 1286 // ER_UNKNOWN_STORAGE_ENGINE
	codeLogPurge      = 1378 // ER_BINLOG_PURGE_FATAL_ERR

	codeCannotConnect  = 2003 // CR_CONN_HOST_ERROR
	codeSlaveMustStop  = 1198 // ER_SLAVE_MUST_STOP
	codeThreadMustStop = 3021 // MySQL's ER_REPLICA_CHANNEL_IO_THREAD_MUST_STOP
	codeWrongLogEvents = 1220 // ER_ERROR_WHEN_EXECUTING_COMMAND
	codeGTIDList       = 1941 // MariaDB's ER_INCORRECT_GTID_STATE
	codeGTIDSet        = 1772 // MySQL's ER_MALFORMED_GTID_SET_SPECIFICATION
)

// maxMessage is how many bytes of an error's text a client gets: MariaDB's MYSQL_ERRMSG_SIZE.
const maxMessage = 512

// failure makes an error for the client, with the SQLSTATE that belongs to the code.
func failure(code uint16, format string, args ...any) *mysql.MyError {
	e := mysql.NewError(code, shorten(fmt.Sprintf(format, args...), maxMessage))
	if e.Code == codeNoProcedure || e.Code == codeUnknownEngine {
		e.State = "42000"
	}
	return e
}

// syntaxError is what is said of a statement that cannot be read from here on.
func syntaxError(rest string) *mysql.MyError {
	return failure(mysql.ER_PARSE_ERROR,
		"You have an error in your SQL syntax; the relay does not understand the statement near '%s'", shorten(rest, 80))
}

func readOnly() *mysql.MyError {
	return failure(codeReadOnly,
		"The relay's tables are read only; steer it with CALL octant.pause('b'), octant.resume('b'), octant.purge(lsn)")
}

func notSupported(what string) *mysql.MyError {
	return failure(codeNotSupported, "A relay does not support '%s'", shorten(what, 80))
}

// shorten cuts a text to at most n bytes, between characters.
func shorten(s string, n int) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

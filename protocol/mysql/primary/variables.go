package primary

import (
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/feed"
)

// variables are a connection's user variables, by name in lower case. They are kept here and not in the SQL engine, so
// that a broken engine cannot break replication.
type variables map[string]string

const (
	maxVariables     = 64
	maxVariableBytes = 64 << 10 // of one value: a connect state can name many domains
)

// handshakeVariables are those that replicas, mariadb-binlog and relays set before they dump.
var handshakeVariables = map[string]bool{
	"master_heartbeat_period": true, "source_heartbeat_period": true,
	"master_binlog_checksum": true, "source_binlog_checksum": true,
	"mariadb_slave_capability": true, "slave_connect_state": true, "slave_gtid_strict_mode": true,
	"slave_gtid_ignore_duplicates": true, "slave_until_gtid": true, "skip_replication": true,
	"slave_uuid": true, "replica_uuid": true, "rpl_semi_sync_slave": true, "rpl_semi_sync_replica": true,
	feed.VariableHello: true, feed.VariableFrom: true, feed.VariableOrigin: true,
}

type assignment struct{ name, value string }

// parseSet reads SET @a = 1, @b = 'x'; ok is false if the statement assigns anything else. all tells whether every
// variable is one of the handshake's.
func parseSet(tokens []token) (list []assignment, all, ok bool) {
	if len(tokens) == 0 || tokens[0] != (token{tokenWord, "set"}) {
		return nil, false, false
	}
	all = true
	for rest := tokens[1:]; ; rest = rest[1:] {
		a, after, ok := parseAssignment(rest)
		if !ok {
			return nil, false, false
		}
		list = append(list, a)
		all = all && handshakeVariables[a.name]
		if rest = after; len(rest) == 0 {
			return list, all, true
		}
		if rest[0] != (token{tokenMark, ","}) {
			return nil, false, false
		}
	}
}

func parseAssignment(tokens []token) (a assignment, rest []token, ok bool) {
	if len(tokens) < 3 || tokens[0].kind != tokenUser || tokens[1].kind != tokenMark || tokens[1].text != "=" && tokens[1].text != ":=" {
		return a, nil, false
	}
	value, rest, ok := parseValue(tokens[2:])
	return assignment{tokens[0].text, value}, rest, ok
}

// parseValue reads a literal, or the one system variable that replicas ask to be resolved.
func parseValue(tokens []token) (value string, rest []token, ok bool) {
	switch t := tokens[0]; {
	case t.kind == tokenString || t.kind == tokenNumber:
		return t.text, tokens[1:], true
	case t == token{tokenMark, "-"} && len(tokens) > 1 && tokens[1].kind == tokenNumber:
		return "-" + tokens[1].text, tokens[2:], true
	case t.kind == tokenSystem && (t.text == "global.binlog_checksum" || t.text == "binlog_checksum"):
		return "CRC32", tokens[1:], true
	}
	return "", nil, false
}

// assign keeps the values, or none of them.
func (v variables) assign(list []assignment) error {
	for _, a := range list {
		if _, known := v[a.name]; len(a.value) > maxVariableBytes || !known && len(v) >= maxVariables {
			return mysql.NewError(mysql.ER_OUT_OF_RESOURCES, "Too many or too long user variables")
		}
		v[a.name] = a.value
	}
	return nil
}

func (v variables) has(name string) bool {
	_, ok := v[name]
	return ok
}

// on tells whether a variable is a number other than 0.
func (v variables) on(name string) bool {
	value, ok := v[name]
	return ok && value != "" && value != "0"
}

// either returns the value of the first variable that is set.
func (v variables) either(names ...string) (string, bool) {
	for _, name := range names {
		if value, ok := v[name]; ok {
			return value, true
		}
	}
	return "", false
}

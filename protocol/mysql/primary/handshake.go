package primary

import (
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/binlog"
)

// handshake answers what a replica, a relay or mariadb-binlog says before it dumps. ok is false if the statement is not
// of that kind. The order in which MariaDB 10.11 and 11.8 ask is in sql/slave.cc, get_master_version_and_clock.
func (c *session) handshake(query string) (result *mysql.Result, err error, ok bool) {
	tokens, ok := tokenize(query)
	if !ok {
		return nil, nil, false
	}
	switch tokens[0].text {
	case "set":
		err, ok = c.set(tokens)
	case "kill":
		err, ok = c.killStatement(tokens)
	case "select":
		result, err, ok = c.selectStatement(query, tokens)
	case "show":
		result, err, ok = c.show(tokens)
	default:
		ok = false
	}
	return result, err, ok
}

func (c *session) set(tokens []token) (error, bool) {
	if len(tokens) > 2 && tokens[1] == (token{tokenWord, "names"}) {
		return nil, true
	}
	list, all, ok := parseSet(tokens)
	if !ok || !all && c.may(RoleRead) {
		return nil, false
	}
	return c.variables.assign(list), true
}

func (c *session) selectStatement(query string, tokens []token) (*mysql.Result, error, bool) {
	if names, ok := userVariables(tokens); ok {
		return c.selectVariables(names)
	}
	switch spell(tokens) {
	case "select unix_timestamp ( )":
		return cell(title(query), strconv.FormatInt(c.srv.cfg.Now().Unix(), 10))
	case "select version ( )", "select @@version":
		return cell(title(query), c.srv.cfg.ServerVersion)
	case "select @@global.server_id", "select @@server_id":
		return cell(title(query), strconv.FormatUint(uint64(c.srv.cfg.ServerID), 10))
	case "select @@global.gtid_domain_id":
		return cell(title(query), strconv.FormatUint(uint64(c.srv.cfg.Upstream().DomainID), 10))
	case "select @@global.binlog_checksum":
		return cell(title(query), "CRC32")
	case "select @@global.gtid_mode":
		// Only MySQL's replicas ask. With this answer those that replicate by GTID come as far as the dump, where the refusal
		// reaches their operator.
		return cell(title(query), "ON")
	}
	if file, offset, ok := gtidPosCall(tokens); ok {
		return c.binlogGTIDPos(title(query), file, offset)
	}
	return nil, nil, false
}

func (c *session) show(tokens []token) (*mysql.Result, error, bool) {
	columns := []string{"Variable_name", "Value"}
	switch spell(tokens) {
	case "show variables like 'server_id'", "show global variables like 'server_id'":
		return table(columns, []any{"server_id", strconv.FormatUint(uint64(c.srv.cfg.ServerID), 10)})
	case "show variables like 'rpl_semi_sync_master_enabled'", "show global variables like 'rpl_semi_sync_master_enabled'":
		// Any row, even OFF, makes a MariaDB replica wait for semi-sync packets and then fail. No row: the primary has no such thing.
		return table(columns)
	}
	return nil, nil, false
}

// selectVariables answers SELECT @a, @b, if they are ours to answer.
func (c *session) selectVariables(names []string) (*mysql.Result, error, bool) {
	var columns []string
	var row []any
	for _, name := range names {
		if !handshakeVariables[name] && c.may(RoleRead) {
			return nil, nil, false
		}
		columns = append(columns, "@"+name)
		if value, ok := c.variables[name]; ok {
			row = append(row, value)
		} else {
			row = append(row, nil)
		}
	}
	return table(columns, row)
}

// userVariables returns the names if the statement selects user variables and nothing else.
func userVariables(tokens []token) (names []string, ok bool) {
	if len(tokens)%2 != 0 {
		return nil, false
	}
	for i := 1; i < len(tokens); i += 2 {
		if tokens[i].kind != tokenUser || i+1 < len(tokens) && tokens[i+1] != (token{tokenMark, ","}) {
			return nil, false
		}
		names = append(names, tokens[i].text)
	}
	return names, len(names) > 0 && len(names) <= maxVariables
}

// spell writes tokens in one way, whatever the client's spaces, quotes and case were.
func spell(tokens []token) string {
	if len(tokens) > 8 {
		return ""
	}
	var parts []string
	for _, t := range tokens {
		switch t.kind {
		case tokenString:
			parts = append(parts, "'"+strings.ToLower(t.text)+"'")
		case tokenUser:
			parts = append(parts, "@"+t.text)
		case tokenSystem:
			parts = append(parts, "@@"+t.text)
		default:
			parts = append(parts, t.text)
		}
	}
	return strings.Join(parts, " ")
}

// gtidPosCall reads SELECT binlog_gtid_pos('file', offset), which a replica in file mode asks for.
func gtidPosCall(tokens []token) (file string, offset uint64, ok bool) {
	if len(tokens) != 7 || tokens[1].text != "binlog_gtid_pos" || tokens[3].kind != tokenString || tokens[5].kind != tokenNumber {
		return "", 0, false
	}
	offset, err := strconv.ParseUint(tokens[5].text, 10, 64)
	return tokens[3].text, offset, err == nil
}

// binlogGTIDPos answers with the GTID state at a place between two entries, NULL elsewhere as a server does.
func (c *session) binlogGTIDPos(column, file string, offset uint64) (*mysql.Result, error, bool) {
	if offset > 4 {
		if lsn, err := floorPosition(c.srv.cfg.Log.Local(), file, offset-1); err == nil {
			e, _, err := c.srv.cfg.Log.Local().Entry(lsn)
			p, perr := binlog.ParsePosition(string(e.Position))
			if err == nil && perr == nil && endOffset(e) == offset {
				return cell(column, p.GTIDs.String())
			}
		}
	}
	return table([]string{column}, []any{nil})
}

func (c *session) killStatement(tokens []token) (error, bool) {
	for _, noise := range []string{"hard", "soft", "connection"} {
		if len(tokens) > 2 && tokens[1].text == noise {
			tokens = tokens[1:]
		}
	}
	if len(tokens) != 2 || tokens[1].kind != tokenNumber {
		return nil, false
	}
	id, err := strconv.ParseUint(tokens[1].text, 10, 32)
	if err != nil {
		return mysql.NewDefaultError(mysql.ER_NO_SUCH_THREAD, 0), true
	}
	return c.srv.kill(c, uint32(id)), true
}

// processKill is the command behind mysqladmin kill.
func (c *session) processKill(data []byte) error {
	if len(data) < 4 {
		return mysql.NewDefaultError(mysql.ER_MALFORMED_PACKET)
	}
	return c.srv.kill(c, binary.LittleEndian.Uint32(data))
}

// title is a column's name as a server derives it: the text of the expression.
func title(query string) string {
	query = strings.TrimRight(strings.TrimSpace(query), "; \t\r\n")
	return strings.TrimSpace(query[min(len("select"), len(query)):])
}

func cell(column, value string) (*mysql.Result, error, bool) {
	return table([]string{column}, []any{value})
}

func table(columns []string, rows ...[]any) (*mysql.Result, error, bool) {
	set, err := mysql.BuildSimpleTextResultset(columns, rows)
	if err != nil {
		return nil, err, true
	}
	return mysql.NewResult(set), nil, true
}

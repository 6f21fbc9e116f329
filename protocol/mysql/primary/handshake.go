package primary

import (
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
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
		return cell(title(query), c.version())
	case "select @@global.server_id", "select @@server_id":
		return cell(title(query), strconv.FormatUint(uint64(c.srv.cfg.ServerID), 10))
	case "select @@global.binlog_checksum":
		return cell(title(query), "CRC32")
	}
	return c.srv.dialect.answer(c, tokens, title(query))
}

func (c *session) show(tokens []token) (*mysql.Result, error, bool) {
	columns := []string{"Variable_name", "Value"}
	switch spell(tokens) {
	case "show variables like 'server_id'", "show global variables like 'server_id'":
		return table(columns, []any{"server_id", strconv.FormatUint(uint64(c.srv.cfg.ServerID), 10)})
	}
	return c.srv.dialect.answer(c, tokens, "")
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

// title is a column's name as a server derives it: the text of the expression.
func title(query string) string {
	query = strings.TrimRight(strings.TrimSpace(query), "; \t\r\n")
	return strings.TrimSpace(query[min(len("select"), len(query)):])
}

func cell(column, value string) (*mysql.Result, error, bool) {
	return table([]string{column}, []any{value})
}

func table(columns []string, rows ...[]any) (*mysql.Result, error, bool) {
	return mysql.NewResult(textSet(columns, rows)), nil, true
}

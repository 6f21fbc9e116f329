package primary

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// The bounds of prepared statements, which stay in memory until the client closes them or goes.
const (
	maxPrepared      = 256       // of one connection
	maxPreparedBytes = 256 << 10 // of one statement
)

// prepared is a statement with places for parameters: it is put together and executed as a text.
type prepared struct {
	parts []string // what stands before, between and after the parameters
}

// prepare takes a statement apart at its question marks.
func (c *session) prepare(query string) (*prepared, error) {
	switch {
	case c.prepared >= maxPrepared:
		return nil, mysql.NewDefaultError(mysql.ER_MAX_PREPARED_STMT_COUNT_REACHED, maxPrepared)
	case len(query) > maxPreparedBytes:
		return nil, mysql.NewError(mysql.ER_UNSUPPORTED_PS, "The statement is too long to be prepared")
	}
	parts := splitParameters(strings.Clone(query)) // it aliases the packet
	if len(parts) > maxParameters+1 {
		return nil, mysql.NewDefaultError(mysql.ER_PS_MANY_PARAM)
	}
	c.prepared++
	return &prepared{parts}, nil
}

// maxParameters is what the protocol has room for.
const maxParameters = 1<<16 - 1

// splitParameters cuts at question marks that stand neither in a string or name nor in a comment.
func splitParameters(query string) (parts []string) {
	from := 0
	for i := 0; i < len(query); {
		switch c := query[i]; {
		case c == '?':
			parts = append(parts, query[from:i])
			from, i = i+1, i+1
		case c == '\'' || c == '"' || c == '`':
			i = afterQuoted(query, i)
		default:
			i = afterComment(query, i)
		}
	}
	return append(parts, query[from:])
}

// afterQuoted returns where what begins with the quote at i ends. A doubled quote is two of these.
func afterQuoted(query string, i int) int {
	quote := query[i]
	for i++; i < len(query); i++ {
		switch {
		case query[i] == '\\' && quote != '`':
			i++
		case query[i] == quote:
			return i + 1
		}
	}
	return len(query)
}

// afterComment returns where the comment at i ends, or the next byte if there is none.
func afterComment(query string, i int) int {
	rest, end := query[i:], ""
	switch {
	case strings.HasPrefix(rest, "/*"):
		end = "*/"
	case rest[0] == '#' || strings.HasPrefix(rest, "-- "):
		end = "\n"
	default:
		return i + 1
	}
	n := strings.Index(rest[1:], end)
	if n < 0 {
		return len(query)
	}
	return i + 1 + n + len(end)
}

// text returns the statement with the parameters in it.
func (p *prepared) text(args []any) (string, error) {
	if len(args) != len(p.parts)-1 {
		return "", mysql.NewDefaultError(mysql.ER_WRONG_ARGUMENTS, "mysqld_stmt_execute")
	}
	var b strings.Builder
	for i, part := range p.parts {
		b.WriteString(part)
		if i == len(args) {
			break
		}
		value, err := parameter(args[i])
		if err != nil {
			return "", err
		}
		b.WriteString(value)
	}
	return b.String(), nil
}

// parameter writes a value as SQL.
func parameter(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "NULL", nil
	case int8, int16, int32, int64, uint8, uint16, uint32, uint64:
		return fmt.Sprint(v), nil
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32), nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case []byte:
		return quoteParameter(v), nil
	case mysql.TypedBytes:
		return typedParameter(v)
	}
	return "", mysql.NewError(mysql.ER_UNSUPPORTED_PS, "The relay does not take parameters of this type; let the client put them in")
}

// typedParameter writes strings and numbers. Times come in a form of their own.
func typedParameter(v mysql.TypedBytes) (string, error) {
	switch v.Type {
	case mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_NEWDATE, mysql.MYSQL_TYPE_TIMESTAMP, mysql.MYSQL_TYPE_DATETIME, mysql.MYSQL_TYPE_TIME:
		return "", mysql.NewError(mysql.ER_UNSUPPORTED_PS, "The relay does not take times as parameters; send them as strings")
	}
	return quoteParameter(v.Bytes), nil
}

// quoteParameter writes a string so that nothing in it can end it.
func quoteParameter(b []byte) string {
	for _, c := range b {
		if c < ' ' || c == '\'' || c == '\\' || c >= 0x80 {
			return "x'" + hex.EncodeToString(b) + "'"
		}
	}
	return "'" + string(b) + "'"
}

// refuseExecute answers with an error. The library would wrap it and lose its code, so it is written here, and the library is given a result
// of which nothing is left to be written.
func (c *session) refuseExecute(err error) (*mysql.Result, error) {
	if werr := c.conn.WritePacket(append(make([]byte, packetHead), errPacket(serverError(err))...)); werr != nil {
		return nil, werr
	}
	return mysql.NewResult(&mysql.Resultset{Fields: make([]*mysql.Field, 1), Streaming: mysql.StreamingMultiple, StreamingDone: true}), nil
}

// binaryResult gives a text result the form that prepared statements have.
func binaryResult(r *mysql.Result) (*mysql.Result, error) {
	if r == nil || !r.HasResultset() {
		return r, nil
	}
	names := make([]string, len(r.Fields))
	for i, f := range r.Fields {
		names[i] = string(f.Name)
	}
	rows := make([][]any, len(r.RowDatas))
	for i, data := range r.RowDatas {
		values, err := data.ParseText(r.Fields, nil)
		if err != nil {
			return nil, fmt.Errorf("convert result: %w", err)
		}
		for _, v := range values {
			rows[i] = append(rows[i], binaryValue(v.Value()))
		}
	}
	set, err := mysql.BuildSimpleBinaryResultset(names, rows)
	if err != nil {
		return nil, fmt.Errorf("convert result: %w", err)
	}
	if len(rows) == 0 {
		set.Fields = r.Fields // the library sets them with the first row: see textSet
	}
	out := *r
	out.Resultset = set
	return &out, nil
}

// binaryValue makes strings of bytes, which the library would otherwise call a blob.
func binaryValue(v any) any {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return v
}

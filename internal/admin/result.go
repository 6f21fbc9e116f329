package admin

import (
	"strconv"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// columnKind is the type of a column, in tables and in results made here.
type columnKind uint8

const (
	textColumn    columnKind = iota // string
	intColumn                       // int64
	naturalColumn                   // uint64
	timeColumn                      // time.Time, to the millisecond; the zero time is NULL
	longColumn                      // string of any length
)

// column is one column. Any value may be nil, for NULL.
type column struct {
	name string
	kind columnKind
}

const (
	charsetText   = 45 // utf8mb4_general_ci
	charsetBinary = 63
)

// field describes a column to the client.
func (c column) field() *mysql.Field {
	f := &mysql.Field{Name: []byte(c.name), OrgName: []byte(c.name), Charset: charsetBinary, Flag: mysql.BINARY_FLAG}
	switch c.kind {
	case intColumn:
		f.Type, f.ColumnLength = mysql.MYSQL_TYPE_LONGLONG, 20
	case naturalColumn:
		f.Type, f.ColumnLength = mysql.MYSQL_TYPE_LONGLONG, 20
		f.Flag |= mysql.UNSIGNED_FLAG
	case timeColumn:
		f.Type, f.ColumnLength, f.Decimal = mysql.MYSQL_TYPE_DATETIME, 23, 3
	default:
		f.Type, f.ColumnLength, f.Charset, f.Flag = mysql.MYSQL_TYPE_VAR_STRING, 1024, charsetText, 0
	}
	return f
}

// newResult makes a result of rows whose values are of the columns' types. go-mysql's own builder takes types from the first row, so
// that an empty result has none, and it reuses fields of earlier results.
func newResult(columns []column, rows ...[]any) *mysql.Result {
	set := &mysql.Resultset{Fields: make([]*mysql.Field, len(columns)), RowDatas: make([]mysql.RowData, len(rows))}
	for i, c := range columns {
		set.Fields[i] = c.field()
	}
	for i, row := range rows {
		var data []byte
		for _, v := range row {
			data = appendCell(data, v)
		}
		set.RowDatas[i] = data
	}
	return mysql.NewResult(set)
}

// appendCell appends a value as the text protocol has it.
func appendCell(data []byte, v any) []byte {
	var s []byte
	switch v := v.(type) {
	case nil:
		return append(data, 0xfb)
	case string:
		s = []byte(v)
	case []byte:
		s = v
	case int:
		s = strconv.AppendInt(nil, int64(v), 10)
	case int64:
		s = strconv.AppendInt(nil, v, 10)
	case uint64:
		s = strconv.AppendUint(nil, v, 10)
	case time.Time:
		if v.IsZero() {
			return append(data, 0xfb)
		}
		s = []byte(v.UTC().Format("2006-01-02 15:04:05.000"))
	}
	return append(data, mysql.PutLengthEncodedString(s)...)
}

package primary

import "github.com/go-mysql-org/go-mysql/mysql"

// textSet makes a result of texts and NULLs. The library's builder takes a set that was used before from a pool, by a client in this process perhaps, and believes the columns that
// it finds in it: an answer then fails, or has another one's names.
func textSet(columns []string, rows [][]any) *mysql.Resultset {
	set := &mysql.Resultset{Fields: make([]*mysql.Field, len(columns)), RowDatas: make([]mysql.RowData, len(rows))}
	for i, name := range columns {
		set.Fields[i] = &mysql.Field{Name: []byte(name), Charset: utf8Charset, Type: mysql.MYSQL_TYPE_NULL}
	}
	for i, row := range rows {
		for j, cell := range row {
			text, isText := cell.(string)
			if !isText {
				set.RowDatas[i] = append(set.RowDatas[i], nullCell)
				continue
			}
			set.Fields[j].Type = mysql.MYSQL_TYPE_VAR_STRING
			set.RowDatas[i] = append(set.RowDatas[i], mysql.PutLengthEncodedString([]byte(text))...)
		}
	}
	return set
}

const (
	utf8Charset = 33   // utf8mb3_general_ci, which every client knows
	nullCell    = 0xfb // NULL in the text protocol
)

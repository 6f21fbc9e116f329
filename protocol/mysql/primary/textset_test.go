package primary_test

import (
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/primary"
)

// TestAnswersAreTheirOwn: results that somebody in this process has let go of say nothing in later ones.
func TestAnswersAreTheirOwn(t *testing.T) {
	for range 100 {
		used := mysql.NewResult(mysql.NewResultset(2))
		for i := range used.Fields {
			used.Fields[i] = &mysql.Field{Name: []byte("used"), Type: mysql.MYSQL_TYPE_LONGLONG}
		}
		used.Close()
		r, err, ok := primary.Table([]string{"Variable_name", "Value"}, []any{"server_id", "7"}, []any{"other", nil})
		if err != nil || !ok {
			t.Fatal(err)
		}
		for i, want := range []string{"Variable_name", "Value"} {
			if f := r.Fields[i]; string(f.Name) != want || f.Type != mysql.MYSQL_TYPE_VAR_STRING {
				t.Fatalf("column %d is %q of type %d", i, f.Name, f.Type)
			}
		}
		for i, want := range []string{"\x09server_id\x017", "\x05other\xfb"} {
			if got := string(r.RowDatas[i]); got != want {
				t.Fatalf("row %d is %q, want %q", i, got, want)
			}
		}
	}
}

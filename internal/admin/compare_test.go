package admin_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/internal/admin"
	"github.com/octant-db/octant/relay"
)

// side answers for a region, and writes down what it was asked.
type side struct{ asked []string }

func (s *side) ask(format string, args ...any) {
	s.asked = append(s.asked, fmt.Sprintf(format, args...))
}

func (s *side) Tables(context.Context) ([]relay.ComparedTable, error) {
	return []relay.ComparedTable{{Name: "app.t", Definition: "id int"}}, nil
}

func (s *side) Bound(_ context.Context, table string, after relay.RowKey, rows int) (relay.RowKey, error) {
	s.ask("bound %s %q %d", table, after, rows)
	return "31_", nil
}

func (s *side) Digest(_ context.Context, table string, span relay.Span) (relay.SpanDigest, error) {
	s.ask("digest %s %v", table, span)
	return relay.SpanDigest{Rows: 7, Sum: relay.Sum{1}}, nil
}

func (s *side) Rows(_ context.Context, table string, span relay.Span) ([]relay.RowDigest, error) {
	s.ask("rows %s %v", table, span)
	return []relay.RowDigest{{Key: "31_"}, {Key: "32_"}}, nil
}

func (s *side) Cut(context.Context) (relay.Cut, error) {
	return relay.Cut{Region: 1, LSN: 5, HLC: 6}, nil
}

func (s *side) Shown(context.Context) (relay.Vector, error) { return relay.Vector{0, 1, 2}, nil }

func (s *side) Look(_ context.Context, table string, since relay.LSN, keys []relay.RowKey) ([]relay.Look, error) {
	s.ask("look %s %d %v", table, since, keys)
	return make([]relay.Look, len(keys)), nil
}

func (s *side) Columns(_ context.Context, table string, key relay.RowKey) ([]relay.ColumnValue, error) {
	s.ask("columns %s %s", table, key)
	return []relay.ColumnValue{{Name: "id", Key: true, Value: []byte("1")}, {Name: "v"}}, nil
}

func (s *side) Replace(_ context.Context, r relay.Replacement) error {
	s.ask("replace %s %s %v %d", r.Table, r.Key, r.Expect, len(r.Values))
	return relay.ErrChanged
}

func (s *side) Shape(_ context.Context, table string) (*relay.Shape, error) {
	s.ask("shape %s", table)
	return &relay.Shape{Flavour: "f"}, nil
}

func (s *side) ByValue(f *relay.ValueForm) relay.Comparison {
	s.ask("by value of %s", f.Columns[0].Name)
	return s
}

func TestComparison(t *testing.T) {
	s := &side{}
	e := admin.New(admin.Config{Inspector: &fixed{}, Comparison: func() relay.Comparison { return s }})
	sum := relay.Sum{1}.String()
	row := base64.StdEncoding.EncodeToString([]byte(`[{"Name":"id","Value":"MQ=="}]`))
	subject, err := relay.Subject("app.t", &relay.ValueForm{Columns: []relay.FormColumn{{Name: "größe"}}})
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct{ statement, rows, asked, refused string }{
		{"CALL octant.compare_tables()", "app.t,id int,", "", ""},
		{"CALL octant.compare_bound('app.t','30_',100)", "31_", `bound app.t "30_" 100`, ""},
		{"CALL octant.compare_digest('app.t','','31_')", "7," + sum, "digest app.t { 31_}", ""},
		{"call compare_rows('app.t','30_','')", "31_,00000000000000000000000000000000;32_,00000000000000000000000000000000", "rows app.t {30_ }", ""},
		{"CALL octant.compare_cut()", "1,5,6", "", ""},
		{"CALL octant.compare_shown()", "0;1;2", "", ""},
		{"CALL octant.compare_look('app.t',9,'31_','32_')", "NULL,NULL,0,0,0;NULL,NULL,0,0,0", "look app.t 9 [31_ 32_]", ""},
		{"CALL octant.compare_columns('app.t','31_')", "id,1,1,NULL,NULL;v,0,NULL,NULL,NULL", "columns app.t 31_", ""},
		{"CALL octant.compare_bound('" + subject + "','30_',100)", "31_", `by value of größe;bound app.t "30_" 100`, ""},
		{"CALL octant.compare_look('" + subject + "',9)", "", "by value of größe;look app.t 9 []", ""},
		{"CALL octant.compare_bound('{\"Table\":','30_',100)", "", "", "cut short"},
		{"CALL octant.compare_shape('app.t')", `{"Flavour":"f","Columns":null,"Key":null,"Problem":""}`, "shape app.t", ""},
		{"CALL octant.compare_replace('app.t','31_','','" + row + "')", "", "replace app.t 31_ <nil> 1", "1020"},
		{"CALL octant.compare_replace('app.t','31_','','rubbish')", "", "", "base64"},
		{"CALL octant.compare_bound('app.t',1,100)", "", "", "Incorrect arguments"},
		{"CALL octant.compare_look('app.t',9,10)", "", "", "Incorrect arguments"},
		{"CALL octant.compare_cut('x')", "", "", "Incorrect arguments"},
	}
	for _, c := range cases {
		s.asked = nil
		result, err := e.Query(t.Context(), admin.Session{Roles: []string{"replicate", "admin"}}, c.statement)
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: %v, want %s", c.statement, err, c.refused)
			}
		} else if err != nil || table(t, result) != c.rows {
			t.Errorf("%s: %v, rows %s, want %s", c.statement, err, table(t, result), c.rows)
		}
		if asked := strings.Join(s.asked, ";"); asked != c.asked {
			t.Errorf("%s: asked %s, want %s", c.statement, asked, c.asked)
		}
	}
}

// table is a result in one line.
func table(t *testing.T, r *mysql.Result) string {
	t.Helper()
	if r == nil || r.Resultset == nil {
		return ""
	}
	var lines []string
	for _, data := range r.RowDatas {
		values, err := data.ParseText(r.Fields, nil)
		if err != nil {
			t.Fatal(err)
		}
		var cells []string
		for _, v := range values {
			if v.Value() == nil {
				cells = append(cells, "NULL")
				continue
			}
			cells = append(cells, strings.Trim(v.String(), "'"))
		}
		lines = append(lines, strings.Join(cells, ","))
	}
	return strings.Join(lines, ";")
}

// TestComparisonTakesARole: rows are for those who may replicate, and are written by administrators alone.
func TestComparisonTakesARole(t *testing.T) {
	e := admin.New(admin.Config{Inspector: &fixed{}, Comparison: func() relay.Comparison { return &side{} }})
	denied := func(role, statement string) bool {
		_, err := e.Query(t.Context(), admin.Session{Roles: []string{role}}, statement)
		var refusal *mysql.MyError
		return errors.As(err, &refusal) && refusal.Code == 1227
	}
	read, write := "CALL octant.compare_columns('app.t','31_')", "CALL octant.compare_replace('app.t','31_','','')"
	if denied("replicate", read) || !denied("read", read) || !denied("replicate", write) || !denied("read", write) || denied("admin", write) {
		t.Error("the roles are not as they should be")
	}
	without := admin.New(admin.Config{Inspector: &fixed{}})
	if _, err := without.Query(t.Context(), admin.Session{Roles: []string{"replicate"}}, read); err == nil {
		t.Error("a relay that cannot compare has answered")
	}
}

package deploy_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

const boardFile = "grafana/octant.json"

// board is what Grafana reads of its model of a board, as far as it is used: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
type board struct {
	UID, Title    string
	SchemaVersion int
	Panels        []panel
	Templating    struct{ List []variable }
	Annotations   struct{ List []annotation }
}

type panel struct {
	ID              int
	Type, Title     string
	Datasource      source
	Targets         []target
	GridPos         struct{ X, Y, W, H int }
	FieldConfig     struct{ Defaults struct{ Unit string } }
	Transformations []struct {
		ID      string
		Options struct{ RowField, ColumnField, ValueField string }
	}
}

type source struct{ Type, UID string }

type target struct {
	RefID, Expr, LegendFormat, Format string
	Datasource                        source
}

type variable struct {
	Name, Type string
	Datasource source
	Query      any // of a data source's kind a word, of its values an object
}

type annotation struct {
	Expr       string
	Datasource source
}

func readBoard(t *testing.T) board {
	t.Helper()
	var b board
	if err := json.Unmarshal([]byte(readFile(t, boardFile)), &b); err != nil {
		t.Fatal(err)
	}
	return b
}

// expressions are the queries of all panels and annotations, and of the variable.
func (b board) expressions() (list []string) {
	for _, p := range b.Panels {
		for _, target := range p.Targets {
			list = append(list, target.Expr)
		}
	}
	for _, a := range b.Annotations.List {
		list = append(list, a.Expr)
	}
	for _, v := range b.Templating.List {
		if q, is := v.Query.(map[string]any); is {
			metric, _, _ := strings.Cut(strings.TrimPrefix(q["query"].(string), "label_values("), ",")
			list = append(list, metric)
		}
	}
	return list
}

// What the board's panels may be: core panels of Grafana, and units that it knows. See packages/grafana-data/src/valueFormats/categories.ts in its source.
var (
	panelTypes = map[string]bool{"stat": true, "table": true, "timeseries": true}
	units      = map[string]bool{"short": true, "s": true, "ops": true, "rowsps": true, "Bps": true, "bytes": true, "dateTimeFromNow": true}
	transforms = map[string]bool{"groupingToMatrix": true, "organize": true}
)

// gridWidth is of Grafana's grid.
const gridWidth = 24

// TestBoardIsAsGrafanaWantsIt: Grafana itself cannot be had everywhere.
func TestBoardIsAsGrafanaWantsIt(t *testing.T) {
	b := readBoard(t)
	if b.UID == "" || b.Title == "" || b.SchemaVersion < 36 { // 36: data sources are objects
		t.Errorf("uid %q, title %q, schema %d", b.UID, b.Title, b.SchemaVersion)
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range b.Panels {
		if ids[p.ID] || p.ID == 0 || p.Title == "" || !panelTypes[p.Type] || !units[p.FieldConfig.Defaults.Unit] || len(p.Targets) == 0 {
			t.Errorf("panel %d %q: type %q, unit %q, %d queries, or its number is there twice", p.ID, p.Title, p.Type, p.FieldConfig.Defaults.Unit, len(p.Targets))
		}
		ids[p.ID] = true
		p.check(t)
		g := p.GridPos
		if g.W < 1 || g.H < 1 || g.X < 0 || g.X+g.W > gridWidth {
			t.Errorf("panel %q is beside the grid: %+v", p.Title, g)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other, is := taken[[2]int{x, y}]; is {
					t.Fatalf("panels %q and %q overlap at %d, %d", p.Title, other, x, y)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// check looks at a panel's queries: all ask the data source that is chosen on the board, and each has its own letter.
func (p panel) check(t *testing.T) {
	t.Helper()
	chosen := source{"prometheus", "${datasource}"}
	letters := map[string]bool{}
	for _, q := range p.Targets {
		if q.Datasource != chosen || p.Datasource != chosen || q.RefID == "" || letters[q.RefID] || q.Expr == "" {
			t.Errorf("panel %q: query %q of %+v", p.Title, q.RefID, q.Datasource)
		}
		letters[q.RefID] = true
		if (p.Type == "table") != (q.Format == "table") {
			t.Errorf("panel %q is a %s of format %q", p.Title, p.Type, q.Format)
		}
	}
	for _, tr := range p.Transformations {
		if !transforms[tr.ID] {
			t.Errorf("panel %q: transformation %q", p.Title, tr.ID)
		}
	}
}

// TestBoardsVariablesAreThere: what queries and data sources name with a dollar is a variable of the board, or one of Grafana's own.
func TestBoardsVariablesAreThere(t *testing.T) {
	there := map[string]bool{"__rate_interval": true, "__all": true}
	for _, v := range readBoard(t).Templating.List {
		there[v.Name] = true
	}
	for _, m := range regexp.MustCompile(`\$\{?([a-z_]+)\}?`).FindAllStringSubmatch(readFile(t, boardFile), -1) {
		if !there[m[1]] {
			t.Errorf("there is no variable %s", m[1])
		}
	}
}

// TestBoardHasAllThatAnOperatorLooksFor: a panel for each.
func TestBoardHasAllThatAnOperatorLooksFor(t *testing.T) {
	all := strings.Join(readBoard(t).expressions(), "\n")
	for _, metric := range []string{
		"octant_lag_seconds", "octant_clock_offset_seconds", "rate(octant_captured_transactions_total", "rate(octant_applied_transactions_total",
		"rate(octant_conflicts_total", "octant_dead_letters", "octant_log_bytes", "octant_verify_differences",
	} {
		if !strings.Contains(strings.ReplaceAll(all, "sum by (region, kind, policy) (", ""), metric) {
			t.Errorf("nothing shows %s", metric)
		}
	}
	matrices := 0
	for _, p := range readBoard(t).Panels {
		for _, tr := range p.Transformations {
			if tr.ID == "groupingToMatrix" && tr.Options.RowField == "region" && tr.Options.ColumnField == "peer" {
				matrices++
			}
		}
	}
	if matrices != 2 {
		t.Errorf("%d panels show regions by origins, want lag and clocks", matrices)
	}
}

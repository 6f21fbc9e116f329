package console

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/octant-db/octant/relay"
)

// tablesPage lists the tables; those that are held come first.
type tablesPage struct {
	frame
	Tables []tableRow
}

type tableRow struct {
	relay.TableStatus
	Mood mood
}

func (c *Console) tables(w http.ResponseWriter, _ *http.Request, s *session) {
	p := tablesPage{frame: c.frame("Tables", "/tables", s)}
	for _, t := range c.cfg.Inspector.Tables() {
		row := tableRow{t, good}
		switch t.State {
		case "held":
			row.Mood = bad
		case "excluded":
			row.Mood = idle
		}
		p.Tables = append(p.Tables, row)
	}
	slices.SortStableFunc(p.Tables, func(a, b tableRow) int {
		if (a.Mood == bad) != (b.Mood == bad) {
			if a.Mood == bad {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
	})
	c.show(w, http.StatusOK, "tables", p)
}

package admin

import (
	"context"
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

func resolveProcedure(ctx context.Context, call *call, a []token) error {
	id, err := strconv.ParseUint(a[0].text, 10, 64)
	if err != nil {
		return failure(codeWrongArgument, "%s is no id of a conflict", shorten(a[0].text, 40))
	}
	return call.e.cfg.Controller.Resolve(ctx, id, a[1].text)
}

// reasoningColumns are those of what octant.explain answers.
var reasoningColumns = []column{{"step", textColumn}, {"hlc", intColumn}, {"region", intColumn}, {"row", longColumn}, {"why", longColumn}}

// explain is CALL octant.explain('schema.table', key…).
func explain(a []token) (statement, error) {
	if len(a) < 2 || a[0].kind != text || !strings.Contains(a[0].text, ".") {
		return statement{}, failure(codeWrongArgument, "Incorrect arguments to octant.explain: it takes 'schema.table' and the values of the primary key")
	}
	var key []string
	for _, t := range a[1:] {
		key = append(key, t.text)
	}
	return statement{role: roleRead, run: func(ctx context.Context, call *call) (*mysql.Result, error) {
		steps, err := call.e.cfg.Inspector.Explain(ctx, a[0].text, key)
		if err != nil {
			return nil, err
		}
		return asRows(reasoningColumns, steps, func(r relay.Reasoning) []any {
			if r.Version.IsZero() {
				return []any{r.Step, nil, nil, row(r.Row), r.Why}
			}
			return []any{r.Step, int64(r.Version.HLC), int64(r.Version.Region), row(r.Row), r.Why}
		}), nil
	}}, nil
}

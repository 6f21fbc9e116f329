package admin

import (
	"context"
	"strconv"

	"github.com/octant-db/octant/relay"
)

// letterProcedure is a procedure that does something about one dead letter.
func letterProcedure(do func(relay.Controller, context.Context, uint64) error) func(context.Context, *call, []token) error {
	return func(ctx context.Context, call *call, a []token) error {
		id, err := letterID(a[0])
		if err != nil {
			return err
		}
		return do(call.e.cfg.Controller, ctx, id)
	}
}

func editProcedure(ctx context.Context, call *call, a []token) error {
	id, err := letterID(a[0])
	if err != nil {
		return err
	}
	return call.e.cfg.Controller.EditLetter(ctx, id, a[1].text)
}

func letterID(t token) (uint64, error) {
	id, err := strconv.ParseUint(t.text, 10, 64)
	if err != nil {
		return 0, failure(codeWrongArgument, "%s is no id of a dead letter", shorten(t.text, 40))
	}
	return id, nil
}

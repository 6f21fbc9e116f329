package admin

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// giving is a procedure by which a region that joins asks this one for its data: see relay.Donor.
type giving struct {
	arguments []tokenKind
	run       func(ctx context.Context, d relay.Donor, a []token) (*mysql.Result, error)
}

var givings = map[string]giving{
	"join_admit":  {[]tokenKind{text}, joinAdmit},
	"join_keep":   {[]tokenKind{text, text}, joinKeep},
	"join_tables": {nil, joinTables},
	"join_rows":   {[]tokenKind{text, text, number}, joinRows},
	"join_lag":    {nil, joinLag},
	"join_log":    {[]tokenKind{number, number, number}, joinLog},
	"join_images": {[]tokenKind{text, text, number}, joinImages},
	"join_freeze": {[]tokenKind{number}, joinFreeze},
	"join_thaw":   {[]tokenKind{text, number}, joinThaw},
}

// give is the statement that asks.
func (g giving) give(name string, a []token) (statement, error) {
	if q := (&inquiry{arguments: g.arguments}); !q.fits(a) {
		return statement{}, failure(codeWrongArgument, "Incorrect arguments to octant.%s: it is spoken between relays of one version", name)
	}
	return statement{role: roleReplicate, patient: true, run: func(ctx context.Context, call *call) (*mysql.Result, error) {
		var donor relay.Donor
		if call.e.cfg.Donor != nil {
			donor = call.e.cfg.Donor()
		}
		if donor == nil {
			return nil, notSupported("CALL octant." + name)
		}
		return g.run(ctx, donor, a)
	}}, nil
}

// asDocument answers with a value as JSON.
func asDocument(v any, err error) (*mysql.Result, error) {
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(v)
	return newResult([]column{{"answer", longColumn}}, []any{data}), err
}

func joinAdmit(ctx context.Context, d relay.Donor, a []token) (*mysql.Result, error) {
	h, err := introduction(a[0])
	if err != nil {
		return nil, err
	}
	return asDocument(d.Admit(ctx, h))
}

// introduction reads who wants to join.
func introduction(t token) (h relay.Hello, err error) {
	b, err := hex.DecodeString(t.text)
	if err != nil || h.UnmarshalBinary(b) != nil {
		return h, errors.New("read who wants to join: the introduction is malformed")
	}
	return h, nil
}

func joinKeep(ctx context.Context, d relay.Donor, a []token) (*mysql.Result, error) {
	h, err := introduction(a[0])
	if err != nil {
		return nil, err
	}
	behind, err := d.Keep(ctx, h, a[1].text)
	return newResult([]column{{"behind", naturalColumn}}, []any{uint64(behind)}), err
}

func joinTables(ctx context.Context, d relay.Donor, _ []token) (*mysql.Result, error) {
	list, err := d.Definitions(ctx)
	columns := []column{{"name", textColumn}, {"definition", longColumn}, {"problem", textColumn}, {"statement", longColumn}, {"row_count", naturalColumn}}
	return asRows(columns, list, func(t relay.TableDefinition) []any {
		return []any{t.Name, t.Definition, t.Problem, t.Create, t.Rows}
	}), err
}

// numbers reads arguments that are numbers.
func numbers(a []token) ([]uint64, error) {
	list := make([]uint64, len(a))
	for i, t := range a {
		n, err := strconv.ParseUint(t.text, 10, 63)
		if err != nil {
			return nil, failure(codeWrongArgument, "%s is too large a number", shorten(t.text, 40))
		}
		list[i] = n
	}
	return list, nil
}

// What one answer may be asked to have.
const (
	mostRows  = 1 << 20
	mostBytes = 8 << 20
)

func joinRows(ctx context.Context, d relay.Donor, a []token) (*mysql.Result, error) {
	n, err := numbers(a[2:])
	if err != nil {
		return nil, err
	}
	b, err := d.Read(ctx, a[0].text, relay.RowKey(a[1].text), int(min(n[0], mostRows)))
	return newResult([]column{{"row_count", intColumn}, {"last", textColumn}, {"data", longColumn}}, []any{b.Rows, string(b.Last), b.Data}), err
}

func joinLag(ctx context.Context, d relay.Donor, _ []token) (*mysql.Result, error) {
	lag, err := d.Lag(ctx)
	return newResult([]column{{"lag_ms", intColumn}}, []any{lag.Milliseconds()}), err
}

// joinLog answers with a row for each piece, or with one without a piece.
func joinLog(ctx context.Context, d relay.Donor, a []token) (*mysql.Result, error) {
	n, err := numbers(a)
	if err != nil {
		return nil, err
	}
	p, err := d.Redo(ctx, relay.LSN(n[0]), int64(n[1]), int(min(n[2], mostBytes)))
	columns := []column{{"merged", naturalColumn}, {"lsn", naturalColumn}, {"flavour", textColumn}, {"ends", intColumn}, {"data", longColumn}, {"local", intColumn}}
	if len(p.Pieces) == 0 {
		return newResult(columns, []any{uint64(p.Merged), nil, nil, nil, nil, nil}), err
	}
	return asRows(columns, p.Pieces, func(piece relay.LogPiece) []any {
		return []any{uint64(p.Merged), uint64(piece.LSN), string(piece.Flavour), truth(piece.End), piece.Data, truth(piece.Local)}
	}), err
}

// joinImages answers with a row for each image, or with one without an image.
func joinImages(ctx context.Context, d relay.Donor, a []token) (*mysql.Result, error) {
	n, err := numbers(a[2:])
	if err != nil {
		return nil, err
	}
	b, err := d.Images(ctx, a[0].text, relay.RowKey(a[1].text), int(min(n[0], mostRows)))
	columns := []column{{"flavour", textColumn}, {"described", longColumn}, {"last", textColumn}, {"image", longColumn}}
	if len(b.Images) == 0 {
		return newResult(columns, []any{string(b.Flavour), b.Native, nil, nil}), err
	}
	rows := make([][]any, len(b.Images))
	for i, img := range b.Images {
		rows[i] = []any{nil, nil, nil, []byte(img)}
	}
	rows[0][0], rows[0][1], rows[0][2] = string(b.Flavour), b.Native, string(b.Last)
	return newResult(columns, rows...), err
}

func joinFreeze(ctx context.Context, d relay.Donor, a []token) (*mysql.Result, error) {
	n, err := numbers(a)
	if err != nil {
		return nil, err
	}
	return asDocument(d.Freeze(ctx, relay.Region(min(n[0], relay.MaxRegions))))
}

// joinThaw answers NULL if what was frozen is gone.
func joinThaw(ctx context.Context, d relay.Donor, a []token) (*mysql.Result, error) {
	n, err := numbers(a[1:])
	if err != nil {
		return nil, err
	}
	data, err := d.Thaw(ctx, a[0].text, int64(n[0]))
	columns := []column{{"data", longColumn}}
	if errors.Is(err, relay.ErrNotFound) {
		return newResult(columns, []any{nil}), nil
	}
	if data == nil {
		data = []byte{}
	}
	return newResult(columns, []any{data}), err
}

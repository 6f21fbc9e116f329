package join

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/internal/inquire"
	"github.com/octant-db/octant/relay"
)

// Remote is another region's Donor, asked over its relay's listen.mysql.
type Remote struct{ *inquire.Relay }

var _ relay.Donor = Remote{}

// Admit implements relay.Donor.
func (r Remote) Admit(ctx context.Context, h relay.Hello) (admission relay.Admission, err error) {
	hello, err := h.AppendBinary(nil)
	if err != nil {
		return admission, err
	}
	err = r.Ask(ctx, func(f []mysql.FieldValue) error {
		return json.Unmarshal(f[0].AsString(), &admission)
	}, "join_admit", hex.EncodeToString(hello))
	return admission, err
}

// Keep implements relay.Donor.
func (r Remote) Keep(ctx context.Context, h relay.Hello, place string) (behind relay.LSN, err error) {
	hello, err := h.AppendBinary(nil)
	if err != nil {
		return 0, err
	}
	err = r.Ask(ctx, func(f []mysql.FieldValue) error {
		behind = relay.LSN(f[0].AsUint64())
		return nil
	}, "join_keep", hex.EncodeToString(hello), place)
	return behind, err
}

// Definitions implements relay.Donor.
func (r Remote) Definitions(ctx context.Context) (list []relay.TableDefinition, err error) {
	err = r.Ask(ctx, func(f []mysql.FieldValue) error {
		list = append(list, relay.TableDefinition{
			ComparedTable: relay.ComparedTable{Name: inquire.Cell(f, 0), Definition: inquire.Cell(f, 1), Problem: inquire.Cell(f, 2)},
			Create:        inquire.Cell(f, 3), Rows: f[4].AsUint64(),
		})
		return nil
	}, "join_tables")
	return list, err
}

// Read implements relay.Donor.
func (r Remote) Read(ctx context.Context, table string, after relay.RowKey, limit int) (b relay.RowBatch, err error) {
	err = r.Ask(ctx, func(f []mysql.FieldValue) error {
		b = relay.RowBatch{Rows: int(f[0].AsInt64()), Last: relay.RowKey(inquire.Cell(f, 1)), Data: append([]byte{}, f[2].AsString()...)}
		return nil
	}, "join_rows", table, string(after), limit)
	return b, err
}

// Lag implements relay.Donor.
func (r Remote) Lag(ctx context.Context) (lag time.Duration, err error) {
	err = r.Ask(ctx, func(f []mysql.FieldValue) error {
		lag = time.Duration(f[0].AsInt64()) * time.Millisecond
		return nil
	}, "join_lag")
	return lag, err
}

// Redo implements relay.Donor.
func (r Remote) Redo(ctx context.Context, from relay.LSN, skip int64, limit int) (p relay.LogPieces, err error) {
	err = r.Ask(ctx, func(f []mysql.FieldValue) error {
		p.Merged = relay.LSN(f[0].AsUint64())
		if f[1].Value() == nil {
			return nil
		}
		p.Pieces = append(p.Pieces, relay.LogPiece{
			LSN: relay.LSN(f[1].AsUint64()), Flavour: relay.Flavour(inquire.Cell(f, 2)), End: f[3].AsInt64() != 0, Data: append([]byte{}, f[4].AsString()...),
			Local: f[5].AsInt64() != 0,
		})
		return nil
	}, "join_log", uint64(from), skip, limit)
	return p, err
}

// Images implements relay.Donor.
func (r Remote) Images(ctx context.Context, table string, after relay.RowKey, limit int) (b relay.RowImages, err error) {
	err = r.Ask(ctx, func(f []mysql.FieldValue) error {
		if f[0].Value() != nil {
			b = relay.RowImages{Flavour: relay.Flavour(inquire.Cell(f, 0)), Native: append([]byte{}, f[1].AsString()...), Last: relay.RowKey(inquire.Cell(f, 2))}
		}
		if f[3].Value() != nil {
			b.Images = append(b.Images, append(relay.Image{}, f[3].AsString()...))
		}
		return nil
	}, "join_images", table, string(after), limit)
	return b, err
}

// Freeze implements relay.Donor.
func (r Remote) Freeze(ctx context.Context, newcomer relay.Region) (frozen relay.Frozen, err error) {
	err = r.Ask(ctx, func(f []mysql.FieldValue) error {
		return json.Unmarshal(f[0].AsString(), &frozen)
	}, "join_freeze", uint64(newcomer))
	return frozen, err
}

// errGone is what a relay says when what was frozen is no longer there.
var errGone = errors.New("what was kept for this region is no longer there")

// Thaw implements relay.Donor.
func (r Remote) Thaw(ctx context.Context, id string, from int64) (data []byte, err error) {
	found := false
	err = r.Ask(ctx, func(f []mysql.FieldValue) error {
		found = f[0].Value() != nil
		data = append([]byte{}, f[0].AsString()...)
		return nil
	}, "join_thaw", id, from)
	if err == nil && !found {
		err = fmt.Errorf("%w: %w", relay.ErrNotFound, errGone)
	}
	return data, err
}

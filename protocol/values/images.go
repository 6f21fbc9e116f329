package values

import (
	"context"
	"fmt"

	"github.com/octant-db/octant/relay"
)

// Images reads rows behind a key as the database's log would have them; see relay.TableCopier. With no limit only the table's description comes.
func Images(ctx context.Context, db Holder, name string, after relay.RowKey, limit int) (b relay.RowImages, err error) {
	err = db.Hold(ctx, name, func(h Held) error {
		t := h.Table()
		b = relay.RowImages{Flavour: t.Flavour, Native: t.Native}
		if limit <= 0 {
			return nil
		}
		s := Selection{Limit: limit}
		if s.After, err = keyValues(t, after); err != nil {
			return err
		}
		return h.Select(ctx, s, func(row []relay.Value) error {
			img, err := t.Plain.Image(row)
			if err != nil {
				return fmt.Errorf("write a row of %s as the log has it: %w", t, err)
			}
			b.Images, b.Last = append(b.Images, img), KeyText(t, row)
			return nil
		})
	})
	return b, err
}

// KeyText is the key of a row of plain values.
func KeyText(t *relay.Table, row []relay.Value) relay.RowKey {
	parts := make([][]byte, len(t.Key))
	for i, part := range t.Key {
		parts[i] = PlainText(row[part.Column])
	}
	return relay.NewRowKey(parts)
}

// keyValues reads what KeyText wrote; nil: it is the empty key.
func keyValues(t *relay.Table, key relay.RowKey) ([]relay.Value, error) {
	if key == "" {
		return nil, nil
	}
	texts, err := key.Values(len(t.Key))
	if err != nil {
		return nil, err
	}
	types, list := t.Plain.Types(), make([]relay.Value, len(texts))
	for i, part := range t.Key {
		if list[i], err = ParsePlain(texts[i], &types[part.Column]); err != nil {
			return nil, fmt.Errorf("read a key of %s: %w", t, err)
		}
	}
	return list, nil
}

package protocoltest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/octant-db/octant/relay"
)

// patience bounds each case.
const patience = time.Minute

// bed is one case's view of an engine, captured from its beginning.
type bed struct {
	Engine
	t       testing.TB
	ctx     context.Context
	target  relay.Target
	capture *capturing
}

func newBed(t *testing.T, e Engine, target relay.Target) *bed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	b := &bed{Engine: e, t: t, ctx: ctx, target: target}
	b.capture = b.captureFrom("")
	b.fence()
	b.capture.forget()
	return b
}

// rows are the rows of app.item, each as "id v n".
func (b *bed) rows() []string {
	b.t.Helper()
	return b.Query(b.t, "SELECT CONCAT(id, ' ', v, ' ', n) FROM app.item ORDER BY id")
}

func (b *bed) requireRows(want ...string) {
	b.t.Helper()
	if got := b.rows(); !slices.Equal(got, want) {
		b.t.Errorf("the rows are %q, want %q", got, want)
	}
}

// sequence makes marks that no other case of any engine has used.
var sequence atomic.Uint64

// mark returns the next mark of region 2.
func (b *bed) mark() relay.Mark {
	n := relay.Seq(sequence.Add(1))
	return relay.Mark{Origin: 2, Range: relay.Range{From: n, To: n}, HLC: relay.HLC(time.Now().UnixMicro())}
}

// write commits writes under a mark.
func (b *bed) write(m relay.Mark, writes ...relay.Write) error {
	tx, err := b.target.Begin(b.ctx, m)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // harmless after Commit
	if err := tx.Write(b.ctx, writes); err != nil {
		return err
	}
	return tx.Commit(b.ctx)
}

// changes are what the application's statements did, as the decoder tells.
func (b *bed) changes(sql string) []relay.Change {
	b.t.Helper()
	b.Exec(b.t, sql)
	b.fence()
	var all []relay.Change
	for _, e := range b.capture.take(relay.Local) {
		all = append(all, b.decode(e)...)
	}
	return all
}

// decode reads an entry's rows of schema app.
func (b *bed) decode(e entry) (all []relay.Change) {
	b.t.Helper()
	body := func(yield func([]byte, error) bool) { yield(e.native, nil) }
	for c, err := range b.Decoder().Changes(body) {
		if err != nil {
			b.t.Fatal(err)
		}
		if c.Table != nil && c.Table.Schema == "app" {
			all = append(all, c)
		}
	}
	return all
}

// images makes images of rows: the application inserts them, and they are deleted again.
func (b *bed) images(table, values string) (*relay.Table, []relay.Image) {
	b.t.Helper()
	var images []relay.Image
	var of *relay.Table
	for _, c := range b.changes(fmt.Sprintf("INSERT INTO %s VALUES %s", table, values)) {
		of, images = c.Table, append(images, c.After)
	}
	b.changes("DELETE FROM " + table)
	return of, images
}

// text writes a change as "UPDATE app.item 1,a,2 > 1,b,2".
func (b *bed) text(c relay.Change) string {
	b.t.Helper()
	parts := []string{c.Op.String(), c.Table.String()}
	switch c.Op {
	case relay.Insert:
		parts = append(parts, b.values(c.Table, c.After))
	case relay.Delete:
		parts = append(parts, strings.SplitN(b.values(c.Table, c.Before), ",", 2)[0]) // an engine may log the key alone
	default:
		parts = append(parts, strings.SplitN(b.values(c.Table, c.Before), ",", 2)[0], ">", b.values(c.Table, c.After))
	}
	return strings.Join(parts, " ")
}

func (b *bed) values(t *relay.Table, img relay.Image) string {
	b.t.Helper()
	values, err := t.Decode(img)
	if err != nil {
		b.t.Fatal(err)
	}
	texts := make([]string, len(values))
	for i, v := range values {
		switch v.Kind {
		case relay.Int:
			texts[i] = fmt.Sprint(v.Int)
		case relay.Uint:
			texts[i] = fmt.Sprint(v.Uint)
		default:
			texts[i] = string(v.Bytes)
		}
	}
	return strings.Join(texts, ",")
}

// fence waits until all that is committed has been captured: a mark that is written now comes back.
func (b *bed) fence() {
	b.t.Helper()
	if b.capture == nil {
		return
	}
	m := b.mark()
	if err := b.write(m); err != nil {
		b.t.Fatal(err)
	}
	b.capture.await(b.t, m)
}

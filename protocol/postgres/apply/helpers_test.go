package apply_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/apply"
	"github.com/octant-db/octant/protocol/postgres/catalog"
	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/relay"
)

// station is a server, a target on it, and tables as another region with the same ones would describe them.
type station struct {
	*pgtest.Server
	t      testing.TB
	ctx    context.Context
	target *apply.Target
	cache  *logical.TableCache
	seq    relay.Seq
}

func newStation(t testing.TB, schema string, settings ...string) *station {
	t.Helper()
	s := pgtest.Start(t, pgtest.Oldest(t), settings...)
	s.Prepare(t, schema)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	st := &station{Server: s, t: t, ctx: ctx, cache: logical.NewTableCache()}
	st.target = st.open(200 * time.Millisecond)
	return st
}

// open makes another target on the server.
func (s *station) open(lockWait time.Duration) *apply.Target {
	s.t.Helper()
	target, err := apply.New(apply.Config{
		Addr: s.Addr(), Database: pgtest.Database, User: pgtest.User, Password: pgtest.Password, Self: 1, LockWait: lockWait,
		Ruled: func(_, table string) bool { return strings.HasPrefix(table, "ruled") },
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := target.Open(s.ctx); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { target.Close() })
	return target
}

// table describes a table of schema app.
func (s *station) table(name string) *relay.Table {
	s.t.Helper()
	c, err := connect.Open(s.ctx, connect.Config{Addr: s.Addr(), Database: pgtest.Database, User: pgtest.User, Password: pgtest.Password}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.End()
	local, err := catalog.Read(s.ctx, c, "app", name)
	if err != nil {
		s.t.Fatal(err)
	}
	schema, err := s.cache.Get(local.Append(nil))
	if err != nil {
		s.t.Fatal(err)
	}
	return schema.Table
}

// image makes an image of texts with | between them; NULL and ? mean what they say.
func image(texts string) relay.Image {
	var cells []logical.Cell
	for text := range strings.SplitSeq(texts, "|") {
		c := logical.Cell{Kind: logical.IsText, Text: []byte(text)}
		switch text {
		case "NULL":
			c = logical.Cell{Kind: logical.IsNull}
		case "?":
			c = logical.Cell{Kind: logical.IsAbsent}
		}
		cells = append(cells, c)
	}
	return logical.AppendImage(nil, cells)
}

// mark returns the next transaction's mark of region 2.
func (s *station) mark() relay.Mark {
	s.seq++
	return relay.Mark{Origin: 2, Range: relay.Range{From: s.seq, To: s.seq}, HLC: 1_700_000_000_000_000 + relay.HLC(s.seq), Lane: 1}
}

// apply writes in one transaction of its own.
func (s *station) apply(writes ...relay.Write) error {
	s.t.Helper()
	tx, err := s.target.Begin(s.ctx, s.mark())
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := tx.Write(s.ctx, writes); err != nil {
		return err
	}
	return tx.Commit(s.ctx)
}

// rows returns a table of schema app in the order of its texts.
func (s *station) rows(table string) string {
	s.t.Helper()
	return strings.Join(s.Query(s.t, `SELECT r::text FROM app.`+table+` r ORDER BY r::text COLLATE "C"`), " ")
}

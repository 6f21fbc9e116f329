package demo

import (
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
	"github.com/octant-db/octant/testenv/pgserver"
)

// TestShopInEveryEngine runs the common shop's application against a server of each engine, without relays: no statement of it may be wrong, and the same
// application leaves the same rows in all of them.
func TestShopInEveryEngine(t *testing.T) {
	if len(pgserver.Engines()) == 0 {
		t.Skip("no PostgreSQL is installed: run make engines")
	}
	ctx := envtest.Context(t, 2*time.Minute)
	bed := envtest.Start(t, testenv.Options{
		Regions: 3, Engines: casts["mixed"], Database: "shop", Relaxed: true, Memory: true, SchemaOf: func(r *testenv.Region) string { return shopSchema(r, 1) },
	})
	s := &show{bed: bed}
	for _, r := range bed.Regions {
		db, err := openDatabase(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.close)
		s.databases = append(s.databases, db)
		shopper := newShopper(newWriter(testenv.Site{Name: "a", ID: 1}), r.Engine)
		for range 300 {
			list := shopper.transaction()
			for i := range list {
				list[i] = strings.NewReplacer("NOW(6)", "'2024-01-02 03:04:05.000006'", "localtimestamp(6)", "'2024-01-02 03:04:05.000006'").Replace(list[i])
			}
			if _, err := db.run(ctx, list); err != nil {
				t.Fatalf("%s: %v", r.Engine, err)
			}
		}
	}
	diff, err := s.compare(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range diff.Tables {
		if table.Rows[0] == 0 || table.Rows[0] != table.Rows[1] || table.Rows[0] != table.Rows[2] {
			t.Errorf("%s has %v rows", table.Table, table.Rows)
		}
	}
	for _, d := range diff.Rows {
		if d.Table != "shop.orders" { // whose numbers each server gives out in its own steps
			t.Errorf("%v", d)
		}
	}
}

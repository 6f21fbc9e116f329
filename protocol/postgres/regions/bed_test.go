package regions_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// region is one server with its relay.
type region struct {
	name   string
	server *pgtest.Server
	relay  *testenv.Relay
}

// bed is a cluster.
type bed struct {
	t       testing.TB
	regions []*region
	network *testenv.Network
}

// start runs a region on each of the engines.
func start(t *testing.T, schema string, engines ...pgtest.Engine) *bed {
	t.Helper()
	ctx := envtest.Context(t, time.Duration(max(3, len(engines)))*time.Minute) // on a busy machine
	octant := envtest.Octant(t)
	dir, err := os.MkdirTemp("", "octant-pg-regions-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			os.RemoveAll(dir)
		}
	})
	b := &bed{t: t}
	targets := make(map[string]string)
	for i, e := range engines {
		r := &region{name: string(rune('a' + i)), server: pgtest.Start(t, e)}
		r.server.Prepare(t, schema)
		if r.relay, err = testenv.NewRelay(testenv.RelayOptions{
			Binary: octant, Dir: filepath.Join(dir, r.name), Config: configOf(r, i+1, filepath.Join(dir, r.name, "data")),
		}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.relay.Close() })
		targets[r.name] = r.relay.Addr()
		b.regions = append(b.regions, r)
	}
	if b.network, err = testenv.NewNetwork(targets); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.network.Close() })
	for _, r := range b.regions {
		b.introduce(r)
		if err := r.relay.Start(); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range b.regions {
		if err := r.relay.WaitReady(ctx, "peers=all"); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func configOf(r *region, id int, data string) testenv.RelayConfig {
	return testenv.RelayConfig{
		Region: testenv.RegionConfig{Cluster: "pg", Name: r.name, ID: id, DataDir: data},
		Database: testenv.DatabaseConfig{
			URL: fmt.Sprintf("postgres://%s@%s/%s", pgtest.User, r.server.Addr(), pgtest.Database), Password: pgtest.Password, Include: []string{"app.*"},
		},
		Rules: []testenv.RuleConfig{{Tables: []string{"app.sums"}, Policy: "merge", Counters: []string{"n"}}},
		Users: []testenv.UserConfig{
			{Name: "peer", Password: "secret", Roles: []string{"replicate"}}, {Name: "admin", Password: "secret", Roles: []string{"read", "admin"}},
		},
	}
}

// introduce tells a relay of the others.
func (b *bed) introduce(r *region) {
	b.t.Helper()
	err := r.relay.Configure(func(c *testenv.RelayConfig) {
		for _, other := range b.regions {
			if other != r {
				c.Peers = append(c.Peers, testenv.PeerConfig{
					Region: other.name, Address: b.network.Link(r.name, other.name).Addr(), User: "peer", Password: "secret",
				})
			}
		}
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// dump returns a table's rows in the order of its key.
func (r *region) dump(t testing.TB, table string) string {
	t.Helper()
	return strings.Join(r.server.Query(t, fmt.Sprintf("SELECT r::text FROM %s r ORDER BY r::text COLLATE \"C\"", table)), "\n")
}

// awaitIdentical waits until the tables are the same everywhere.
func (b *bed) awaitIdentical(t testing.TB, limit time.Duration, tables ...string) {
	t.Helper()
	began := time.Now()
	deadline := began.Add(limit)
	defer func() { t.Logf("identical after %s", time.Since(began).Round(time.Millisecond)) }()
	for _, table := range tables {
		for {
			want, same := b.regions[0].dump(t, table), true
			for _, r := range b.regions[1:] {
				same = same && r.dump(t, table) == want
			}
			if same {
				break
			}
			if time.Now().After(deadline) {
				for _, r := range b.regions {
					dump := r.dump(t, table)
					t.Errorf("%s in region %s: %d rows\n%.3000s\n%s", table, r.name, strings.Count(dump, "\n")+1, dump, r.relay.LogTail())
				}
				t.FailNow()
			}
			b.pause()
		}
	}
}

// pause is how often the tables are looked at.
func (b *bed) pause() {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	<-ctx.Done()
}

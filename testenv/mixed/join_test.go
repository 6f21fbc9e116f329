package mixed_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// parents and children are tied: two engines do not log what becomes of children.
var (
	parents  = &table{name: "parents", rest: "PRIMARY KEY (id)", columns: []column{{"id", each("int"), ""}, {"v", text("varchar(20)"), ""}}}
	children = &table{
		name: "children", rest: "PRIMARY KEY (id), UNIQUE (word), FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE, FOREIGN KEY (other) REFERENCES parents (id) ON DELETE SET NULL",
		columns: []column{{"id", each("int"), ""}, {"parent", each("int"), ""}, {"other", each("int"), ""}, {"word", text("varchar(20)"), ""}},
	}
	families = []*table{parents, children}

	// apart do not go together in all engines.
	apart = []*table{unlike, uneven, shaped, ranged}
)

// TestRegionsJoinFromOtherEngines: a region begins as the copy of another engine's, by value, while all write.
func TestRegionsJoinFromOtherEngines(t *testing.T) {
	joinInTurn(t, 4000, [][2]dialect{{mySQL, postgreSQL}, {postgreSQL, mariaDB}})
}

// joinInTurn brings one region after the other into a cluster of two: of an engine, from one of another.
func joinInTurn(t *testing.T, many int, turns [][2]dialect) {
	b := start(t, joinRuling, mariaDB, postgreSQL)
	b.populate(t, many)
	for _, one := range turns {
		if b.joins(t, one[0], b.of(one[1])); t.Failed() {
			return
		}
	}
	b.quiet(t, joining()...)
}

// joinRuling is ruling without regions that are not there from the beginning.
func joinRuling(c *testenv.RelayConfig) {
	ruling(c)
	for i := range c.Rules {
		if len(c.Rules[i].Regions) > 0 {
			c.Rules[i].Regions = []string{"b", "a"}
		}
	}
}

// joining are the tables that everybody writes to while a region joins.
func joining() []*table {
	return slices.Concat([]*table{everything, keyed, accounts}, ruled, families)
}

// populate gives the cluster rows of every type, and many of one.
func (b *bed) populate(t *testing.T, many int) {
	for _, r := range b.regions {
		for _, statement := range edges(r.is, 100*r.id) {
			r.exec(t, session(r.is)+"; "+statement)
		}
	}
	var rows []string
	for id := range many {
		rows = append(rows, fmt.Sprintf("(%d, 'owner %d', %d.25, NULL, NULL, '{\"n\": %d}')", 1000+id, id, id, id))
	}
	for some := range slices.Chunk(rows, 1000) {
		b.regions[0].exec(t, "INSERT INTO app.accounts VALUES "+strings.Join(some, ", "))
	}
	for id := range hot {
		b.regions[0].exec(t, fmt.Sprintf("INSERT INTO app.parents VALUES (%d, 'first')", id))
	}
	b.awaitSame(t, time.Minute, joining()...)
}

// joins brings in a region of an engine as the copy of a donor of another one. The join is killed on the way, and so is the donor's relay.
func (b *bed) joins(t *testing.T, is dialect, donor *region) {
	t.Run(fmt.Sprintf("%s from %s", is, donor.is), func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), 3*time.Minute)
		defer stop()
		var writers sync.WaitGroup
		for _, r := range b.regions {
			writers.Go(func() { r.writes(ctx) })
		}
		r := b.newcomer(t, is)
		if len(b.regions) == 2 {
			b.refusesUnlike(ctx, t, r, donor)
		}
		r.drop(t, apart...)
		for try := range 2 {
			if out, err := r.join(ctx, t, time.Duration(300+500*try)*time.Millisecond, "--from", donor.name, "--rows", "1000"); err == nil {
				t.Errorf("the join was over before it could be killed:\n%s", out)
			}
		}
		if err := donor.relay.Restart(); err != nil {
			t.Fatal(err)
		}
		awaitTrue(t, time.Minute, "the donor's relay answers", func() bool {
			_, err := donor.relay.Get(ctx, "/healthz")
			return err == nil
		})
		out, err := r.join(ctx, t, 2*time.Minute, "--from", donor.name)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Logf("%s", out)
		if err := r.relay.Start(); err != nil {
			t.Fatal(err)
		}
		b.regions = append(b.regions, r)
		b.awaitReady()
		for range 50 {
			_ = r.write(rand.New(rand.NewPCG(7, uint64(r.id))))
		}
		stop()
		writers.Wait()
		b.awaitSame(t, 3*time.Minute, joining()...)
		b.noLetters(t)
	})
}

// refusesUnlike: tables that do not go together are named before anything is written, and rows are not kept that cannot be compared.
func (b *bed) refusesUnlike(ctx context.Context, t *testing.T, r, donor *region) {
	for want, args := range map[string][]string{"unlike: column tags is": nil, "uneven: column n": nil, "--replace": {"--keep"}} {
		out, err := r.join(ctx, t, time.Minute, append(args, "--from", donor.name)...)
		if err == nil || !strings.Contains(out, want) {
			t.Errorf("the join with %q said %v, and not %q:\n%s", args, err, want, out)
		}
	}
	for _, tab := range joining() {
		if got := strings.TrimSpace(tab.dump(t, r)); got != "" {
			t.Errorf("%s has rows:\n%s", tab.name, got)
		}
	}
	for _, other := range b.regions {
		other.drop(t, apart...)
	}
}

// drop drops tables of one region alone.
func (r *region) drop(t *testing.T, list ...*table) {
	t.Helper()
	var statements []string
	for _, tab := range list {
		statements = append(statements, "DROP TABLE app."+tab.name)
	}
	if r.is != postgreSQL {
		statements = slices.Concat([]string{"SET sql_log_bin=0"}, statements, []string{"SET sql_log_bin=1"})
	}
	if err := r.tryAll(statements...); err != nil {
		t.Fatal(err)
	}
}

// writes changes rows until ctx ends, as applications do that pause now and then.
func (r *region) writes(ctx context.Context) {
	pace := time.NewTicker(25 * time.Millisecond)
	defer pace.Stop()
	for random := rand.New(rand.NewPCG(2, uint64(r.id))); ctx.Err() == nil; <-pace.C {
		_ = r.write(random) // deadlocks and lock waits, with which applications live
	}
}

// write changes something.
func (r *region) write(random *rand.Rand) error {
	id, other := random.IntN(hot), random.IntN(hot)
	switch random.IntN(6) {
	case 0:
		return r.try(fmt.Sprintf("DELETE FROM app.parents WHERE id = %d", id))
	case 1:
		return r.try(fmt.Sprintf("INSERT INTO app.parents VALUES (%d, '%s')", id, r.name))
	case 2:
		child := 1000*r.id + random.IntN(hot)
		return r.try(fmt.Sprintf("DELETE FROM app.children WHERE id = %d; INSERT INTO app.children VALUES (%d, %d, %d, 'word %d')", child, child, id, other, other))
	case 3:
		return r.try(fmt.Sprintf("UPDATE app.accounts SET owner = 'changed in %s' WHERE id = %d", r.name, 1000+random.IntN(5000)))
	case 4:
		return r.try(r.ruledStatement(random))
	}
	return r.try(r.statement(random))
}

// newcomer makes a region with empty tables, of which all others know.
func (b *bed) newcomer(t *testing.T, is dialect) *region {
	r := b.database(is, len(b.regions)+1, 5)
	b.makeRelay(r)
	err := r.relay.Configure(func(c *testenv.RelayConfig) {
		for _, other := range b.regions {
			c.Peers = append(c.Peers, testenv.PeerConfig{Region: other.name, Address: other.relay.Addr(), User: "peer", Password: "secret"})
		}
		joinRuling(c)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range b.regions {
		other.call(t, fmt.Sprintf("CALL octant.add_peer('%s', '%s')", r.name, r.relay.Addr()))
	}
	return r
}

// call steers a relay.
func (r *region) call(t *testing.T, statement string) {
	t.Helper()
	db, err := r.relay.Open("admin", "secret")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// join runs octant join, and kills it after a while.
func (r *region) join(ctx context.Context, t *testing.T, limit time.Duration, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out, err := exec.CommandContext(ctx, envtest.Octant(t), append([]string{"join", "--config", r.relay.ConfigFile()}, args...)...).CombinedOutput()
	return string(out), err
}

package mixed_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/testenv"
)

// hot is how many rows everybody writes to.
const hot = 30

// storm lets all regions change the same rows at once, while lines are cut and relays killed.
func (b *bed) storm(t *testing.T, writing time.Duration) {
	ctx, stop := context.WithTimeout(t.Context(), writing)
	defer stop()
	var writers sync.WaitGroup
	var written, failed atomic.Int64
	for _, r := range b.regions {
		writers.Go(func() {
			for random := rand.New(rand.NewPCG(1, uint64(r.id))); ctx.Err() == nil; {
				statement := r.statement(random)
				if random.IntN(2) == 0 {
					statement = r.ruledStatement(random)
				}
				if err := r.try(statement); err != nil {
					failed.Add(1) // deadlocks and lock waits, with which applications live
					continue
				}
				written.Add(1)
			}
		})
	}
	b.trouble(ctx, t, writing)
	writers.Wait()
	if n := written.Load(); n < 100 || failed.Load() > n/2 {
		t.Errorf("%d statements succeeded, %d failed", n, failed.Load())
	}
	b.awaitReady()
	b.awaitSame(t, 2*time.Minute, append(ruled, accounts, keyed)...)
	t.Logf("%d statements", written.Load())
	b.noLetters(t)
}

// trouble cuts one region off and kills the relay of another, again and again.
func (b *bed) trouble(ctx context.Context, t *testing.T, writing time.Duration) {
	t.Helper()
	turn := writing / 8
	for n := 0; ; n++ {
		r := b.regions[n%len(b.regions)]
		b.network.Isolate(r.name, testenv.Cut)
		relay.Sleep(ctx, relay.SystemClock{}, turn)
		if err := b.regions[(n+1)%len(b.regions)].relay.Restart(); err != nil {
			t.Error(err)
		}
		b.network.Rejoin(r.name)
		if relay.Sleep(ctx, relay.SystemClock{}, turn) != nil {
			return
		}
	}
}

// statement is one write of an application, in the words of its engine.
func (r *region) statement(random *rand.Rand) string {
	id := random.IntN(hot)
	yes, at, conflict := "1", "NOW(6)", "ON DUPLICATE KEY UPDATE amount = VALUES(amount), doc = VALUES(doc)"
	if r.is == postgreSQL {
		yes, at, conflict = "true", "now()", "ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, doc = excluded.doc"
	}
	switch random.IntN(8) {
	case 0, 1, 2:
		return fmt.Sprintf(`INSERT INTO app.accounts VALUES (%d, 'größe %s', %d.%02d, %s, %s, '{"from": "%s", "n": [%d, null]}') %s`,
			id, r.name, random.IntN(1e6), random.IntN(100), yes, at, r.name, random.IntN(1000), conflict)
	case 3, 4:
		return fmt.Sprintf("UPDATE app.accounts SET amount = amount + 1, owner = '%s', at = NULL WHERE id IN (%d, %d)", r.name, id, random.IntN(hot))
	case 5:
		return fmt.Sprintf("DELETE FROM app.accounts WHERE id = %d", id)
	case 6:
		return fmt.Sprintf("DELETE FROM app.keyed WHERE b = %d", 100+id)
	}
	if r.is == postgreSQL {
		return fmt.Sprintf("INSERT INTO app.keyed VALUES ('%d', %d, '%d@x', '%s') ON CONFLICT (b, a) DO UPDATE SET v = excluded.v", id%3, 100+id, id, r.name)
	}
	return fmt.Sprintf("INSERT INTO app.keyed VALUES ('%d', %d, '%d@x', '%s') ON DUPLICATE KEY UPDATE v = VALUES(v)", id%3, 100+id, id, r.name)
}

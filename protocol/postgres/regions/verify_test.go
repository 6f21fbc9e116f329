package regions_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/testenv/envtest"
	"github.com/octant-db/octant/verify"
)

const moneySchema = `CREATE TABLE money (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, amount numeric NOT NULL, at timestamptz NOT NULL,
 raw bytea NOT NULL, ratio float8, note text);
INSERT INTO money (name, amount, at, raw, ratio, note) SELECT 'Name ' || g, g + 0.5, '2026-01-02 03:04:05+00'::timestamptz + g * interval '1 microsecond',
 decode(to_hex(4096 + g), 'hex'), g / 7.0, CASE g % 2 WHEN 0 THEN 'note' END FROM generate_series(1, 3000) g;
CREATE TABLE named (name text, day date, n numeric(10,2), v char(8), PRIMARY KEY (day, name));
INSERT INTO named SELECT 'it''s ' || g, '2026-01-01'::date + g % 9, g, 'v' FROM generate_series(1, 200) g;
CREATE TABLE child (id int PRIMARY KEY, parent bigint REFERENCES money ON DELETE CASCADE);
INSERT INTO child VALUES (1, 7), (2, 14)`

// plantIn changes rows under an amendment's mark, so that it stays where it is.
func plantIn(t *testing.T, r *region, id int, statements ...string) {
	t.Helper()
	for n, s := range statements {
		r.server.Exec(t, fmt.Sprintf(`BEGIN; SET LOCAL session_replication_role = replica;
INSERT INTO octant.applied VALUES (%d, 31999, 0, 0, %d, %d) ON CONFLICT (origin, lane) DO UPDATE SET nonce = excluded.nonce; %s; COMMIT`,
			id, relay.Amendment, 1<<61+n, s))
	}
}

// octantAt runs a command of octant with a region's configuration.
func octantAt(t *testing.T, r *region, args ...string) (stdout []byte, code int) {
	t.Helper()
	cmd := exec.CommandContext(envtest.Context(t, 5*time.Minute), envtest.Octant(t), append(args, "--config", r.relay.ConfigFile())...)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if complaints.Len() > 0 {
		t.Logf("octant %s: %s", args[0], complaints.String())
	}
	return out, cmd.ProcessState.ExitCode()
}

func TestVerifyAndRepair(t *testing.T) {
	e := pgtest.Oldest(t)
	b := start(t, moneySchema, e, e, e)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	stop := sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
	defer stop()
	for n, r := range b.regions {
		conn := r.server.Connect(t, pgtest.Super, pgtest.Database)
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				_, err := conn.Exec(ctx, `UPDATE app.money SET amount = amount + 1, note = $1 WHERE id = $2`, fmt.Sprint("by ", r.name), 7*(i*31%400)+1+n)
				if err != nil && ctx.Err() == nil {
					t.Errorf("load: %v", err)
				}
				select {
				case <-time.After(5 * time.Millisecond):
				case <-ctx.Done():
				}
			}
		})
	}
	for range 3 {
		if out, code := octantAt(t, b.regions[0], "verify"); code != 0 {
			t.Fatalf("regions that are identical differ: exit code %d: %s", code, out)
		}
	}
	plantIn(t, b.regions[1], 2,
		"UPDATE app.money SET amount = amount + 0.01 WHERE id = 7", "DELETE FROM app.money WHERE id = 14",
		"UPDATE app.money SET name = upper(name) WHERE id = 21", "UPDATE app.money SET raw = raw || '\\x00' WHERE id = 28",
		"UPDATE app.money SET at = at + interval '1 microsecond' WHERE id = 35", "UPDATE app.money SET note = CASE WHEN note IS NULL THEN '' END WHERE id = 42",
		"UPDATE app.money SET amount = amount::numeric(20,3) WHERE id = 49", "UPDATE app.money SET ratio = ratio + 1e-15 WHERE id = 56",
		"DELETE FROM app.named WHERE name = 'it''s 5'", "INSERT INTO app.named VALUES ('more', '2026-01-01', 1, 'x')", "UPDATE app.named SET v = 'w' WHERE name = 'it''s 7'")
	out, code := octantAt(t, b.regions[0], "verify", "--json")
	var r verify.Report
	if err := json.Unmarshal(out, &r); err != nil || code != 1 {
		t.Fatalf("exit code %d, %v: %s", code, err, out)
	}
	var found []string
	for _, table := range r.Tables {
		for _, d := range table.Differences {
			found = append(found, table.Table+" "+d.Name["id"]+d.Name["name"])
		}
	}
	slices.Sort(found)
	want := []string{
		"app.money 14", "app.money 21", "app.money 28", "app.money 35", "app.money 42", "app.money 49", "app.money 56", "app.money 7",
		"app.named it's 5", "app.named it's 7", "app.named more",
	}
	if !slices.Equal(found, want) {
		t.Fatalf("found %q, want %q", found, want)
	}
	report := filepath.Join(t.TempDir(), "report.json")
	if err := os.WriteFile(report, out, 0o600); err != nil {
		t.Fatal(err)
	}
	out, code = octantAt(t, b.regions[0], "repair", report, "--newest", "--record", report+".record")
	if code != 0 || !strings.Contains(string(out), "11 rows changed, 0 changes failed, 0 rows left") {
		t.Fatalf("exit code %d: %s", code, out)
	}
	if out, code := octantAt(t, b.regions[0], "verify"); code != 0 {
		t.Fatalf("after the repair regions differ: exit code %d: %s", code, out)
	}
	stop()
	b.awaitIdentical(t, time.Minute, "app.money", "app.named", "app.child")
	if got := b.regions[1].server.Query(t, "SELECT count(*)::text FROM app.child"); got[0] != "2" {
		t.Errorf("a repair has followed a foreign key: %s rows are left of 2", got[0])
	}
}

package regions_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
	"github.com/octant-db/octant/verify"
)

// moneySchema is a table in which differences are planted.
const moneySchema = `
CREATE TABLE app.money (
  id BIGINT PRIMARY KEY, name VARCHAR(60) COLLATE utf8mb4_general_ci NOT NULL, amount DECIMAL(12,2) NOT NULL, at DATETIME(6) NOT NULL,
  raw VARBINARY(20) NOT NULL, note TEXT NULL) DEFAULT CHARSET utf8mb4;
`

// fillMoney gives every region the same rows, outside the log: 1,000 times a power of two.
func fillMoney(t *testing.T, bed *testenv.Bed, rows int) {
	t.Helper()
	var first []string
	for id := range 1000 {
		first = append(first, fmt.Sprintf("(%d,'Name %d',%d.%02d,'2026-01-02 03:04:05.%06d',x'%04x','note %d')", id+1, id, id, id%100, id, id, id))
	}
	statements := []string{"INSERT INTO app.money VALUES" + strings.Join(first, ",")}
	for n := 1000; n < rows; n *= 2 {
		statements = append(statements, fmt.Sprintf("INSERT INTO app.money SELECT id+%d,name,amount,at,raw,note FROM app.money", n))
	}
	var wg sync.WaitGroup
	for _, r := range bed.Regions {
		wg.Go(func() { run(t, r, append([]string{"SET SESSION sql_log_bin=0"}, statements...)...) })
	}
	wg.Wait()
}

// plantable tells whether the load leaves a row alone, so that what is planted in it stays.
func plantable(id int) bool { return id%7 == 0 }

// writeMoney writes to the table in all regions until the returned function is called: changed rows, new ones, and deletes.
func writeMoney(t *testing.T, bed *testenv.Bed, rows int) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for n, r := range bed.Regions {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(n), 1))
			for at := 0; ctx.Err() == nil; at++ {
				id := rng.IntN(rows) + 1
				for plantable(id) {
					id++
				}
				statement := fmt.Sprintf("UPDATE app.money SET amount=amount+1, note='written by %s' WHERE id=%d", r.Name, id)
				switch own := 10*rows + 10*at + n; at % 5 {
				case 3:
					statement = fmt.Sprintf("INSERT INTO app.money VALUES(%d,'new',1,'2026-01-01',x'00',NULL)", own)
				case 4:
					statement = fmt.Sprintf("DELETE FROM app.money WHERE id=%d", own-10)
				}
				if _, err := r.Server.DB().ExecContext(ctx, statement); err != nil && ctx.Err() == nil {
					t.Errorf("load: %v", err)
				}
				select {
				case <-time.After(5 * time.Millisecond):
				case <-ctx.Done():
				}
			}
		})
	}
	stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
	t.Cleanup(stop)
	return stop
}

// plants are the kinds of differences, and the column in which rows differ then. %d is a row's id.
var plants = []struct{ statement, column string }{
	{"UPDATE app.money SET amount=amount+0.01 WHERE id=%d", "amount"},
	{"DELETE FROM app.money WHERE id=%d", ""},
	{"INSERT INTO app.money SELECT -id,name,amount,at,raw,note FROM app.money WHERE id=%d", ""},
	{"UPDATE app.money SET name=UPPER(name) WHERE id=%d", "name"},
	{"UPDATE app.money SET raw=CONCAT(raw,x'00') WHERE id=%d", "raw"},
	{"UPDATE app.money SET at=at + INTERVAL 1 MICROSECOND WHERE id=%d", "at"},
	{"UPDATE app.money SET note=IF(note IS NULL,'',NULL) WHERE id=%d", "note"},
}

// firstPlanted is the id of the first of n rows that are planted, and how far they are apart.
func firstPlanted(rows, n int) int { return rows / 7 / n * 7 }

// plant makes n differences in regions by turns, and returns the ids of the rows with the columns in which they differ, as found does.
func plant(t *testing.T, bed *testenv.Bed, rows, n int) (ids []string) {
	t.Helper()
	statements := make([][]string, len(bed.Regions))
	step := firstPlanted(rows, n)
	for i := range n {
		id, kind, region := (i+1)*step, i%len(plants), i%len(bed.Regions)
		statements[region] = append(statements[region], fmt.Sprintf(plants[kind].statement, id))
		if kind == 2 {
			id = -id
		}
		ids = append(ids, strings.TrimSpace(fmt.Sprint(id, " ", plants[kind].column)))
	}
	for i, r := range bed.Regions {
		run(t, r, append([]string{"SET SESSION sql_log_bin=0"}, statements[i]...)...)
	}
	slices.Sort(ids)
	return ids
}

// octant runs a command of octant with a region's configuration and returns what it wrote and its exit code.
func octant(t *testing.T, bed *testenv.Bed, region string, args ...string) (stdout []byte, code int) {
	t.Helper()
	cmd := exec.CommandContext(envtest.Context(t, 10*time.Minute), envtest.Octant(t), append(args, "--config", bed.Region(region).Relay.ConfigFile())...)
	var complaints bytes.Buffer
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

// runVerify runs octant verify --json.
func runVerify(t *testing.T, bed *testenv.Bed, args ...string) (r verify.Report, code int) {
	t.Helper()
	out, code := octant(t, bed, "a", append([]string{"verify", "--json", "--patience", "5m"}, args...)...)
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("octant verify wrote no report (exit code %d): %v", code, err)
	}
	return r, code
}

// found lists the ids of the rows that a report says differ, each with the columns.
func found(r verify.Report) (ids []string) {
	for _, table := range r.Tables {
		for _, d := range table.Differences {
			ids = append(ids, strings.TrimSpace(d.Name["id"]+" "+strings.Join(d.Columns, ",")))
		}
	}
	slices.Sort(ids)
	return ids
}

// requireIdentical runs verify and requires that it finds nothing.
func requireIdentical(t *testing.T, bed *testenv.Bed, args ...string) {
	t.Helper()
	r, code := runVerify(t, bed, args...)
	for _, table := range r.Tables {
		t.Logf("%s: %s, %d rows in %d chunks, %d looked at again, %.1f s", table.Table, table.Result, table.Rows, table.Chunks, table.Rechecked, table.Seconds)
	}
	if code != 0 || !r.Identical() {
		text, _ := json.MarshalIndent(r, "", " ")
		t.Fatalf("regions that are identical differ: exit code %d: %.4000s", code, text)
	}
}

// underStorm runs a test while the storm's tables are written to.
func underStorm(t *testing.T, bed *testenv.Bed, test func()) {
	t.Helper()
	storm := testenv.NewStorm(bed.Sites(), testenv.StormOptions{Seed: 5, Keys: 20, Writers: 1, Pause: 20 * time.Millisecond})
	ctx, calm := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { storm.Run(ctx) })
	defer wg.Wait()
	defer calm()
	test()
}

// untouched digests the rows that the load leaves alone, and those that plants add.
const untouched = `SELECT COUNT(*), BIT_XOR(CRC32(CONCAT_WS('#', id, HEX(name), amount, at, HEX(raw), IFNULL(HEX(note), 'NULL'))))
 FROM app.money WHERE id %% 7 = 0 AND id <= %d OR id < 0`

func TestVerifyFindsWhatWasPlantedAndRepairMendsIt(t *testing.T) {
	findAndMend(t, 16_000, 3)
}

// findAndMend compares regions that are identical some times over, plants differences, finds and mends them, all under load.
func findAndMend(t *testing.T, rows, cleanRuns int) {
	t.Helper()
	const differences = 100
	bed := smallBed(t, testenv.Options{Regions: 3, Schema: moneySchema + testenv.StormSchema})
	fillMoney(t, bed, rows)
	query, before := fmt.Sprintf(untouched, rows), ""
	stop := writeMoney(t, bed, rows)
	underStorm(t, bed, func() {
		for range cleanRuns {
			requireIdentical(t, bed)
		}
		writtenLately(t, bed, firstPlanted(rows, differences))
		before = rowsAt(t, bed.Region("a"), query)
		planted := plant(t, bed, rows, differences)
		r, code := runVerify(t, bed, "app.money")
		t.Logf("%d differences found in %.1f s", len(found(r)), r.Ended.Sub(r.Began).Seconds())
		if got := found(r); code != 1 || !slices.Equal(got, planted) {
			t.Errorf("exit code %d, found %d of %d planted differences: %v, want %v", code, len(got), differences, got, planted)
		}
		requireVersion(t, r, firstPlanted(rows, differences))
		text, code := octant(t, bed, "b", "verify", "app.money", "--values")
		if code != 1 || !bytes.Contains(text, []byte("100 rows differ")) {
			t.Errorf("exit code %d, text %s", code, text)
		}
		repairAndUndo(t, bed, r, planted)
		requireIdentical(t, bed)
	})
	stop()
	patience := settle + time.Duration(rows)*time.Millisecond // they are read more than once
	envtest.WaitIdentical(t, testenv.Oracle{Sites: bed.Sites(), Databases: []string{"app"}}, patience)
	for _, region := range bed.Regions {
		if after := rowsAt(t, region, query); after != before {
			t.Errorf("region %s: rows that nobody but the test and the repair has written are %s, and were %s", region.Name, after, before)
		}
	}
}

// writtenLately has region b write a row, which then is the same everywhere.
func writtenLately(t *testing.T, bed *testenv.Bed, id int) {
	t.Helper()
	run(t, bed.Region("b"), fmt.Sprintf("UPDATE app.money SET name='written lately' WHERE id=%d", id))
	for _, r := range bed.Regions {
		waitRows(t, r.Server.DB(), fmt.Sprintf("SELECT name FROM app.money WHERE id=%d", id), "written lately")
	}
}

// requireVersion: a report says of a row that differs that region b has written it last, as every region's log knows.
func requireVersion(t *testing.T, r verify.Report, id int) {
	t.Helper()
	for _, d := range r.Tables[0].Differences {
		if d.Name["id"] != fmt.Sprint(id) {
			continue
		}
		for _, row := range d.Rows {
			if clock, region, _ := strings.Cut(row.Version, "@"); clock == "" || region != "2" || row.Version != d.Rows[0].Version {
				t.Errorf("region %s: the last write of row %d is %q, want one of region b", row.Region, id, row.Version)
			}
		}
	}
}

// repairAndUndo repairs what a report says, takes it back, and repairs it again.
func repairAndUndo(t *testing.T, bed *testenv.Bed, r verify.Report, planted []string) {
	t.Helper()
	dir := t.TempDir()
	write := func(r verify.Report, name string) string {
		data, err := json.Marshal(r)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, name)
	}
	report, record := write(r, "report.json"), filepath.Join(dir, "record")
	shown := requireOutput(t, bed, "100 rows would be changed", "repair", report, "--newest", "--dry-run")
	if again, _ := runVerify(t, bed, "app.money"); !slices.Equal(found(again), planted) {
		t.Errorf("a dry run has changed something: %v differ", found(again))
	}
	made := requireOutput(t, bed, "100 rows changed, 0 changes failed, 0 rows left", "repair", report, "--newest", "--record", record)
	if want := strings.Replace(shown, "would be changed", "changed", 1); made != want || strings.Count(made, "app.money id=") != 100 {
		t.Errorf("the dry run shows other changes than are made:\n%.2000s\nwere made:\n%.2000s", shown, made)
	}
	requireIdentical(t, bed, "app.money")
	requireOutput(t, bed, "100 rows changed, 0 changes failed", "repair", record, "--undo", "--record", record+".undone")
	again, _ := runVerify(t, bed, "app.money")
	if got := found(again); !slices.Equal(got, planted) {
		t.Errorf("taken back: %d rows differ, want the %d that were planted", len(got), len(planted))
	}
	out, code := octant(t, bed, "a", "repair", report, "--from", "a", "--dry-run")
	if code != 0 || !bytes.Contains(out, []byte(" rows would be changed, 0 changes failed, 0 rows left")) {
		t.Errorf("exit code %d: %.1000s", code, out)
	}
	requireOutput(t, bed, "100 rows changed, 0 changes failed, 0 rows left", "repair", write(again, "again.json"), "--newest", "--record", record+".again")
}

func requireOutput(t *testing.T, bed *testenv.Bed, want string, args ...string) string {
	t.Helper()
	out, code := octant(t, bed, "a", args...)
	if code != 0 || !bytes.Contains(out, []byte(want)) {
		t.Fatalf("octant %s: exit code %d, want %q: %.3000s", strings.Join(args, " "), code, want, out[max(0, len(out)-3000):])
	}
	return string(out)
}

// TestScheduledVerifyIsRemembered: the important table first; in SQL, in metrics, and by a webhook, which is told again when the regions are the same once more.
func TestScheduledVerifyIsRemembered(t *testing.T) {
	told, hook := eventsAt(t)
	bed := smallBed(t, testenv.Options{Schema: moneySchema + "CREATE TABLE app.audit (id INT PRIMARY KEY);", Configure: func(c *testenv.RelayConfig) {
		if c.Region.Name == "a" {
			c.Extra = map[string]any{
				"verify":  map[string]any{"every": "1s", "patience": "20s", "tables": []string{"app.money", "app.*"}},
				"webhook": []map[string]any{{"url": hook, "secret": "x", "events": []string{"verification"}}},
			}
		}
	}})
	const newest = "SELECT table_name, result, differences FROM octant.verifications LIMIT 2"
	waitRows(t, relaySQL(t, bed, "a"), newest, "app.money identical 0; app.audit identical 0")
	run(t, bed.Region("b"), "SET SESSION sql_log_bin=0", "INSERT INTO app.money VALUES (1, 'planted', 1, '2026-01-01', x'00', NULL)")
	waitRows(t, relaySQL(t, bed, "a"), newest, "app.money differs 1; app.audit identical 0")
	page, err := bed.Region("a").Relay.Get(t.Context(), "/metrics")
	if want := `octant_verify_differences{region="a",table="app.money"} 1`; err != nil || !bytes.Contains(page, []byte(want)) {
		t.Errorf("%v: the metrics lack %s", err, want)
	}
	waitEvent(t, told, "verification a app.money differs")
	run(t, bed.Region("b"), "SET SESSION sql_log_bin=0", "DELETE FROM app.money")
	waitEvent(t, told, "verification a app.money identical")
	if got := askRelay(t, bed, "b", "SELECT COUNT(*) FROM octant.verifications"); got != "0" {
		t.Errorf("a relay that compares nothing remembers %s tables", got)
	}
}

// eventsAt is a receiver of webhooks: what it is told, as words, and its address.
func eventsAt(t *testing.T) (told <-chan string, url string) {
	t.Helper()
	events := make(chan string, 1000)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e struct {
			Kind, Region, Subject string
			Fields                map[string]string
		}
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		events <- strings.Join([]string{e.Kind, e.Region, e.Subject, e.Fields["result"]}, " ")
	}))
	t.Cleanup(receiver.Close)
	return events, receiver.URL
}

// waitEvent waits until a receiver is told of something, whatever it is told before.
func waitEvent(t *testing.T, told <-chan string, want string) {
	t.Helper()
	limit := time.After(soon)
	for {
		select {
		case got := <-told:
			if got == want {
				return
			}
			t.Logf("told %q", got)
		case <-limit:
			t.Fatalf("nobody was told %q", want)
		}
	}
}

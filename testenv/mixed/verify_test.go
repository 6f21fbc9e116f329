package mixed_test

import (
	"bytes"
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/testenv/envtest"
	"github.com/octant-db/octant/verify"
)

// Tables in which differences are planted. Of ledger the relays digest the rows, which have a float and a document; of coins the databases do. Tokens have a key
// that the engines order differently.
var (
	ledger = &table{name: "ledger", rest: "PRIMARY KEY (id)", columns: []column{
		{"id", each("bigint"), ""}, {"name", both("varchar(60) CHARACTER SET utf8mb4", "varchar(60)"), ""}, {"amount", both("decimal(12,2)", "numeric"), "number"},
		{"at", both("datetime(6)", "timestamp"), "moment"}, {"raw", both("varbinary(20)", "bytea"), "bytes"}, {"note", both("text CHARACTER SET utf8mb4", "text"), ""},
		{"ratio", both("double", "double precision"), "double"}, {"doc", documents, "json"},
	}}
	coins = &table{name: "coins", rest: "PRIMARY KEY (kind, n)", columns: []column{
		{"n", both("int unsigned", "bigint"), ""}, {"kind", text("varchar(20)"), ""}, {"worth", both("decimal(10,3)", "numeric(12,4)"), "number"},
		{"struck", each("date"), "moment"}, {"seen", both("timestamp(6) NULL", "timestamptz"), "zoned"}, {"valid", both("tinyint(1)", "boolean"), "bool"},
		{"face", both("longblob", "bytea"), "bytes"}, {"metal", both("enum('gold','silver')", "text"), ""}, {"legend", both("text CHARACTER SET latin1", "text"), ""},
	}}
	tokens = &table{name: "tokens", rest: "PRIMARY KEY (id)", columns: []column{{"id", uuids, "uuid"}, {"v", text("varchar(20)"), ""}}}

	compared = []*table{ledger, coins, tokens}

	// texts has all types whose texts the databases make themselves; of spans, which has an interval, PostgreSQL does not, and its relay digests what the others' databases do.
	texts = &table{name: "texts", rest: "PRIMARY KEY (id)", columns: without(everything, "f", "d", "js", "jt", "tm")}
	spans = &table{name: "spans", rest: "PRIMARY KEY (id)", columns: without(everything, "f", "d", "js", "jt")}
	// orders of keys that engines have in common, and one that they have not
	moments = &table{name: "moments", rest: "PRIMARY KEY (dt, ts, vb, dec1, id)", columns: only(everything, "dt", "ts", "vb", "dec1", "id")}
	labels  = &table{name: "labels", rest: "PRIMARY KEY (en, id)", columns: only(everything, "id", "en")}

	edged = []*table{texts, spans, moments, labels}
)

func only(t *table, names ...string) (list []column) {
	for _, c := range t.columns {
		if slices.Contains(names, c.name) {
			list = append(list, c)
		}
	}
	return list
}

func without(t *table, names ...string) []column {
	return slices.DeleteFunc(slices.Clone(t.columns), func(c column) bool { return slices.Contains(names, c.name) })
}

// edge fills the tables from what stands in everything, in a region of each engine.
func (b *bed) edge(t *testing.T) {
	for n, tab := range edged {
		var names []string
		for _, c := range tab.columns {
			names = append(names, c.name)
		}
		list := strings.Join(names, ", ")
		b.regions[n%len(b.regions)].exec(t, fmt.Sprintf("INSERT INTO app.%s (%s) SELECT %s FROM app.everything%s", tab.name, list, list,
			map[bool]string{true: " WHERE vb IS NOT NULL AND en IS NOT NULL"}[n > 1])) // keys
	}
	b.awaitSame(t, time.Minute, edged...)
	if n := strings.Count(texts.dump(t, b.regions[0]), "id="); n < 10 {
		t.Fatalf("there are %d rows with edges", n)
	}
}

// fill writes rows of which nothing is planted in those whose number is no multiple of seven.
func (b *bed) fill(t *testing.T, rows int) {
	r := b.regions[0]
	insert := func(table string, row func(i int) string) {
		for from := 1; from <= rows; from += 500 {
			var list []string
			for i := from; i < min(from+500, rows+1); i++ {
				list = append(list, "("+row(i)+")")
			}
			if err := r.tryAll(session(r.is), "INSERT INTO app."+table+" VALUES "+strings.Join(list, ",")); err != nil {
				t.Fatal(err)
			}
		}
	}
	l := &loading{r: r, n: rows, regions: 1, random: rand.New(rand.NewPCG(3, 3))}
	insert("ledger", func(i int) string {
		note := [...]string{"NULL", "''", "'größe'"}[i%3]
		return fmt.Sprintf("%d, 'Name %d', %d.%02d, '2026-01-02 03:04:05.%06d', x'%06x', %s, %d.%d, %s", i, i, i, i%100, i*10%1e6, i, note, i, i%10, l.document(i))
	})
	insert("coins", func(i int) string {
		return fmt.Sprintf("%d, 'kind %d', %d.%03d, '20%02d-01-01', '2026-01-02 03:04:05.%06d', %d, x'%08x', '%s', 'é mark %d'", i, i%5, i, i%1000, i%30, i*10%1e6, i%2, i,
			[]string{"gold", "silver"}[i%2], i)
	})
	insert("tokens", func(i int) string { return l.uuid(9, i) + fmt.Sprintf(", 'v%d'", i) })
	b.awaitSame(t, 3*time.Minute, compared...)
}

// writing changes rows in all regions until the returned function is called.
func (b *bed) writing(t *testing.T, rows int) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for _, r := range b.regions {
		all.Go(func() {
			l := &loading{r: r, random: rand.New(rand.NewPCG(4, uint64(r.id)))}
			for n := 0; ctx.Err() == nil; n++ {
				i := 1 + l.random.IntN(rows)
				if i%7 == 0 {
					i++
				}
				statement := [...]string{
					fmt.Sprintf("UPDATE app.ledger SET amount = amount + 1, note = 'by %s', doc = %s WHERE id = %d", r.name, l.document(n), i),
					fmt.Sprintf("UPDATE app.coins SET worth = worth + 0.125, legend = NULL WHERE n = %d AND kind = 'kind %d'", i, i%5),
					fmt.Sprintf("UPDATE app.tokens SET v = '%s%d' WHERE id = %s", r.name, n%3, l.uuid(9, i)),
				}[n%3]
				_ = r.try(statement) // deadlocks and lock waits, with which applications live
				relay.Sleep(ctx, relay.SystemClock{}, 10*time.Millisecond)
			}
		})
	}
	stop = sync.OnceFunc(func() {
		cancel()
		all.Wait()
	})
	t.Cleanup(stop)
	return stop
}

// plants are kinds of differences in the words of MariaDB and MySQL, and of PostgreSQL; {n} is a row's number, {uuid} the key of tokens.
var plants = []struct{ table, family, postgres string }{
	{"ledger", "UPDATE app.ledger SET amount = amount + 0.01 WHERE id = {n}", ""},
	{"ledger", "DELETE FROM app.ledger WHERE id = {n}", ""},
	{"ledger", "INSERT INTO app.ledger SELECT -id, name, amount, at, raw, note, ratio, doc FROM app.ledger WHERE id = {n}", ""},
	{"ledger", "UPDATE app.ledger SET name = UPPER(name) WHERE id = {n}", ""},
	{"ledger", "UPDATE app.ledger SET raw = CONCAT(raw, x'00') WHERE id = {n}", `UPDATE app.ledger SET raw = raw || '\x00'::bytea WHERE id = {n}`},
	{"ledger", "UPDATE app.ledger SET at = at + INTERVAL 1 MICROSECOND WHERE id = {n}", "UPDATE app.ledger SET at = at + interval '1 microsecond' WHERE id = {n}"},
	{"ledger", "UPDATE app.ledger SET note = CASE WHEN note IS NULL THEN '' END WHERE id = {n}", ""},
	{"ledger", "UPDATE app.ledger SET ratio = ratio + 1e-9 WHERE id = {n}", ""},
	{"ledger", `UPDATE app.ledger SET doc = '{"n": 1.5, "other": []}' WHERE id = {n}`, ""},
	{"coins", "UPDATE app.coins SET worth = worth + 0.001 WHERE n = {n}", ""},
	{"coins", "DELETE FROM app.coins WHERE n = {n}", ""},
	{"coins", "INSERT INTO app.coins SELECT n + 100000, kind, worth, struck, seen, valid, face, metal, legend FROM app.coins WHERE n = {n}", ""},
	{"coins", "UPDATE app.coins SET face = CONCAT(face, x'00') WHERE n = {n}", `UPDATE app.coins SET face = face || '\x00'::bytea WHERE n = {n}`},
	{"coins", "UPDATE app.coins SET seen = seen + INTERVAL 1 MICROSECOND WHERE n = {n}", "UPDATE app.coins SET seen = seen + interval '1 microsecond' WHERE n = {n}"},
	{"coins", "UPDATE app.coins SET legend = UPPER(legend) WHERE n = {n}", ""},
	{"coins", "UPDATE app.coins SET metal = CASE WHEN metal IS NULL THEN 'gold' END WHERE n = {n}", ""},
	{"coins", "UPDATE app.coins SET legend = CASE WHEN legend = '' THEN NULL ELSE '' END WHERE n = {n}", ""},
	{"coins", "UPDATE app.coins SET valid = 1 - valid WHERE n = {n}", "UPDATE app.coins SET valid = NOT valid WHERE n = {n}"},
	{"coins", "UPDATE app.coins SET seen = NULL WHERE n = {n}", ""},
	{"tokens", "UPDATE app.tokens SET v = UPPER(v) WHERE id = {uuid}", ""},
	{"tokens", "DELETE FROM app.tokens WHERE id = {uuid}", ""},
	{"tokens", "UPDATE app.tokens SET v = CONCAT(v, ' ') WHERE id = {uuid}", ""},
}

// plantAll makes each kind of difference, in each region or in regions by turns, and returns how many there are by table. Nothing of it is sent to other regions.
func (b *bed) plantAll(t *testing.T, everywhere bool) map[string]int {
	planted, n := map[string]int{}, 0
	for _, r := range b.regions {
		for kind, p := range plants {
			if !everywhere && kind%len(b.regions) != r.id-1 {
				continue
			}
			n += 7
			text := p.family
			if r.is == postgreSQL && p.postgres != "" {
				text = p.postgres
			}
			planted["app."+p.table]++
			b.alone(t, r, n, strings.NewReplacer("{n}", fmt.Sprint(n), "{uuid}", (&loading{r: r}).uuid(9, n)).Replace(text))
		}
	}
	return planted
}

// alone changes a row in one region: outside the log, or under an operator's mark. What it loses a deadlock against is tried again.
func (b *bed) alone(t *testing.T, r *region, n int, statement string) {
	t.Helper()
	var err error
	for range 50 {
		if r.is == postgreSQL {
			err = r.try(fmt.Sprintf(`BEGIN; SET LOCAL session_replication_role = replica;
INSERT INTO octant.applied VALUES (%d, 31999, 0, 0, %d, %d) ON CONFLICT (origin, lane) DO UPDATE SET nonce = excluded.nonce; %s; COMMIT`,
				r.id, relay.Amendment, 1<<61+n, statement))
		} else {
			err = r.unlogged(t, statement)
		}
		if err == nil {
			return
		}
		pause()
	}
	t.Fatal(err)
}

// unlogged runs a statement outside the log. The connection is of no further use.
func (r *region) unlogged(t *testing.T, statement string) error {
	conn, err := r.db.Conn(t.Context())
	if err != nil {
		return err
	}
	defer conn.Close()
	defer conn.Raw(func(any) error { return driver.ErrBadConn }) //nolint:errcheck // it always fails
	if _, err = conn.ExecContext(t.Context(), "SET SESSION sql_log_bin = 0"); err == nil {
		_, err = conn.ExecContext(t.Context(), statement)
	}
	return err
}

// octant runs a command with a region's configuration.
func (b *bed) octant(t *testing.T, r *region, args ...string) (stdout []byte, code int) {
	t.Helper()
	cmd := exec.CommandContext(envtest.Context(t, 10*time.Minute), envtest.Octant(t), append(args, "--config", r.relay.ConfigFile())...)
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

// verify runs octant verify and returns its report, which it also puts into a file.
func (b *bed) verify(t *testing.T, r *region, names ...string) (report verify.Report, file string) {
	t.Helper()
	out, code := b.octant(t, r, append([]string{"verify", "--json", "--patience", "5m"}, names...)...)
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("octant verify wrote no report (exit code %d): %v", code, err)
	}
	if (code == 0) != report.Identical() {
		t.Errorf("the exit code is %d", code)
	}
	file = filepath.Join(t.TempDir(), "report.json")
	if err := os.WriteFile(file, out, 0o600); err != nil {
		t.Fatal(err)
	}
	return report, file
}

// requireClean compares tables that are identical. Where nobody writes all engines make the same digests.
func (b *bed) requireClean(t *testing.T, r *region, quiet bool, names ...string) {
	t.Helper()
	report, _ := b.verify(t, r, names...)
	for i := range report.Tables {
		tab := &report.Tables[i]
		t.Logf("%s: %d rows in %d chunks, %d looked at again, %.1f s", tab.Table, tab.Rows, tab.Chunks, tab.Rechecked, tab.Seconds)
		if tab.Result != verify.Identical || tab.Form == nil || quiet && tab.Rechecked > 0 {
			var text strings.Builder
			_ = tab.WriteText(&text)
			t.Errorf("by value: %v, %s", tab.Form != nil, text.String())
		}
	}
}

func namesOf(list []*table) (names []string) {
	for _, tab := range list {
		names = append(names, "app."+tab.name)
	}
	return names
}

// verified compares all regions by value while they write: what is identical is said to be, what is planted is found, and mended by octant repair.
func (b *bed) verified(t *testing.T, rows int) {
	b.fill(t, rows)
	b.edge(t)
	b.requireClean(t, b.regions[0], true, namesOf(slices.Concat([]*table{everything, keyed, accounts, limited, narrow}, databases, compared, edged))...)
	b.unfit(t)
	b.incomparable(t)
	stop := b.writing(t, rows)
	for range 2 {
		b.requireClean(t, b.regions[1], false, namesOf(compared)...)
	}
	planted := b.plantAll(t, rows > 10_000)
	report, file := b.verify(t, b.regions[0], namesOf(compared)...)
	for i := range report.Tables {
		if tab := &report.Tables[i]; len(tab.Differences) != planted[tab.Table] || tab.Result != verify.Differs {
			var text strings.Builder
			_ = tab.WriteText(&text)
			t.Errorf("found %d of %d differences: %s", len(tab.Differences), planted[tab.Table], text.String())
		}
	}
	b.repaired(t, report, file)
	stop()
	b.awaitSame(t, time.Minute, compared...)
	b.noLetters(t)
}

// repaired mends what a report says, takes it back, and mends it again.
func (b *bed) repaired(t *testing.T, report verify.Report, file string) {
	all := 0
	for i := range report.Tables {
		all += len(report.Tables[i].Differences)
	}
	mend := func(want string, args ...string) {
		t.Helper()
		if out, code := b.octant(t, b.regions[0], append([]string{"repair"}, args...)...); code != 0 || !bytes.Contains(out, []byte(want)) {
			t.Fatalf("octant repair: exit code %d, want %s: %s", code, want, out[max(0, len(out)-3000):])
		}
	}
	done := fmt.Sprintf("%d rows changed, 0 changes failed", all)
	mend(fmt.Sprintf("%d rows would be changed, 0 changes failed, 0 rows left", all), file, "--newest", "--dry-run")
	mend(done, file, "--newest", "--record", file+".record")
	b.requireClean(t, b.regions[1], false, namesOf(compared)...)
	mend(done, file+".record", "--undo", "--record", file+".undone")
	again, file := b.verify(t, b.regions[2], namesOf(compared)...)
	for i := range again.Tables {
		if got, want := keysOf(&again.Tables[i]), keysOf(&report.Tables[i]); !slices.Equal(got, want) {
			t.Errorf("taken back, %s differs in %v, and differed in %v", again.Tables[i].Table, got, want)
		}
	}
	mend(done, file, "--newest", "--record", file+".record")
	b.requireClean(t, b.regions[0], false, namesOf(compared)...)
}

func keysOf(t *verify.TableReport) (keys []string) {
	for i := range t.Differences {
		keys = append(keys, string(t.Differences[i].Key))
	}
	slices.Sort(keys)
	return keys
}

// incomparable: what cannot be compared is said by name.
func (b *bed) incomparable(t *testing.T) {
	for _, r := range b.regions {
		r.exec(t, "CREATE TABLE app.odd (id int PRIMARY KEY, v "+[...]string{"double", "double", "numeric"}[r.is]+")")
	}
	report, _ := b.verify(t, b.regions[0], "app.odd")
	want := "it cannot be compared by value: rows of region a in region c: column v is double there and numeric here, which do not go together"
	if tab := report.Tables[0]; tab.Result != verify.Differs || !strings.HasPrefix(tab.Reason, want) {
		t.Errorf("%s: %s", tab.Result, tab.Reason)
	}
	for _, r := range b.regions {
		r.exec(t, "DROP TABLE app.odd")
	}
}

// unfit: a row that another engine cannot hold is found there to be missing, and cannot be put there.
func (b *bed) unfit(t *testing.T) {
	my := b.of(mySQL)
	b.alone(t, my, 0, "INSERT INTO app.limited (id, yes) VALUES (7777, 7)")
	report, file := b.verify(t, my, "app.limited")
	if n := len(report.Tables[0].Differences); n != 1 {
		t.Errorf("%d rows differ", n)
	}
	out, code := b.octant(t, my, "repair", file, "--from", my.name, "--record", file+".record")
	if want := "not changed: region c: bring the row over: column yes: the number is neither 0 nor 1"; code != 1 || !bytes.Contains(out, []byte(want)) ||
		!bytes.Contains(out, []byte("1 rows changed, 1 changes failed")) {
		t.Errorf("exit code %d, want %s: %s", code, want, out)
	}
	report, file = b.verify(t, my, "app.limited")
	if out, code = b.octant(t, my, "repair", file, "--from", b.of(postgreSQL).name, "--record", file+".record"); code != 0 {
		t.Errorf("%d rows differ; exit code %d: %s", len(report.Tables[0].Differences), code, out)
	}
	b.requireClean(t, my, false, "app.limited")
}

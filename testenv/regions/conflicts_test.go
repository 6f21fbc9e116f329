package regions_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/octant-db/octant/testenv"
)

// conflictCase is two writes to the same rows in two regions that do not see each other. $1, $2 and $3 are keys of the case's own.
type conflictCase struct {
	name          string
	setup         string // before the link is cut, in the first region
	first, second string // second is later by the clock
	want          string // what is then left in both regions
	// kinds are what the region of the first and of the second write note, by key.
	atFirst, atSecond string
}

var conflictCases = []conflictCase{
	{
		name:  "insert against insert",
		first: "INSERT INTO app.t VALUES ($1, 'first')", second: "INSERT INTO app.t VALUES ($1, 'second')", want: "$1 second",
		atFirst: "$1 insert_exists", atSecond: "$1 insert_exists",
	},
	{
		name: "update against update", setup: "INSERT INTO app.t VALUES ($1, 'base')",
		first: "UPDATE app.t SET v='first' WHERE id=$1", second: "UPDATE app.t SET v='second' WHERE id=$1", want: "$1 second",
		atFirst: "$1 update_origin_differs", atSecond: "$1 update_origin_differs",
	},
	{
		name: "update, then delete", setup: "INSERT INTO app.t VALUES ($1, 'base')",
		first: "UPDATE app.t SET v='first' WHERE id=$1", second: "DELETE FROM app.t WHERE id=$1", want: "",
		atFirst: "$1 delete_origin_differs", atSecond: "$1 update_deleted",
	},
	{
		name: "delete, then update", setup: "INSERT INTO app.t VALUES ($1, 'base')",
		first: "DELETE FROM app.t WHERE id=$1", second: "UPDATE app.t SET v='second' WHERE id=$1", want: "$1 second",
		atFirst: "$1 update_deleted", atSecond: "$1 delete_origin_differs",
	},
	{
		name: "delete against delete", setup: "INSERT INTO app.t VALUES ($1, 'base')",
		first: "DELETE FROM app.t WHERE id=$1", second: "DELETE FROM app.t WHERE id=$1", want: "",
		atFirst: "$1 delete_missing", atSecond: "$1 delete_missing",
	},
	{
		name: "delete, then delete and insert", setup: "INSERT INTO app.t VALUES ($1, 'base')",
		first: "DELETE FROM app.t WHERE id=$1", second: "DELETE FROM app.t WHERE id=$1; INSERT INTO app.t VALUES ($1, 'second')", want: "$1 second",
		atFirst: "$1 delete_missing", atSecond: "$1 delete_origin_differs",
	},
	{
		name: "delete and insert, then delete", setup: "INSERT INTO app.t VALUES ($1, 'base')",
		first: "DELETE FROM app.t WHERE id=$1; INSERT INTO app.t VALUES ($1, 'first')", second: "DELETE FROM app.t WHERE id=$1", want: "",
		atFirst: "$1 delete_origin_differs", atSecond: "$1 delete_missing; $1 update_deleted",
	},
	{
		name:   "insert, delete and insert, then insert",
		first:  "INSERT INTO app.t VALUES ($1, 'x'); DELETE FROM app.t WHERE id=$1; INSERT INTO app.t VALUES ($1, 'first')",
		second: "INSERT INTO app.t VALUES ($1, 'second')", want: "$1 second",
		atFirst: "$1 insert_exists", atSecond: "$1 delete_origin_differs; $1 insert_exists; $1 insert_exists",
	},
	{
		name:  "update of a row that was never there",
		first: "SET sql_log_bin=0; INSERT INTO app.t VALUES ($1, 'base'); SET sql_log_bin=1; UPDATE app.t SET v='first' WHERE id=$1",
		want:  "$1 first", atSecond: "$1 update_missing",
	},
	{
		name: "key changed, then update of the old key", setup: "INSERT INTO app.t VALUES ($1, 'base')",
		first: "UPDATE app.t SET id=$2 WHERE id=$1", second: "UPDATE app.t SET v='second' WHERE id=$1", want: "$1 second; $2 base",
		atFirst: "$1 update_deleted", atSecond: "$1 delete_origin_differs",
	},
	{
		name: "update, then key changed", setup: "INSERT INTO app.t VALUES ($1, 'base')",
		first: "UPDATE app.t SET v='first' WHERE id=$1", second: "UPDATE app.t SET id=$2 WHERE id=$1", want: "$2 base",
		atFirst: "$1 delete_origin_differs", atSecond: "$1 update_deleted",
	},
	{
		name: "key changed, then insert of the new key", setup: "INSERT INTO app.t VALUES ($1, 'base')",
		first: "UPDATE app.t SET id=$2 WHERE id=$1", second: "INSERT INTO app.t VALUES ($2, 'second')", want: "$2 second",
		atFirst: "$2 insert_exists", atSecond: "$2 insert_exists",
	},
	{
		name: "insert, then key changed to it", setup: "INSERT INTO app.t VALUES ($1, 'base')",
		first: "INSERT INTO app.t VALUES ($2, 'first')", second: "UPDATE app.t SET id=$2 WHERE id=$1", want: "$2 base",
		atFirst: "$2 insert_exists", atSecond: "$2 insert_exists",
	},
	{
		name: "two keys swapped, then update of one", setup: "INSERT INTO app.t VALUES ($1, 'one'), ($2, 'two')",
		first: swap, second: "UPDATE app.t SET v='second' WHERE id=$1", want: "$1 second; $2 one",
		atFirst: "$1 update_origin_differs", atSecond: "$1 insert_exists",
	},
	{
		name: "update of one, then two keys swapped", setup: "INSERT INTO app.t VALUES ($1, 'one'), ($2, 'two')",
		first: "UPDATE app.t SET v='first' WHERE id=$1", second: swap, want: "$1 two; $2 one",
		atFirst: "$1 delete_origin_differs", atSecond: "$1 update_origin_differs",
	},
	{
		name: "two keys swapped in both", setup: "INSERT INTO app.t VALUES ($1, 'one'), ($2, 'two')",
		first: swap, second: swap, want: "$1 two; $2 one",
		atFirst:  "$1 delete_origin_differs; $2 delete_origin_differs; $3 update_deleted",
		atSecond: "$1 insert_exists; $2 insert_exists; $3 delete_missing",
	},
}

// swap exchanges two rows' keys, by way of a third. A changed key is a deletion and an insertion, so that is what is noted.
const swap = `BEGIN; UPDATE app.t SET id=$3 WHERE id=$1; UPDATE app.t SET id=$1 WHERE id=$2; UPDATE app.t SET id=$2 WHERE id=$3; COMMIT`

// span is how many keys a case has to itself.
const span = 10

// with puts the keys of the case's n-th run into a text.
func with(n int, text string) string {
	for i := 1; i <= 3; i++ {
		text = strings.ReplaceAll(text, fmt.Sprintf("$%d", i), fmt.Sprint(span*n+i))
	}
	return text
}

// statements are those of a text of several, none for "".
func statements(n int, text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(with(n, text), "; ")
}

// TestLaterWriteWinsEveryKindOfConflict plays each case twice, once with either region first.
func TestLaterWriteWinsEveryKindOfConflict(t *testing.T) {
	bed := smallBed(t, testenv.Options{Schema: "CREATE TABLE app.t (id INT PRIMARY KEY, v VARCHAR(20));"})
	a, b := bed.Region("a"), bed.Region("b")
	ways := []struct{ first, second *testenv.Region }{{a, b}, {b, a}}
	each := func(do func(n int, c conflictCase, first, second *testenv.Region)) {
		for i, c := range conflictCases {
			for w, way := range ways {
				do(2*i+w, c, way.first, way.second)
			}
		}
	}
	each(func(n int, c conflictCase, first, _ *testenv.Region) { run(t, first, statements(n, c.setup)...) })
	settleAll(t, bed)
	bed.Network.Isolate("a", testenv.Cut)
	nextSecond(t, bed)
	each(func(n int, c conflictCase, first, _ *testenv.Region) { run(t, first, statements(n, c.first)...) })
	nextSecond(t, bed)
	each(func(n int, c conflictCase, _, second *testenv.Region) { run(t, second, statements(n, c.second)...) })
	bed.Network.Heal()
	settleAll(t, bed)

	noted := map[*testenv.Region]map[int][]string{a: conflictsAt(t, bed, "a"), b: conflictsAt(t, bed, "b")}
	each(func(n int, c conflictCase, first, second *testenv.Region) {
		name := c.name + ", first in " + first.Name
		got := rowsAt(t, a, fmt.Sprintf("SELECT id, v FROM app.t WHERE id BETWEEN %d AND %d ORDER BY id", span*n, span*n+span-1))
		if want := with(n, c.want); got != want {
			t.Errorf("%s: left is %q, want %q", name, got, want)
		}
		for r, want := range map[*testenv.Region]string{first: c.atFirst, second: c.atSecond} {
			if got := strings.Join(noted[r][n], "; "); got != with(n, want) {
				t.Errorf("%s: region %s notes %q, want %q", name, r.Name, got, with(n, want))
			}
		}
	})
}

// conflictsAt returns what a relay noted as "key kind", by case.
func conflictsAt(t *testing.T, bed *testenv.Bed, region string) map[int][]string {
	t.Helper()
	noted := make(map[int][]string)
	lines := askRelay(t, bed, region, "SELECT `key`, kind FROM octant.conflicts WHERE table_name = 'app.t'")
	for line := range strings.SplitSeq(lines, "; ") {
		var id int
		var kind string
		if _, err := fmt.Sscanf(line, `{"id":%d} %s`, &id, &kind); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		noted[id/span] = append(noted[id/span], fmt.Sprintf("%d %s", id, kind))
	}
	for _, list := range noted {
		slices.Sort(list)
	}
	return noted
}

// TestRowDeletedBeforeIsNotRevivedByOlderUpdate cuts three regions so that a region hears of a row's deletion long before it
// hears of an older update.
func TestRowDeletedBeforeIsNotRevivedByOlderUpdate(t *testing.T) {
	bed := smallBed(t, testenv.Options{Regions: 3, Schema: "CREATE TABLE app.t (id INT PRIMARY KEY, v VARCHAR(20));"})
	run(t, bed.Region("a"), "INSERT INTO app.t VALUES (1, 'base'), (2, 'base')")
	settleAll(t, bed)
	bed.Network.Isolate("a", testenv.Cut)
	run(t, bed.Region("a"), "UPDATE app.t SET v='older'")
	nextSecond(t, bed)
	run(t, bed.Region("b"), "DELETE FROM app.t")
	waitRows(t, bed.Region("c").Server.DB(), "SELECT COUNT(*) FROM app.t", "0")
	run(t, bed.Region("c"), "INSERT INTO app.t VALUES (2, 'again')")
	for _, r := range bed.Regions[1:] { // the tombstone outlives a crash
		if err := r.Relay.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	waitRows(t, bed.Region("b").Server.DB(), "SELECT * FROM app.t", "2 again")
	bed.Network.Heal()
	settleAll(t, bed)
	if got := rowsAt(t, bed.Region("a"), "SELECT * FROM app.t"); got != "2 again" {
		t.Errorf("left is %q, want the row that was inserted again and nothing else", got)
	}
}

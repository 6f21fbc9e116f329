package regions_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// TestEveryLoserIsOnRecordOnce has three regions that see nothing of each other write the same rows, and dies with relay and database in each of them while they meet again. Who wins,
// and who has lost, is worked out from what the databases' own binary logs say.
func TestEveryLoserIsOnRecordOnce(t *testing.T) {
	inMariaDBsWords(t)
	const rows = 40
	bed := smallBed(t, testenv.Options{Regions: 3, Memory: true, Schema: "CREATE TABLE app.race (id INT PRIMARY KEY, token VARCHAR(20) NOT NULL);"})
	settleAll(t, bed)
	for _, r := range bed.Regions {
		bed.Network.Isolate(r.Name, testenv.Cut)
	}
	rng, serial := rand.New(rand.NewPCG(1, 1)), 0
	for range 2 {
		for _, r := range bed.Regions {
			nextSecond(t, bed)
			var statements []string
			for id := range rows {
				if serial++; rng.IntN(3) > 0 {
					statements = append(statements, fmt.Sprintf("INSERT INTO app.race VALUES (%d, '%s%d') ON DUPLICATE KEY UPDATE token = VALUES(token)", id, r.Name, serial))
				}
			}
			run(t, r, statements...)
		}
	}
	bed.Network.Heal()
	for _, r := range bed.Regions {
		waitFor(t, "the first writes of others", func(context.Context) (bool, string) {
			n := askRelay(t, bed, r.Name, "SELECT SUM(applied_seq) FROM octant.peers")
			return n != "0", n
		})
		if err := errors.Join(r.Relay.Kill(), r.Server.Kill(), r.Server.Start(envtest.Context(t, soon)), r.Relay.Start()); err != nil {
			t.Fatal(err)
		}
	}
	waitReady(t, bed)
	settleAll(t, bed)

	races := make(map[string]*race)
	for _, r := range bed.Regions {
		readRaces(t, r, races)
	}
	if len(races) != rows {
		t.Fatalf("%d rows are in the binary logs, want %d", len(races), rows)
	}
	for _, r := range bed.Regions {
		requireWinners(t, r, races)
		requireLosers(t, bed, r, races)
		waitRows(t, relaySQL(t, bed, r.Name), "SELECT COUNT(*) FROM octant.versions", "0") // nothing is left to decide
	}
}

// race is the writes of one row, as the binary logs have them.
type race struct {
	last   map[string]string // by region: its own last write
	at     map[string]string // by region: when that was
	all    map[string]bool
	ending map[string]string // by region: what its log left
}

// winner is the latest of all writes.
func (r *race) winner() string {
	best := ""
	for region, at := range r.at {
		if best == "" || at > r.at[best] {
			best = region
		}
	}
	return r.last[best]
}

var (
	eventTime = regexp.MustCompile(`^#(\d{6} [ \d]\d:\d\d:\d\d) server id`)
	rowID     = regexp.MustCompile(`^###   @1=(\d+)`)
	rowToken  = regexp.MustCompile(`^###   @2='(([a-z])\d+)'`)
)

// readRaces reads a region's binary log. A write that has the region's name is its own the first time.
func readRaces(t *testing.T, r *testenv.Region, races map[string]*race) {
	t.Helper()
	args := []string{"--no-defaults", "--base64-output=decode-rows", "--verbose", "--database=app"}
	for file := range strings.SplitSeq(rowsAt(t, r, "SHOW BINARY LOGS"), "; ") {
		name, _, _ := strings.Cut(file, " ")
		args = append(args, r.Server.BinlogFile(name))
	}
	out, err := exec.CommandContext(t.Context(), "mariadb-binlog", args...).Output()
	if err != nil {
		t.Fatalf("mariadb-binlog: %v", err)
	}
	at, id, after := "", "", false
	for line := range strings.SplitSeq(string(out), "\n") {
		if m := eventTime.FindStringSubmatch(line); m != nil {
			at = m[1]
		}
		switch {
		case strings.HasPrefix(line, "### "):
			after = line == "### SET" || after && strings.HasPrefix(line, "###   @")
		default:
			after = false
		}
		if m := rowID.FindStringSubmatch(line); m != nil {
			id = m[1]
		}
		m := rowToken.FindStringSubmatch(line)
		if m == nil || !after {
			continue
		}
		if races[id] == nil {
			races[id] = &race{last: make(map[string]string), at: make(map[string]string), all: make(map[string]bool), ending: make(map[string]string)}
		}
		race := races[id]
		race.ending[r.Name] = m[1]
		if m[2] == r.Name && !race.all[m[1]] {
			race.last[r.Name], race.at[r.Name], race.all[m[1]] = m[1], at, true
		}
	}
}

// requireWinners demands that the latest write of each row stands in the table, and is the last in the binary log.
func requireWinners(t *testing.T, r *testenv.Region, races map[string]*race) {
	t.Helper()
	stands := make(map[string]string)
	for row := range strings.SplitSeq(rowsAt(t, r, "SELECT id, token FROM app.race"), "; ") {
		id, token, _ := strings.Cut(row, " ")
		stands[id] = token
	}
	for id, race := range races {
		if w := race.winner(); stands[id] != w || race.ending[r.Name] != w {
			t.Errorf("region %s: row %s is %s and was left as %s in the log, and the latest write was %s", r.Name, id, stands[id], race.ending[r.Name], w)
		}
	}
}

// requireLosers demands that the last write of each other region is in a relay's conflict log, and no write twice.
func requireLosers(t *testing.T, bed *testenv.Bed, r *testenv.Region, races map[string]*race) {
	t.Helper()
	lost := make(map[string]int)
	rows, err := ask(envtest.Context(t, soon), relaySQL(t, bed, r.Name), "SELECT decision, local_row, remote_row FROM octant.conflicts WHERE table_name = 'app.race'")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		image := row[2]
		if row[0] == "remote" {
			image = row[1]
		}
		var loser struct{ Token string }
		if err := json.Unmarshal([]byte(image), &loser); err != nil {
			t.Fatalf("%s: %v", image, err)
		}
		lost[loser.Token]++
	}
	for id, race := range races {
		winner := race.winner()
		for token := range race.all {
			must := token != winner && race.last[token[:1]] == token
			if n := lost[token]; n > 1 || must && n == 0 || token == winner && n > 0 {
				t.Errorf("relay %s has %s of row %s on record %d times; won has %s", r.Name, token, id, n, winner)
			}
		}
	}
}

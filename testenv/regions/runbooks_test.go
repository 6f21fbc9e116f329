package regions_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// The tests of this file are the drills of docs/operations.md: each follows its runbook by the letter, while applications write.

// drill starts three regions, lets applications write in all of them while steps runs, and requires that nothing was lost.
func drill(t *testing.T, steps func(bed *testenv.Bed)) {
	t.Helper()
	bed := envtest.Start(t, testenv.Options{
		Regions: 3, Octant: envtest.Octant(t), Engine: envtest.Engine(t), Relaxed: true, Schema: testenv.StormSchema + testenv.CounterSchema,
	})
	l := newLoad(bed, 11)
	ctx, stop := context.WithTimeout(t.Context(), soon)
	defer stop()
	l.run(ctx, t, func(context.Context) error {
		steps(bed)
		stop()
		return nil
	})
	requireConverged(t, bed, l.counter)
	for _, r := range bed.Regions {
		requireHealthy(t, r)
	}
}

// TestRelaysAreUpgradedOneByOne goes back to a release that speaks the version of feeds before, in one region after the other, and then takes this one, and goes on when a relay is level
// with the others again. The first one goes back once more, as if somebody had thought better of it.
func TestRelaysAreUpgradedOneByOne(t *testing.T) {
	former, err := testenv.BuildChanged(t.Context(), t.TempDir(), testenv.Edit{File: "relay/feed.go", Old: "FeedProtocol = 2\n", New: "FeedProtocol = 1\n"})
	if err != nil {
		t.Fatal(err)
	}
	drill(t, func(bed *testenv.Bed) {
		for _, program := range []string{former, envtest.Octant(t)} {
			for _, r := range bed.Regions {
				install(t, r, program)
			}
		}
		install(t, bed.Regions[0], former)
	})
}

func install(t *testing.T, r *testenv.Region, program string) {
	t.Helper()
	r.Relay.Install(program)
	reconfigure(t, r, func(*testenv.RelayConfig) {})
	if err := r.Relay.WaitReady(envtest.Context(t, soon), "peers=all&max_lag=5s"); err != nil {
		t.Error(err)
	}
}

// TestPasswordsOfPeersAreRotated adds an account at every relay, moves the peers to it, and takes the old one away: one relay at a time.
func TestPasswordsOfPeersAreRotated(t *testing.T) {
	const fresh = "another-secret-of-2026"
	drill(t, func(bed *testenv.Bed) {
		for _, change := range []func(*testenv.RelayConfig){
			func(c *testenv.RelayConfig) {
				c.Users = append(c.Users, testenv.UserConfig{Name: "peer-2026", Password: fresh, Roles: []string{"replicate"}})
			},
			func(c *testenv.RelayConfig) {
				for i := range c.Peers {
					c.Peers[i].User, c.Peers[i].Password = "peer-2026", fresh
				}
			},
			func(c *testenv.RelayConfig) { c.Users = c.Users[1:] },
		} {
			for _, r := range bed.Regions {
				reconfigure(t, r, change)
				if err := r.Relay.WaitReady(envtest.Context(t, soon), "peers=all"); err != nil {
					t.Error(err)
				}
			}
		}
		a := bed.Region("a").Relay
		if db, err := a.Open(testenv.PeerUser, bed.Password); err == nil {
			if db.PingContext(t.Context()) == nil {
				t.Error("the old account still opens the door")
			}
			_ = db.Close()
		}
	})
}

// TestPasswordOfTheDatabaseIsRotated changes the password at the server first: connections that there are live on.
func TestPasswordOfTheDatabaseIsRotated(t *testing.T) {
	const fresh = "another-secret-of-2026"
	drill(t, func(bed *testenv.Bed) {
		for _, r := range bed.Regions {
			run(t, r, "ALTER USER "+account+" IDENTIFIED BY '"+fresh+"'")
			reconfigure(t, r, func(c *testenv.RelayConfig) { c.Database.Password = fresh })
			if err := r.Relay.WaitReady(envtest.Context(t, soon), "peers=all"); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestCertificatesOfRelaysAreRotated: relays that believe only certificates of an authority go over to those of another one. Certificates are renewed without a restart:
// the first relay that believes the new authority alone reaches the others, which have not been started again since.
func TestCertificatesOfRelaysAreRotated(t *testing.T) {
	before, after := newAuthority(t, "before"), newAuthority(t, "after")
	dir := t.TempDir()
	believed := filepath.Join(dir, "ca.pem")
	files := func(r *testenv.Region) (cert, key string) {
		return filepath.Join(dir, r.Name+".pem"), filepath.Join(dir, r.Name+"-key.pem")
	}
	drill(t, func(bed *testenv.Bed) {
		inTurn := func(change func(*testenv.RelayConfig)) {
			for _, r := range bed.Regions {
				reconfigure(t, r, change)
				if err := r.Relay.WaitReady(envtest.Context(t, soon), "peers=all"); err != nil {
					t.Error(err)
				}
			}
		}
		renew := func(a *authority) {
			for _, r := range bed.Regions {
				cert, key := files(r)
				a.issue(t, cert, key)
			}
		}
		renew(before)
		inTurn(func(c *testenv.RelayConfig) { c.Listen.TLSCert, c.Listen.TLSKey = files(bed.Region(c.Region.Name)) })
		writeFile(t, believed, before.text())
		inTurn(func(c *testenv.RelayConfig) {
			c.Extra = map[string]any{"peers": map[string]any{"tls": "verify", "tls_ca": believed}}
		})

		writeFile(t, believed, append(before.text(), after.text()...))
		inTurn(func(*testenv.RelayConfig) {})
		renew(after)
		writeFile(t, believed, after.text())
		inTurn(func(*testenv.RelayConfig) {})
	})
}

// TestATableIsAddedWhileRelaysRun adds it in one region, from where it is carried, and by hand in every region where definitions are left to people.
func TestATableIsAddedWhileRelaysRun(t *testing.T) {
	for _, ddl := range []string{"replicate", "report"} {
		t.Run(ddl, func(t *testing.T) {
			bed := smallBed(t, testenv.Options{Regions: 3, Schema: pairSchema, Configure: func(c *testenv.RelayConfig) { c.Database.DDL = ddl }})
			by := bed.Regions
			if ddl == "replicate" {
				by = by[:1]
			}
			for _, r := range by {
				run(t, r, "CREATE TABLE app.parcels (id INT PRIMARY KEY, weight DECIMAL(8,3), born_in CHAR(1))")
			}
			for _, r := range bed.Regions {
				waitRows(t, r.Server.DB(), "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'app' AND TABLE_NAME = 'parcels'", "1")
			}
			for _, r := range bed.Regions {
				run(t, r, fmt.Sprintf("INSERT INTO app.parcels VALUES (%d, 1.500, '%s')", r.ID, r.Name))
			}
			settleAll(t, bed)
			for _, r := range bed.Regions {
				if got := rowsAt(t, r, "SELECT * FROM app.parcels ORDER BY id"); got != "1 1.500 a; 2 1.500 b; 3 1.500 c" {
					t.Errorf("region %s has %s", r.Name, got)
				}
				if got := askRelay(t, bed, r.Name, "SELECT state FROM octant.tables WHERE table_name = 'app.parcels'"); got != "replicated" {
					t.Errorf("in region %s the table is %q", r.Name, got)
				}
			}
		})
	}
}

// TestARegionIsLostWithItsDatabaseAndReturns kills everything in region c, lets the others write, and brings it back. Then region b is taken down as planned, when all are
// level, and comes back.
func TestARegionIsLostWithItsDatabaseAndReturns(t *testing.T) {
	drill(t, func(bed *testenv.Bed) {
		a, b, c := bed.Region("a"), bed.Region("b"), bed.Region("c")
		if err := errors.Join(c.Relay.Kill(), c.Server.Kill()); err != nil {
			t.Error(err)
		}
		goOnWithout(t, a)
		comeBack(t, c)
		for _, r := range bed.Regions {
			if err := r.Relay.WaitReady(envtest.Context(t, soon), "peers=all&max_lag=1s"); err != nil {
				t.Error(err)
			}
		}
		ctx := envtest.Context(t, soon)
		if err := errors.Join(b.Relay.Stop(ctx), b.Server.Stop(ctx)); err != nil {
			t.Error(err)
		}
		goOnWithout(t, a)
		comeBack(t, b)
	})
}

// goOnWithout waits until applications have written in a region.
func goOnWithout(t *testing.T, r *testenv.Region) {
	t.Helper()
	before := metric(t, r, "octant_captured_transactions_total", "")
	waitFor(t, "the others to go on", func(context.Context) (bool, string) {
		now := metric(t, r, "octant_captured_transactions_total", "")
		return now > before+50, fmt.Sprint(now - before)
	})
}

// comeBack starts a region's database and its relay, and waits until it is level.
func comeBack(t *testing.T, r *testenv.Region) {
	t.Helper()
	if err := errors.Join(r.Server.Start(envtest.Context(t, time.Minute)), r.Relay.Start()); err != nil {
		t.Error(err)
	}
	if err := r.Relay.WaitReady(envtest.Context(t, soon), "peers=all&max_lag=5s"); err != nil {
		t.Error(err)
	}
}

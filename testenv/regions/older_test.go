package regions_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
	"github.com/octant-db/octant/testenv/guise"
)

// guises are the databases of some regions as older ones.
type guises map[string]*guise.Guise

// asOldOnes leave what foreign keys do to InnoDB.
var asOldOnes = []string{"--innodb-native-foreign-keys=ON"}

// disguise has b's relay find its database as MySQL 8.4, and c's as 8.0 with an account of mysql_native_password.
func (g guises) disguise(t *testing.T, c *testenv.RelayConfig) {
	t.Helper()
	switch c.Region.Name {
	case "b":
		g.as(t, c, guise.MySQL84)
	case "c":
		g.as(t, c, guise.MySQL80).DemandNative(c.Database.Password)
	}
}

// as has a region's relay find its database in a guise.
func (g guises) as(t *testing.T, c *testenv.RelayConfig, edition guise.Edition) *guise.Guise {
	t.Helper()
	scheme, rest, _ := strings.Cut(c.Database.URL, "@")
	old, err := guise.New(edition, strings.TrimSuffix(rest, "/"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = old.Close() })
	g[c.Region.Name] = old
	c.Database.URL = scheme + "@" + old.Addr() + "/"
	return old
}

// TestMySQLRegionsOfOlderVersions has a region of MySQL 9.7, one that knows no more than 8.4, and one that knows no more than 8.0, with an account of mysql_native_password, whose server leaves what foreign keys do to InnoDB
// as older ones do. There is a storm with faults, a definition, a comparison, and the region of 8.0 joins once more. The relays never say what these versions do not know, but
// for the one question by which they find out how to ask for the end of the log.
func TestMySQLRegionsOfOlderVersions(t *testing.T) {
	old := make(guises)
	bed := envtest.Start(t, testenv.Options{
		Regions: 3, Octant: envtest.Octant(t), Engine: testenv.MySQL97, Relaxed: true, Memory: true, Schema: joinSchema + familySchema,
		ServerArgs: asOldOnes,
		Configure: func(c *testenv.RelayConfig) {
			c.Rules = []testenv.RuleConfig{{Tables: []string{"app.sums"}, Policy: "merge", Counters: []string{"n"}}}
			old.disguise(t, c)
		},
	})
	a, b, c := bed.Region("a"), bed.Region("b"), bed.Region("c")
	for _, r := range []*testenv.Region{b, c} {
		requireHealthy(t, r)
	}
	_, text := doctor(t, c)
	requireWords(t, text, "MySQL 8.0.36", "what other regions define can be defined here")

	stormUnderFaults(t, bed, newLoad(bed, 17), 17, 6*time.Second)
	run(t, a, rowsOfBig(3000), rowsOfSums)
	run(t, a, "INSERT INTO app.parent VALUES (1, NULL)", "INSERT INTO app.child VALUES (1, 1)", "CREATE DEFINER='somebody'@'%' VIEW app.seen AS SELECT id FROM app.parent")
	waitRows(t, c.Server.DB(), "SELECT COUNT(*) FROM app.child", "1")
	run(t, c, "DELETE FROM app.parent WHERE id = 1", "ALTER TABLE app.parent ADD COLUMN note VARCHAR(20)")
	waitRows(t, b.Server.DB(), "SELECT COUNT(*) FROM app.child", "0")
	for _, r := range bed.Regions {
		waitRows(t, r.Server.DB(), "SELECT (SELECT COUNT(*) FROM information_schema.views WHERE table_name='seen'), (SELECT COUNT(*) FROM information_schema.columns WHERE table_name='parent' AND column_name='note')", "1 1")
	}
	if out, code := octant(t, bed, "c", "verify"); code != 0 {
		t.Errorf("octant verify ended with %d:\n%s", code, out)
	}

	stranger(t, bed)
	expected(t, bed)
	if out, err := octantJoin(t.Context(), t, bed, "c", "--from", "b"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	goesOn(t, bed, a, 1000001, 3, "from c")

	if have := old["b"].Unknown(); len(have) > 0 {
		t.Errorf("8.4 does not know %q", have)
	}
	if have := old["c"].Unknown(); !slices.Equal(have, []string{"SHOW BINARY LOG STATUS"}) {
		t.Errorf("8.0 does not know %q, want the question for the end of the log alone", have)
	}
}

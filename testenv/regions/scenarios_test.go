package regions_test

import (
	"cmp"
	"slices"
	"sync"
	"testing"

	"github.com/octant-db/octant/scenarios"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// TestScenariosWithRealDatabases plays every scenario in three regions of MariaDB, or of what OCTANT_ENGINE says.
func TestScenariosWithRealDatabases(t *testing.T) {
	playReal(t, 3, envtest.Engine(t))
}

// TestScenariosWithMySQL plays them in three regions of MySQL.
func TestScenariosWithMySQL(t *testing.T) {
	playReal(t, 3, testenv.MySQL97)
}

// TestScenariosWithPostgreSQL plays those that PostgreSQL's regions can have.
func TestScenariosWithPostgreSQL(t *testing.T) {
	playReal(t, 3, testenv.PostgreSQL)
}

// TestScenariosInAMixedCluster plays them in one region of each engine.
func TestScenariosInAMixedCluster(t *testing.T) {
	playReal(t, 3, testenv.MariaDB1011, testenv.MySQL97, testenv.PostgreSQL)
}

// TestScenariosInEightRegions plays those of the commonest faults, all at once: a is cut off from seven other regions, and comes back. The others are played so with -tags soak.
func TestScenariosInEightRegions(t *testing.T) {
	largest := slices.MaxFunc(chorusOf(realOnes(t, testenv.MariaDB1011)), func(a, b []*scenarios.Scenario) int { return cmp.Compare(len(a), len(b)) })
	if len(largest) < 40 {
		t.Fatalf("only %d scenarios have the same faults", len(largest))
	}
	startStage(t, 8, largest, testenv.MariaDB1011).sing(t, largest)
}

// playReal plays the scenarios that all the engines can have.
func playReal(t *testing.T, regions int, engines ...testenv.Engine) {
	t.Helper()
	real := realOnes(t, engines...)
	startStage(t, regions, real, engines...).singAll(t, real)
}

// realOnes are the scenarios that all the engines can have.
func realOnes(t *testing.T, engines ...testenv.Engine) (real []*scenarios.Scenario) {
	t.Helper()
	all, err := scenarios.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if why := unfit(s, engines); why != "" {
			t.Run(s.Name, func(t *testing.T) { t.Skip(why) })
			continue
		}
		real = append(real, s)
	}
	return real
}

// unfit says why a scenario is not for some engines, "" if it is.
func unfit(s *scenarios.Scenario, engines []testenv.Engine) string {
	for _, e := range engines {
		if !s.In(placeOf(e)) {
			return s.Reason
		}
	}
	if !slices.Contains(engines, testenv.PostgreSQL) {
		return ""
	}
	for _, step := range s.Steps {
		if _, ok := step.Do.(scenarios.Skew); ok {
			return "the time of PostgreSQL's commits cannot be set"
		}
	}
	return ""
}

func placeOf(e testenv.Engine) string {
	switch {
	case e == testenv.PostgreSQL:
		return "postgres"
	case e.IsMySQL():
		return "mysql"
	}
	return "mariadb"
}

// singAll plays scenarios, those together that have the same faults.
func (s *stage) singAll(t *testing.T, all []*scenarios.Scenario) {
	t.Helper()
	for _, group := range chorusOf(all) {
		s.sing(t, group)
		s.heal() // one that failed may have left it otherwise
	}
}

// sing plays scenarios together.
func (s *stage) sing(t *testing.T, group []*scenarios.Scenario) {
	t.Helper()
	c := newChorus(len(group))
	failures := make([]error, len(group))
	var wg sync.WaitGroup
	for i, scenario := range group {
		wg.Go(func() {
			defer c.leave()
			failures[i] = scenarios.Play(scenario, newRealWorld(s, scenario, c))
		})
	}
	wg.Wait()
	for i, scenario := range group {
		t.Run(scenario.Name, func(t *testing.T) {
			if failures[i] != nil {
				t.Error(failures[i])
			}
		})
	}
}

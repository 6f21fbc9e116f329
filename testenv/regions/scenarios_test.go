package regions_test

import (
	"sync"
	"testing"

	"github.com/octant-db/octant/scenarios"
	"github.com/octant-db/octant/testenv"
)

// TestScenariosWithRealDatabases plays every scenario in three regions.
func TestScenariosWithRealDatabases(t *testing.T) {
	playReal(t, testenv.MariaDB1011, 3)
}

func playReal(t *testing.T, engine testenv.Engine, regions int) {
	t.Helper()
	all, err := scenarios.All()
	if err != nil {
		t.Fatal(err)
	}
	var real []*scenarios.Scenario
	for _, s := range all {
		if !s.In(map[bool]string{true: "mysql", false: "mariadb"}[engine.IsMySQL()]) {
			t.Run(s.Name, func(t *testing.T) { t.Skip(s.Reason) })
			continue
		}
		real = append(real, s)
	}
	stage := startStage(t, engine, regions, real)
	for _, group := range chorusOf(real) {
		stage.sing(t, group)
		stage.heal() // one that failed may have left it otherwise
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

package applier_test

import (
	"context"
	"errors"
	"testing"

	"github.com/octant-db/octant/applier"
)

// TestBudget lets one origin take all that it can get, and expects another one to go on.
func TestBudget(t *testing.T) {
	budgets := applier.NewBudgets(2)
	var grants []func()
	for {
		full, cancel := context.WithCancel(t.Context())
		cancel() // do not wait
		release, err := budgets[0](full, 1<<20)
		if err != nil {
			break
		}
		grants = append(grants, release)
	}
	if total := len(grants) << 20; total != applier.Reserve+applier.Pool {
		t.Fatalf("one origin got %d bytes, want %d", total, applier.Reserve+applier.Pool)
	}
	for _, size := range []int64{1, 1 << 20, 100 << 20} { // the last one is larger than all there is
		release, err := budgets[1](t.Context(), size)
		if err != nil {
			t.Fatalf("the other origin got nothing for %d bytes: %v", size, err)
		}
		release()
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := budgets[0](ended, 1); !errors.Is(err, context.Canceled) {
		t.Fatalf("waiting without room gave %v", err)
	}
	for _, release := range grants {
		release()
	}
	if _, err := budgets[0](ended, 1<<20); err != nil {
		t.Fatalf("there is no room after everything was given back: %v", err)
	}
}

package regions_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
)

// millionNumbers is a table of the numbers from 1 to a million, for every engine.
var millionNumbers = func() string {
	digits := "(SELECT 0 d" + strings.Repeat(" UNION ALL SELECT %d", 9) + ")"
	digits = fmt.Sprintf(digits, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	sum, from := "1", ""
	for i := range 6 {
		sum = fmt.Sprintf("%s + t%d.d * 1e%d", sum, i, i)
		from += fmt.Sprintf(", %s t%d", digits, i)
	}
	return fmt.Sprintf("(SELECT CAST(%s AS SIGNED) n FROM %s) numbers", sum, from[2:])
}()

// TestLargeTransactionsPassWhileOthersFlow has fewer rows than TestSoakMillionRowTransactionsPassWhileOthersFlow.
func TestLargeTransactionsPassWhileOthersFlow(t *testing.T) { largeTransactions(t, 250_000, 384<<10) }

// largeTransactions writes so many rows in one transaction, and half as many in another one. No relay may need more kB of memory than bound.
func largeTransactions(t *testing.T, rows, bound int) {
	bed := smallBed(t, testenv.Options{Regions: 3, Schema: `
		CREATE TABLE app.big (id INT PRIMARY KEY, v INT NOT NULL, body VARCHAR(40) NOT NULL);
		CREATE TABLE app.small (id INT PRIMARY KEY);`})
	flow := startFlow(t, bed)
	for _, step := range []struct{ statement, sum string }{
		{fmt.Sprintf("INSERT INTO app.big SELECT n, n, CONCAT('row ', n) FROM %s WHERE n <= %d", millionNumbers, rows), fmt.Sprint(rows, rows*(rows+1)/2)},
		{"DELETE FROM app.big WHERE id % 2 = 0", fmt.Sprint(rows/2, rows/2*rows/2)},
	} {
		run(t, bed.Region("a"), step.statement)
		before := flow.passed.Load()
		for _, r := range bed.Regions {
			waitRows(t, r.Server.DB(), "SELECT COUNT(*), SUM(v) FROM app.big", step.sum)
		}
		passed := flow.passed.Load() - before
		t.Logf("%.6s: %d small transactions went from c to b meanwhile", step.statement, passed)
		if passed == 0 {
			t.Errorf("%.6s: no transaction of another region came through before the large one", step.statement)
		}
	}
	flow.stop()
	settleAll(t, bed)
	requirePeaks(t, bed, bound)
}

// flow is small transactions from region c to region b, one after the other.
type flow struct {
	passed atomic.Int64
	stop   func()
}

func startFlow(t *testing.T, bed *testenv.Bed) *flow {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f := &flow{}
	var running sync.WaitGroup
	f.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(f.stop)
	running.Go(func() {
		for i := int64(1); ctx.Err() == nil; i++ {
			if err := f.pass(ctx, bed, i); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
		}
	})
	return f
}

// pass writes a row in c and waits until it is in b.
func (f *flow) pass(ctx context.Context, bed *testenv.Bed, i int64) error {
	if _, err := bed.Region("c").Server.DB().ExecContext(ctx, "INSERT INTO app.small VALUES (?)", i); err != nil {
		return err
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var n int
		err := bed.Region("b").Server.DB().QueryRowContext(ctx, "SELECT COUNT(*) FROM app.small WHERE id = ?", i).Scan(&n)
		if err != nil || n == 1 {
			f.passed.Add(int64(n))
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// requirePeaks demands that no relay has ever needed more kB than that.
func requirePeaks(t *testing.T, bed *testenv.Bed, bound int) {
	t.Helper()
	for _, r := range bed.Regions {
		peak := peakMemory(t, r.Relay.PID())
		t.Logf("relay %s: VmHWM %d MB", r.Name, peak>>10)
		if peak > bound {
			t.Errorf("relay %s has needed %d kB, want at most %d", r.Name, peak, bound)
		}
	}
}

// peakMemory reads the greatest resident size of a process, in kB: see VmHWM in proc_pid_status(5).
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip("the system does not tell of processes' memory")
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kilobytes, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes
}

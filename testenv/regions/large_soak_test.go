//go:build soak

package regions_test

import (
	"fmt"
	"testing"

	"github.com/octant-db/octant/testenv"
)

func TestSoakMillionRowTransactionsPassWhileOthersFlow(t *testing.T) {
	largeTransactions(t, 1_000_000, 512<<10)
}

// TestSoakManySmallRowsAreNotHeldInMemory writes so many rows of a few bytes in one transaction that it is small in the log, and would be large in memory.
func TestSoakManySmallRowsAreNotHeldInMemory(t *testing.T) {
	const rows, bound = 700_000, 300 << 10
	bed := smallBed(t, testenv.Options{Schema: "CREATE TABLE app.thin (id INT PRIMARY KEY);"})
	a, b := bed.Region("a"), bed.Region("b")
	run(t, a, fmt.Sprintf("INSERT INTO app.thin SELECT n FROM %s WHERE n <= %d", millionNumbers, rows))
	waitRows(t, b.Server.DB(), "SELECT COUNT(*) FROM app.thin", fmt.Sprint(rows))
	settleAll(t, bed)
	requirePeaks(t, bed, bound)
}

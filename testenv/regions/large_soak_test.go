//go:build soak

package regions_test

import "testing"

func TestSoakMillionRowTransactionsPassWhileOthersFlow(t *testing.T) {
	largeTransactions(t, 1_000_000, 512<<10)
}

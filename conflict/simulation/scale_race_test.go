//go:build race

package simulation_test

// defaultHistories is fewer under the race detector: a history runs in one goroutine, and takes several times as long with it.
const defaultHistories = 2_000

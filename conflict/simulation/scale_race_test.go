//go:build race

package simulation_test

// defaultHistories is fewer under the race detector: a history runs in one goroutine, so that there is nothing for it to find, and takes several times as long.
const defaultHistories = 300

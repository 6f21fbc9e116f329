//go:build !race

package simulation_test

// defaultHistories is how many histories a plain run of the tests plays.
const defaultHistories = 10_000

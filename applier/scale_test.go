//go:build !race

package applier_test

// tornSeeds is how many scripts TestTornCheckpoints plays in each of its ways.
const tornSeeds = 8

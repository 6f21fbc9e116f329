//go:build race

package applier_test

// tornSeeds is fewer under the race detector, which takes most of the time for looking at large images, though nobody shares them.
const tornSeeds = 1

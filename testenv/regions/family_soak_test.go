//go:build soak

package regions_test

import "time"

const familiesStorm = 3 * time.Minute

//go:build !soak

package regions_test

import "time"

// familiesStorm is how long the storm over families blows.
const familiesStorm = 8 * time.Second

//go:build soak

package regions_test

import "testing"

// TestSoakVerifyOfAMillionRows is TestVerifyFindsWhatWasPlantedAndRepairMendsIt with 1,024,000 rows and ten clean runs.
func TestSoakVerifyOfAMillionRows(t *testing.T) { findAndMend(t, 1_024_000, 10) }

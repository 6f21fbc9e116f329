//go:build soak

package regions_test

import "testing"

// TestVerifyOfAMillionRows is TestVerifyFindsWhatWasPlantedAndRepairMendsIt with 1,024,000 rows and ten clean runs.
func TestVerifyOfAMillionRows(t *testing.T) { findAndMend(t, 1_024_000, 10) }

package primary_test

import (
	"testing"

	"github.com/octant-db/octant/protocol/mysql/primary"
)

// TestComparingTakesTheRoleOfReplicas: they may have all rows anyway. To write one takes an administrator, whatever is written around it.
func TestComparingTakesTheRoleOfReplicas(t *testing.T) {
	for query, want := range map[string]string{
		"CALL octant.compare_rows('app.t','','')":        primary.RoleReplicate,
		"call Octant.Compare_Look('app.t',1)":            primary.RoleReplicate,
		"CALL octant.compare_replace('app.t','','','')":  primary.RoleAdmin,
		"CALL octant.compare_replace /**/ ('app.t','')":  primary.RoleAdmin,
		"CALL `octant`.`compare_replace`('app.t','','')": primary.RoleAdmin,
		"CALL octant . compare_rows('app.t')":            primary.RoleAdmin,
		"CALL octant.join_rows('app.t','',5)":            primary.RoleReplicate,
		"CALL octant.pause('b')":                         primary.RoleAdmin,
		"SELECT 'CALL octant.compare_rows'":              primary.RoleRead,
	} {
		if got := primary.RoleFor(query); got != want {
			t.Errorf("%s takes role %q, want %q", query, got, want)
		}
	}
}

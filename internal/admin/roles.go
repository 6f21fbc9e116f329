package admin

import "slices"

// The roles that statements take. Everyone who could log in may ask what needs none.
const (
	roleNone  = ""
	roleRead  = "read"
	roleAdmin = "admin"
)

// need tells whether the session may run a statement that takes the role.
func (s Session) need(role string) error {
	if role == roleNone || slices.Contains(s.Roles, role) || role == roleRead && slices.Contains(s.Roles, roleAdmin) {
		return nil
	}
	return failure(codeAccessDenied, "Access denied; you need the role '%s' for this operation", role)
}

package ddl

import (
	"regexp"
	"slices"
	"strconv"
)

// typeForm splits what format_type says: name(first,second).
var typeForm = regexp.MustCompile(`^([a-z ]+)(?:\((\d+)(?:,(-?\d+))?\))?$`)

// integers from the narrowest on.
var integers = []string{"smallint", "integer", "bigint"}

// Widens tells whether every value of one type has the same text in another one, so that rows which are on their way with the narrower type can be written where
// the column is wide already. Both are as format_type says.
func Widens(from, to string) bool {
	a, b := typeForm.FindStringSubmatch(from), typeForm.FindStringSubmatch(to)
	if a == nil || b == nil || from == to {
		return false
	}
	if i, j := slices.Index(integers, from), slices.Index(integers, to); i >= 0 && j >= 0 {
		return i < j
	}
	switch {
	case a[1] == "character varying" && b[0] == "text":
		return true
	case a[1] != b[1]:
		return false
	case a[1] == "character varying", a[1] == "bit varying":
		return b[2] == "" || a[2] != "" && number(a[2]) < number(b[2])
	case a[1] == "numeric": // another scale would be another text: 1.50 and 1.5000
		return b[2] == "" || a[2] != "" && a[3] == b[3] && number(a[2]) < number(b[2])
	}
	return false
}

func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

package capture

import (
	"fmt"
	"strings"
)

// firstOffset is where the first event of a file stands: after the four magic bytes.
const firstOffset = 4

// place is an offset in a file of the server's log.
type place struct {
	file   string
	offset uint64
}

func (p place) String() string { return fmt.Sprintf("%s:%d", p.file, p.offset) }

// before tells whether p comes before q in the log of one server.
func (p place) before(q place) bool {
	if p.file == q.file {
		return p.offset < q.offset
	}
	return fileBefore(p.file, q.file)
}

// fileBefore tells whether the server began file a before file b: names are a base, a dot and a number of six digits that rises, and
// gets more digits after 999999. Names of different bases are not of one log.
func fileBefore(a, b string) bool {
	baseA, numberA, okA := cutNumber(a)
	baseB, numberB, okB := cutNumber(b)
	if !okA || !okB || baseA != baseB {
		return false
	}
	if len(numberA) != len(numberB) {
		return len(numberA) < len(numberB)
	}
	return numberA < numberB
}

func cutNumber(name string) (base, number string, ok bool) {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 || dot == len(name)-1 || strings.Trim(name[dot+1:], "0123456789") != "" {
		return "", "", false
	}
	return name[:dot], name[dot+1:], true
}

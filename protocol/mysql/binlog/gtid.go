package binlog

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// GTID names an event group of MariaDB. Sequences rise within a domain.
type GTID struct {
	Domain, Server uint32
	Seq            uint64
}

// String prints domain-server-sequence.
func (g GTID) String() string { return string(g.AppendTo(nil)) }

// AppendTo appends what String prints.
func (g GTID) AppendTo(b []byte) []byte {
	b = append(strconv.AppendUint(b, uint64(g.Domain), 10), '-')
	b = append(strconv.AppendUint(b, uint64(g.Server), 10), '-')
	return strconv.AppendUint(b, g.Seq, 10)
}

// Parse reads "domain-server-sequence".
func Parse(s string) (GTID, error) {
	domain, rest, ok := strings.Cut(s, "-")
	server, seq, ok2 := strings.Cut(rest, "-")
	d, err1 := strconv.ParseUint(domain, 10, 32)
	n, err2 := strconv.ParseUint(server, 10, 32)
	q, err3 := strconv.ParseUint(seq, 10, 64)
	if !ok || !ok2 || err1 != nil || err2 != nil || err3 != nil {
		return GTID{}, fmt.Errorf("parse GTID %q: it must be domain-server-sequence", s)
	}
	return GTID{Domain: uint32(d), Server: uint32(n), Seq: q}, nil
}

// Set holds the last GTID of each domain. The zero Set is empty and ready for use.
type Set map[uint32]GTID

// ParseSet reads GTIDs with commas between them, as in @@gtid_slave_pos; "" is the empty set. Two GTIDs of one domain are an
// error.
func ParseSet(s string) (Set, error) {
	set := Set{}
	if strings.TrimSpace(s) == "" {
		return set, nil
	}
	for part := range strings.SplitSeq(s, ",") {
		g, err := Parse(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		if _, ok := set[g.Domain]; ok {
			return nil, fmt.Errorf("parse GTID set %q: domain %d is there twice", s, g.Domain)
		}
		set[g.Domain] = g
	}
	return set, nil
}

// String prints the GTIDs by rising domain with commas between them.
func (s Set) String() string { return string(s.AppendTo(nil)) }

// AppendTo appends what String prints.
func (s Set) AppendTo(b []byte) []byte {
	if len(s) == 1 { // which is usual, and wants no sorting
		for _, g := range s {
			return g.AppendTo(b)
		}
	}
	for i, domain := range slices.Sorted(maps.Keys(s)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = s[domain].AppendTo(b)
	}
	return b
}

// Add makes g the last GTID of its domain, whatever was the last before.
func (s *Set) Add(g GTID) {
	if *s == nil {
		*s = Set{}
	}
	(*s)[g.Domain] = g
}

// Contains tells whether g, or a later one of its domain, is the last in the set.
func (s Set) Contains(g GTID) bool {
	last, ok := s[g.Domain]
	return ok && g.Seq <= last.Seq
}

// Includes tells whether the set contains every GTID of the other.
func (s Set) Includes(other Set) bool {
	for _, g := range other {
		if !s.Contains(g) {
			return false
		}
	}
	return true
}

// List returns the GTIDs by rising domain.
func (s Set) List() []GTID {
	list := make([]GTID, 0, len(s))
	for _, domain := range slices.Sorted(maps.Keys(s)) {
		list = append(list, s[domain])
	}
	return list
}

// Clone returns a copy.
func (s Set) Clone() Set { return maps.Clone(s) }

// Equal tells whether both sets hold the same GTIDs; servers count.
func (s Set) Equal(other Set) bool { return maps.Equal(s, other) }

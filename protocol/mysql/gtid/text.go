package gtid

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseSet reads a set as servers print and take it: uuid[:tag]:interval… with commas between servers. A tag counts for the
// intervals that follow it. Blanks may stand anywhere between; "" is the empty set; an interval whose end is before its
// beginning is empty, as it is for servers.
func ParseSet(s string) (Set, error) {
	var set Set
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if err := set.parse(part); err != nil {
			return Set{}, fmt.Errorf("parse GTID set: %w", err)
		}
	}
	for source, list := range set.of {
		set.of[source] = normal(list)
	}
	return set, nil
}

// parse takes what is said of one server. It leaves lists that are not normal.
func (s *Set) parse(part string) error {
	head, rest, more := strings.Cut(part, ":")
	server, err := ParseUUID(strings.TrimSpace(head))
	if err != nil {
		return err
	}
	source, counted := Source{Server: server}, true // a server without intervals is nothing, but allowed
	for word := ""; more; {
		word, rest, more = strings.Cut(rest, ":")
		word = strings.TrimSpace(word)
		if word != "" && (word[0] < '0' || word[0] > '9') {
			if source.Tag, err = ParseTag(word); err != nil {
				return err
			}
			counted = false
			continue
		}
		i, err := parseInterval(word)
		if err != nil {
			return err
		}
		if counted = true; i.First <= i.Last {
			s.put(source, append(s.of[source], i))
		}
	}
	if !counted {
		return fmt.Errorf("tag %q has no interval: %w", source.Tag, ErrMalformed)
	}
	return nil
}

func parseInterval(word string) (Interval, error) {
	first, last, ranged := strings.Cut(word, "-")
	a, err := parseNumber(first)
	if err != nil || !ranged {
		return Interval{a, a}, err
	}
	if strings.TrimSpace(last) == "0" {
		return Interval{a, 0}, nil
	}
	b, err := parseNumber(last)
	return Interval{a, b}, err
}

// String prints the set as servers do, but without line breaks: sorted, tags after what has none.
func (s Set) String() string { return string(s.AppendTo(nil)) }

// AppendTo appends what String prints.
func (s Set) AppendTo(b []byte) []byte {
	var last UUID
	for n, source := range s.Sources() {
		switch {
		case n == 0:
			b = source.appendTo(b)
		case source.Server == last:
			b = append(append(b, ':'), source.Tag...)
		default:
			b = source.appendTo(append(b, ','))
		}
		last = source.Server
		for _, i := range s.of[source] {
			b = i.appendTo(append(b, ':'))
		}
	}
	return b
}

func (i Interval) appendTo(b []byte) []byte {
	b = strconv.AppendUint(b, i.First, 10)
	if i.Last > i.First {
		b = strconv.AppendUint(append(b, '-'), i.Last, 10)
	}
	return b
}

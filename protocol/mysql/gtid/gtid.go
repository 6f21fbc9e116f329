package gtid

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrMalformed is what text and bytes give that are not what they should be.
var ErrMalformed = errors.New("malformed GTID")

// MaxNumber is the largest number of a transaction; see GNO_END in MySQL's sql/rpl_gtid.h.
const MaxNumber = 1<<63 - 2

// MaxTag is how many characters a tag can have.
const MaxTag = 32

// UUID names a server.
type UUID [16]byte

// ParseUUID reads a UUID as servers print it; without its dashes is allowed too.
func ParseUUID(s string) (UUID, error) {
	var u UUID
	digits := s
	if len(s) == 36 {
		if s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
			return UUID{}, fmt.Errorf("parse UUID %.40q: %w", s, ErrMalformed)
		}
		digits = s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	}
	if len(digits) != 32 {
		return UUID{}, fmt.Errorf("parse UUID %.40q: %w", s, ErrMalformed)
	}
	if _, err := hex.Decode(u[:], []byte(digits)); err != nil {
		return UUID{}, fmt.Errorf("parse UUID %.40q: %w", s, ErrMalformed)
	}
	return u, nil
}

// String prints the UUID in lower case with dashes.
func (u UUID) String() string { return string(u.AppendTo(nil)) }

// AppendTo appends what String prints.
func (u UUID) AppendTo(b []byte) []byte {
	b = append(hex.AppendEncode(b, u[:4]), '-')
	b = append(hex.AppendEncode(b, u[4:6]), '-')
	b = append(hex.AppendEncode(b, u[6:8]), '-')
	b = append(hex.AppendEncode(b, u[8:10]), '-')
	return hex.AppendEncode(b, u[10:])
}

// Source is what counts transactions: a server, or one of the tags of a server.
type Source struct {
	Server UUID
	Tag    string // lower case; "" is none
}

// String prints "uuid" or "uuid:tag".
func (s Source) String() string { return string(s.appendTo(nil)) }

func (s Source) appendTo(b []byte) []byte {
	b = s.Server.AppendTo(b)
	if s.Tag != "" {
		b = append(append(b, ':'), s.Tag...)
	}
	return b
}

// Compare orders sources by server and then by tag, as servers print them.
func (s Source) Compare(other Source) int {
	if c := bytes.Compare(s.Server[:], other.Server[:]); c != 0 {
		return c
	}
	return cmp.Compare(s.Tag, other.Tag)
}

// GTID names one transaction.
type GTID struct {
	Source
	Number uint64 // from 1 to MaxNumber
}

// String prints "uuid:number" or "uuid:tag:number".
func (g GTID) String() string { return string(g.AppendTo(nil)) }

// AppendTo appends what String prints.
func (g GTID) AppendTo(b []byte) []byte {
	return strconv.AppendUint(append(g.appendTo(b), ':'), g.Number, 10)
}

// Parse reads what String prints.
func Parse(s string) (GTID, error) {
	parts := strings.Split(s, ":")
	if len(parts) != 2 && len(parts) != 3 {
		return GTID{}, fmt.Errorf("parse GTID %.100q: it must be uuid:number or uuid:tag:number: %w", s, ErrMalformed)
	}
	server, err := ParseUUID(strings.TrimSpace(parts[0]))
	if err != nil {
		return GTID{}, err
	}
	g := GTID{Source: Source{Server: server}}
	if len(parts) == 3 {
		if g.Tag, err = ParseTag(parts[1]); err != nil {
			return GTID{}, err
		}
	}
	g.Number, err = parseNumber(parts[len(parts)-1])
	return g, err
}

// ParseTag reads a tag: a letter or underscore and up to 31 letters, digits and underscores. It becomes lower case.
func ParseTag(s string) (string, error) {
	tag := strings.ToLower(strings.TrimSpace(s))
	if !validTag(tag) {
		return "", fmt.Errorf("parse GTID tag %.40q: %w", s, ErrMalformed)
	}
	return tag, nil
}

func validTag(tag string) bool {
	if tag == "" || len(tag) > MaxTag {
		return false
	}
	for i := range len(tag) {
		c := tag[i]
		if c != '_' && (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func parseNumber(s string) (uint64, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 64)
	if err != nil || n == 0 || n > MaxNumber {
		return 0, fmt.Errorf("parse GTID number %.40q: it must be from 1 to %d: %w", s, uint64(MaxNumber), ErrMalformed)
	}
	return n, nil
}

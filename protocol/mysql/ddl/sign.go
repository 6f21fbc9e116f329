package ddl

import (
	"bytes"
	"fmt"
	"math"

	"github.com/octant-db/octant/relay"
)

// Signature says which transaction of which region a definition comes from.
type Signature struct {
	Origin relay.Region
	Seq    relay.Seq
	HLC    relay.HLC
}

const signature = "/*octant origin="

// Sign puts the signature into a statement as a comment that the server logs with it: in front, or, since servers write the beginning of
// CREATE VIEW anew, behind its SELECT.
func Sign(sql []byte, s Signature) []byte {
	comment := fmt.Appendf(nil, signature+"%d seq=%d hlc=%d*/ ", s.Origin, s.Seq, s.HLC)
	at := 0
	if d := Describe("", sql); d.Verb == "CREATE VIEW" {
		at = viewBody(sql)
		if at > 0 {
			comment = append([]byte(" "), comment...)
		}
	}
	signed := append(append([]byte(nil), sql[:at]...), comment...)
	return append(signed, sql[at:]...)
}

// Signed returns the signature of a statement in a log, false if it has none. Anybody can write such a comment: it is to be compared with
// what was received.
func Signed(sql []byte) (Signature, bool) {
	at := 0
	if !bytes.HasPrefix(bytes.TrimLeft(sql, " \t\r\n"), []byte(signature)) {
		if at = viewBody(sql); at == 0 || Describe("", sql).Verb != "CREATE VIEW" {
			return Signature{}, false
		}
	}
	rest := bytes.TrimLeft(sql[at:], " \t\r\n")
	rest, ok := bytes.CutPrefix(rest, []byte(signature))
	text, _, closed := bytes.Cut(rest, []byte("*/"))
	if !ok || !closed || len(text) > 64 {
		return Signature{}, false
	}
	var n [3]uint64
	if got, err := fmt.Sscanf(string(text), "%d seq=%d hlc=%d", &n[0], &n[1], &n[2]); err != nil || got != len(n) || n[2] > math.MaxInt64 {
		return Signature{}, false
	}
	if n[0] > 255 || !relay.Region(n[0]).Valid() || n[1] == 0 {
		return Signature{}, false
	}
	return Signature{relay.Region(n[0]), relay.Seq(n[1]), relay.HLC(n[2])}, true
}

// Runnable is a statement of a log in the form in which it can be run. MySQL logs CREATE TABLE … SELECT with the beginning of a transaction for
// its rows, which are written with the mark.
func Runnable(sql []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimRight(sql, " \t\r\n;"), []byte(" START TRANSACTION"))
}

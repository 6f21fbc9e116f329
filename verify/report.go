package verify

import (
	"encoding/hex"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/octant-db/octant/relay"
)

// Result is how a table came out.
type Result string

// The results.
const (
	Identical Result = "identical"
	Differs   Result = "differs"
	Unsettled Result = "unsettled" // some rows could not be compared
	Skipped   Result = "skipped"   // it cannot be compared
	Failed    Result = "failed"
)

// Report is what a run found. It is written as JSON, and read by octant repair.
type Report struct {
	Regions []string      `json:"regions"`
	Began   time.Time     `json:"began"`
	Ended   time.Time     `json:"ended,omitzero"`
	Tables  []TableReport `json:"tables"`
}

// Identical tells whether everything that could be compared is the same everywhere, and all of it could.
func (r *Report) Identical() bool {
	return !r.Ended.IsZero() && !slices.ContainsFunc(r.Tables, func(t TableReport) bool { return t.Result != Identical && t.Result != Skipped })
}

// TableReport is one table.
type TableReport struct {
	Table       string       `json:"table"`
	Result      Result       `json:"result"`
	Reason      string       `json:"reason,omitempty"`
	Rows        uint64       `json:"rows"`      // as the first region has them
	Chunks      int          `json:"chunks"`    // compared
	Rechecked   int          `json:"rechecked"` // chunks that differed at first
	Unsettled   int          `json:"unsettled"` // rows that could not be compared
	Rewritten   int          `json:"rewritten"` // rows that every region wrote anew while they were compared
	Differences []Difference `json:"differences,omitempty"`
	More        int          `json:"more,omitempty"` // differences that are not listed
	Seconds     float64      `json:"seconds"`
	// Form is set if rows were compared by value, between engines.
	Form *relay.ValueForm `json:"by_value,omitempty"`

	judged map[string]bool // differences by what the regions showed
}

// Difference is a row that is not the same everywhere.
type Difference struct {
	Key     relay.RowKey      `json:"row_key"`
	Name    map[string]string `json:"key"`     // the primary key's columns, for people
	Columns []string          `json:"columns"` // that differ between the regions that have the row
	Rows    []RowState        `json:"rows"`    // in the order of the report's regions
}

// RowState is a row in one region.
type RowState struct {
	Region  string             `json:"region"`
	Missing bool               `json:"missing,omitempty"`
	Digest  string             `json:"digest,omitempty"`
	Version string             `json:"version,omitempty"` // clock@region of the last write that the log knows; "" if it was long ago
	Values  map[string]*string `json:"values,omitempty"`  // of the columns that differ, if asked for; null for NULL
}

// add takes down a difference. Two keys that are one by the database's rules make one difference.
func (t *TableReport) add(s *suspect, limit int) {
	var shown strings.Builder
	d := Difference{Key: s.key}
	for _, l := range s.looks {
		row := RowState{Missing: l.Row == nil}
		if l.Row != nil {
			row.Digest = l.Row.Sum.String()
		}
		shown.WriteString(row.Digest + ",")
		d.Rows = append(d.Rows, row)
	}
	if t.judged[shown.String()] {
		return
	}
	if t.judged == nil {
		t.judged = map[string]bool{}
	}
	t.judged[shown.String()] = true
	if len(t.Differences) >= limit {
		t.More++
		return
	}
	t.Differences = append(t.Differences, d)
}

// conclude gives the table its result.
func (t *TableReport) conclude() {
	t.judged = nil
	switch {
	case len(t.Differences) > 0:
		t.Result = Differs
	case t.Unsettled > 0:
		t.Result = Unsettled
	default:
		t.Result = Identical
	}
}

// shown is a value for people: text, or its bytes in hexadecimal digits.
func shown(v []byte) string {
	printable := utf8.Valid(v)
	for _, r := range string(v) {
		printable = printable && unicode.IsPrint(r)
	}
	if printable {
		return string(v)
	}
	return "0x" + hex.EncodeToString(v)
}

package relay

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Shape describes a table to regions of other engines.
type Shape struct {
	Flavour Flavour
	Columns []ShapeColumn
	Key     []int  // the primary key's columns in its order
	Problem string // why its rows cannot be compared with those of other engines; "" if they can
}

// ShapeColumn is a column of a Shape.
type ShapeColumn struct {
	Name string
	Type Type
	// Order is how the database orders a column of the primary key, in any words that are the same where the order is. "": as numbers, bytes or times are everywhere.
	Order string
}

// ValueForm is how regions of several engines compare the rows of one table: by a text for each value that is the same whichever engine has it.
type ValueForm struct {
	Columns []FormColumn // in the order of their names
	Ordered bool         // all regions have the rows in one order
}

// FormColumn is a column of a ValueForm.
type FormColumn struct {
	Name string
	As   ValueText
	Key  int  // its place in the primary key from 1; 0: it is not in it
	Long bool // values may be large: a digest of the text stands for it
}

// ValueText says what the text of a column's values is.
type ValueText string

// The texts. Their alphabets are such that a database can make the same one as a relay.
const (
	AsNumber ValueText = "number" // digits, without zeros that mean nothing
	AsFloat  ValueText = "float"  // the shortest digits that give the double back
	AsText   ValueText = "text"   // UTF-8; a UUID in lower case with hyphens
	AsJSON   ValueText = "json"   // the document by value
	AsBytes  ValueText = "bytes"  // hexadecimal digits in lower case
	AsOctets ValueText = "octets" // the bytes themselves, of which only digests are compared
	AsBits   ValueText = "bits"   // zeros and ones
	AsMoment ValueText = "moment" // dates and times as Plain has them
)

// Subject names a table and how it is compared, for a Comparison that is asked by text. f is nil where that is as the database has it.
func Subject(table string, f *ValueForm) (string, error) {
	if f == nil {
		return table, nil
	}
	text, err := json.Marshal(subject{table, f})
	if err != nil {
		return "", fmt.Errorf("write down how table %s is compared: %w", table, err)
	}
	return string(text), nil
}

// ParseSubject reads what Subject wrote. No schema's name begins as it does.
func ParseSubject(text string) (table string, f *ValueForm, err error) {
	if !strings.HasPrefix(text, `{"Table":`) {
		return text, nil, nil
	}
	var s subject
	if err := json.Unmarshal([]byte(text), &s); err != nil || s.Form == nil {
		return "", nil, errors.New("read how a table is compared: it is cut short")
	}
	return s.Table, s.Form, nil
}

type subject struct {
	Table string
	Form  *ValueForm
}

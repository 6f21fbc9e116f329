package console

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// maxValue is how many bytes of one value a page shows.
const maxValue = 2000

// columnPair is one column of two images of a row.
type columnPair struct {
	Name          string
	Local, Remote string // as JSON; "" where the image lacks it
	Differs       bool
}

// pair puts the columns of two images, JSON objects, beside each other, in their order.
func pair(local, remote string) []columnPair {
	l, r := columns(local), columns(remote)
	var list []columnPair
	for _, c := range l {
		other, both := find(r, c.name)
		list = append(list, columnPair{Name: c.name, Local: shown(c.value), Remote: shown(other), Differs: both && other != c.value})
	}
	for _, c := range r {
		if _, both := find(l, c.name); !both {
			list = append(list, columnPair{Name: c.name, Remote: shown(c.value)})
		}
	}
	return list
}

type column struct{ name, value string }

// columns reads a JSON object in its order, as far as it can be read.
func columns(object string) []column {
	d := json.NewDecoder(strings.NewReader(object))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil
	}
	var list []column
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return list
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return list
		}
		var small bytes.Buffer
		if err := json.Compact(&small, value); err != nil {
			return list
		}
		text, _ := name.(string) // an object's names are strings
		list = append(list, column{text, small.String()})
	}
	return list
}

func find(list []column, name string) (string, bool) {
	for _, c := range list {
		if c.name == name {
			return c.value, true
		}
	}
	return "", false
}

// shown is a value, cut if it is very long.
func shown(value string) string {
	if len(value) <= maxValue {
		return value
	}
	end := maxValue
	for end > 0 && !utf8.RuneStart(value[end]) {
		end--
	}
	return value[:end] + "…"
}

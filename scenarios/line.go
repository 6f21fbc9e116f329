package scenarios

import (
	"fmt"
	"strconv"
	"strings"
)

// line is what is left to be read of one line.
type line struct {
	number int
	words  []string
}

// next takes a word; "" at the end.
func (l *line) next() string {
	if len(l.words) == 0 {
		return ""
	}
	w := l.words[0]
	l.words = l.words[1:]
	return w
}

// skip takes words that must come now.
func (l *line) skip(words ...string) error {
	for _, want := range words {
		if got := l.next(); got != want {
			return fmt.Errorf("%q instead of %q", got, want)
		}
	}
	return nil
}

func (l *line) done() error {
	if len(l.words) > 0 {
		return fmt.Errorf("%q is too much", strings.Join(l.words, " "))
	}
	return nil
}

// maxNumber keeps numbers within what every database's INT takes.
const maxNumber = 1_000_000_000

func number(word string) (int, error) {
	n, err := strconv.Atoi(word)
	if err != nil || n > maxNumber || n < -maxNumber {
		return 0, fmt.Errorf("%q is no number", word)
	}
	return n, nil
}

// id takes the key of a row.
func (l *line) id() (int, error) {
	n, err := number(l.next())
	if err == nil && n <= 0 {
		err = fmt.Errorf("id %d: want one above 0", n)
	}
	return n, err
}

// name tells whether a word can be a name of a table or column: those of a file stand in one schema together.
func name(word string) error {
	if word == "" || len(word) > 20 {
		return fmt.Errorf("%q is no name", word)
	}
	for i, r := range word {
		if (r < 'a' || r > 'z') && (i == 0 || (r < '0' || r > '9') && r != '_') {
			return fmt.Errorf("%q is no name", word)
		}
	}
	return nil
}

// value tells whether a word can be a value as it is, in every database.
func value(word string) error {
	for _, r := range word {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return fmt.Errorf("%q is no value: letters, digits, - and _", word)
		}
	}
	if len(word) > 30 {
		return fmt.Errorf("%q is too long for a value", word)
	}
	return nil
}

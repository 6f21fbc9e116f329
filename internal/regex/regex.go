// Package regex stands in for github.com/dolthub/go-icu-regex, which the SQL engine of the admin face uses for REGEXP and its functions. That one holds
// ICU as WebAssembly and compiles it when the program starts: half a second and 40 MB in every octant, be it only to say its version. This one is Go's
// regexp: patterns have RE2's syntax, in time that is linear in the text.
package regex

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"unicode/utf8"
)

// Regex matches one pattern against one text. Positions and occurrences count from 1, in characters.
type Regex interface {
	SetRegexString(ctx context.Context, regexStr string, flags RegexFlags) error
	SetMatchString(ctx context.Context, matchStr string) error
	// IndexOf returns where a match begins, or ends, 0 if there is none.
	IndexOf(ctx context.Context, start int, occurrence int, endIndex bool) (int, error)
	Matches(ctx context.Context, start int, occurrence int) (bool, error)
	// Replace replaces one occurrence, or all of them if occurrence is 0.
	Replace(ctx context.Context, replacementStr string, position int, occurrence int) (string, error)
	Substring(ctx context.Context, start int, occurrence int) (string, bool, error)
	StringBufferSize() uint32
	Close() error
}

// RegexFlags are the flags that MySQL's functions know.
type RegexFlags uint32

// The flags; any may be joined.
const (
	RegexFlags_None             RegexFlags = 0
	RegexFlags_Unix_Lines       RegexFlags = 1
	RegexFlags_Case_Insensitive RegexFlags = 2
	RegexFlags_Multiline        RegexFlags = 8
	RegexFlags_Dot_All          RegexFlags = 32
)

// SetRegexLeakHandler has nothing to do: nothing can leak.
func SetRegexLeakHandler(func()) {}

// CreateRegex returns one without a pattern.
func CreateRegex(uint32) Regex { return &expression{} }

type expression struct {
	re   *regexp.Regexp
	text *string
}

var (
	errNoPattern = errors.New("there is no pattern to match with")
	errNoText    = errors.New("there is no text to match against")
)

// SetRegexString compiles the pattern.
func (e *expression) SetRegexString(_ context.Context, pattern string, flags RegexFlags) error {
	options := ""
	for flag, letter := range map[RegexFlags]string{RegexFlags_Case_Insensitive: "i", RegexFlags_Multiline: "m", RegexFlags_Dot_All: "s"} {
		if flags&flag != 0 {
			options += letter
		}
	}
	if options != "" {
		pattern = "(?" + options + ")" + pattern
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return fmt.Errorf("the regular expression is invalid: %w", err)
	}
	e.re = re
	return nil
}

// SetMatchString sets the text.
func (e *expression) SetMatchString(_ context.Context, text string) error {
	if e.re == nil {
		return errNoPattern
	}
	e.text = &text
	return nil
}

// find returns the first and last byte of an occurrence at or after a character.
func (e *expression) find(start, occurrence int) (from, to int, found bool, err error) {
	switch {
	case e.re == nil:
		return 0, 0, false, errNoPattern
	case e.text == nil:
		return 0, 0, false, errNoText
	}
	skip := byteOf(*e.text, start)
	all := e.re.FindAllStringIndex((*e.text)[skip:], max(occurrence, 1))
	if len(all) < max(occurrence, 1) {
		return 0, 0, false, nil
	}
	last := all[len(all)-1]
	return skip + last[0], skip + last[1], true, nil
}

// byteOf returns where a character begins.
func byteOf(text string, character int) int {
	at := 0
	for ; character > 1 && at < len(text); character-- {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return at
}

// IndexOf implements Regex.
func (e *expression) IndexOf(_ context.Context, start, occurrence int, endIndex bool) (int, error) {
	from, to, found, err := e.find(start, occurrence)
	if err != nil || !found {
		return 0, err
	}
	if endIndex {
		from = to
	}
	return utf8.RuneCountInString((*e.text)[:from]) + 1, nil
}

// Matches implements Regex.
func (e *expression) Matches(_ context.Context, start, occurrence int) (bool, error) {
	_, _, found, err := e.find(start, occurrence)
	return found, err
}

// Replace implements Regex.
func (e *expression) Replace(_ context.Context, with string, position, occurrence int) (string, error) {
	if occurrence > 0 {
		from, to, found, err := e.find(position, occurrence)
		if err != nil || !found {
			return deref(e.text), err
		}
		return (*e.text)[:from] + e.re.ReplaceAllString((*e.text)[from:to], with) + (*e.text)[to:], nil
	}
	if _, _, _, err := e.find(1, 1); err != nil {
		return "", err
	}
	skip := byteOf(*e.text, position)
	return (*e.text)[:skip] + e.re.ReplaceAllString((*e.text)[skip:], with), nil
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// Substring implements Regex.
func (e *expression) Substring(_ context.Context, start, occurrence int) (string, bool, error) {
	from, to, found, err := e.find(start, occurrence)
	if err != nil || !found {
		return "", false, err
	}
	return (*e.text)[from:to], true, nil
}

// StringBufferSize is 0: there is no buffer.
func (e *expression) StringBufferSize() uint32 { return 0 }

// Close lets everything go.
func (e *expression) Close() error {
	e.re, e.text = nil, nil
	return nil
}

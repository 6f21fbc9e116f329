package values_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/values"
)

// FuzzParseJSON: what is read is a document by anybody's rules, and nothing panics.
func FuzzParseJSON(f *testing.F) {
	for _, text := range []string{
		"", "null", " [true, false , {}] ", `{"a":{"b":[]},"c":-0.5e-7}`, `"\"\\\/\b\f\n\r\té𝄞"`, `"\ud834"`, "01", "-", "1.", "1e", "[1,]", `{"a"}`, `{"a":1,}`,
		strings.Repeat("[", 150), "\"\x01\"", "\xff", `{"a":1,"a":2}`, "nul", "[1 2]", `"\u+123"`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		_, err := values.ParseJSON(text)
		if err == nil && !json.Valid(text) {
			t.Errorf("%q was read", text)
		}
	})
}

// TestParseJSON holds the reader against the library's.
func TestParseJSON(t *testing.T) {
	for _, text := range []string{`[1, "a", null]`, `{"a": {"b": [true, false]}}`, "-12.5E+3", `"ä\u00e4😀"`, " \t\r\n1 "} {
		if _, err := values.ParseJSON([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"", "[", "1 2", "tru", `{"a" 1}`, "+1", "0x1", "'a'", "NaN", "\"\n\""} {
		if _, err := values.ParseJSON([]byte(text)); err == nil || json.Valid([]byte(text)) {
			t.Errorf("%s was read", text)
		}
	}
	_, err := values.ParseJSON([]byte(strings.Repeat("[", 102) + strings.Repeat("]", 102)))
	if err == nil || !strings.Contains(err.Error(), "levels") {
		t.Errorf("a deep document: %v", errors.Unwrap(err))
	}
}

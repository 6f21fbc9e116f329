package config

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestEveryKeyIsDocumented compares the file's keys with the table in the operations manual.
func TestEveryKeyIsDocumented(t *testing.T) {
	manual, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := reflect.TypeFor[file]()
	for i := range sections.NumField() {
		section := sections.Field(i)
		keys, name := section.Type, section.Tag.Get("toml")
		list := keys.Kind() == reflect.Slice
		if list {
			keys = keys.Elem()
		}
		for k := range keys.NumField() {
			if key := keys.Field(k).Tag.Get("toml"); !documented(string(manual), name, key, list) {
				t.Errorf("key %s of section %s is not in docs/operations.md", key, name)
			}
		}
	}
}

func documented(manual, section, key string, list bool) bool {
	for line := range strings.Lines(manual) {
		cell, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		if list && strings.HasPrefix(cell, "`[["+section+"]]`") && strings.Contains(cell, "`"+key+"`") {
			return true
		}
		if !list && cell == "`"+section+"."+key+"`" {
			return true
		}
	}
	return false
}

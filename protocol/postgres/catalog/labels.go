package catalog

import (
	"encoding/hex"
	"strings"
)

// labels reads the labels of an enum, which come as hexadecimal digits since they may hold anything.
func labels(text string) []string {
	var list []string
	for word := range strings.FieldsSeq(text) {
		b, err := hex.DecodeString(word)
		if err != nil {
			return nil
		}
		list = append(list, string(b))
	}
	return list
}

package gtid_test

import (
	"testing"

	"github.com/octant-db/octant/protocol/mysql/gtid"
)

func FuzzDecodeSet(f *testing.F) {
	for _, text := range []string{"", uuidA + ":1-5:9", uuidA + ":1-6:tagx:1," + uuidB + ":3"} {
		set, _ := gtid.ParseSet(text)
		f.Add(set.AppendBinary(nil))
		f.Add(set.AppendTagged(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		set, err := gtid.DecodeSet(b)
		if err != nil {
			return
		}
		if back, err := gtid.DecodeSet(set.AppendBinary(nil)); err != nil || !back.Equal(set) {
			t.Fatalf("%q comes back as %q, %v", set, back, err)
		}
	})
}

func FuzzParseSet(f *testing.F) {
	for _, text := range []string{"", uuidA + ":1-5:9", uuidA + ":1-6:tagx:1," + uuidB + ":3", uuidA + ":5-3"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set, err := gtid.ParseSet(text)
		if err != nil {
			return
		}
		if back, err := gtid.ParseSet(set.String()); err != nil || !back.Equal(set) {
			t.Fatalf("%q comes back as %q, %v", set, back, err)
		}
	})
}

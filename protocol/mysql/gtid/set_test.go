package gtid_test

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/octant-db/octant/protocol/mysql/gtid"
)

const (
	uuidA = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
	uuidB = "58fbcd7f-e54b-11f1-b428-02fc00000001"
)

func TestParseSet(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "",
		" , ":                                 "",
		uuidA + ":1":                          uuidA + ":1",
		uuidA + ":1-5:6-7:9":                  uuidA + ":1-7:9",
		uuidA + ":9:1-3:2-4":                  uuidA + ":1-4:9",
		strings.ToUpper(uuidA) + ":1 - 5 : 7": uuidA + ":1-5:7",
		strings.ReplaceAll(uuidA, "-", "") + ":3":   uuidA + ":3",
		uuidB + ":1,\n" + uuidA + ":2":              uuidA + ":2," + uuidB + ":1",
		uuidA + ":1," + uuidA + ":2":                uuidA + ":1-2",
		uuidA + ":5-3":                              "",
		uuidA + ":5-0":                              "",
		uuidA:                                       "",
		uuidA + ":1-6:tagx:1":                       uuidA + ":1-6:tagx:1",
		uuidA + ":TagX:1:2:_b:7":                    uuidA + ":_b:7:tagx:1-2",
		uuidA + ":tagx:1," + uuidA + ":4":           uuidA + ":4:tagx:1",
		uuidA + ":9223372036854775806":              uuidA + ":9223372036854775806",
		uuidA + ":1-9223372036854775805:" + "99999": uuidA + ":1-9223372036854775805",
	} {
		set, err := gtid.ParseSet(text)
		if err != nil || set.String() != want {
			t.Errorf("ParseSet(%q) = %q, %v; want %q", text, set, err, want)
		}
	}
	for _, text := range []string{
		"x", uuidA + ":", uuidA + ":0", uuidA + ":-1", uuidA + ":1-", uuidA + ":9223372036854775807", uuidA + ":tag", uuidA + ":1:tag",
		uuidA + ":tag:1:other", uuidA + ":tag name:1", uuidA + ":" + strings.Repeat("t", 33) + ":1", uuidA[1:] + ":1",
		strings.ReplaceAll(uuidA, "-", "_") + ":1", "3e11fa47-71ca-11e1-9e33-c80aa942956g:1", uuidA + "::1",
	} {
		if set, err := gtid.ParseSet(text); err == nil {
			t.Errorf("ParseSet(%q) = %q, want an error", text, set)
		}
	}
}

func TestParse(t *testing.T) {
	for _, text := range []string{uuidA + ":1", uuidA + ":tag_1:77"} {
		g, err := gtid.Parse(text)
		if err != nil || g.String() != text {
			t.Errorf("Parse(%q) = %q, %v", text, g, err)
		}
	}
	for _, text := range []string{"", uuidA, uuidA + ":0", uuidA + ":1-2", uuidA + ":tag", uuidA + ":1tag:1", uuidA + ":a:b:1"} {
		if g, err := gtid.Parse(text); err == nil {
			t.Errorf("Parse(%q) = %q, want an error", text, g)
		}
	}
}

// TestBinaryVectors compares with bytes that MySQL 9.7 sent in COM_BINLOG_DUMP_GTID.
func TestBinaryVectors(t *testing.T) {
	uuid := strings.ReplaceAll(uuidB, "-", "")
	for text, want := range map[string]string{
		"": "0000000000000000",
		uuidB + ":1-6:tagx:1": "0102000000000001" + uuid + "00" + "0100000000000000" + "0100000000000000" + "0700000000000000" +
			uuid + "08" + "74616778" + "0100000000000000" + "0100000000000000" + "0200000000000000",
		uuidB + ":1-6:9": "0100000000000000" + uuid + "0200000000000000" + "0100000000000000" + "0700000000000000" +
			"0900000000000000" + "0a00000000000000",
	} {
		set, _ := gtid.ParseSet(text)
		got := set.AppendBinary(nil)
		if hex.EncodeToString(got) != want {
			t.Errorf("%q is %x, want %s", text, got, want)
		}
		back, err := gtid.DecodeSet(got)
		if err != nil || !back.Equal(set) {
			t.Errorf("%q comes back as %q, %v", text, back, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := func() []byte { s, _ := gtid.ParseSet(uuidA + ":1-6:tagx:1"); return s.AppendBinary(nil) }
	for name, b := range map[string][]byte{
		"nothing":        {},
		"cut":            good()[:30],
		"more":           append(good(), 0),
		"many servers":   {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
		"many intervals": slices.Concat([]byte{1, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 16), slices.Repeat([]byte{0xff}, 8)),
	} {
		if set, err := gtid.DecodeSet(b); err == nil {
			t.Errorf("%s: %q, want an error", name, set)
		}
	}
}

func TestParts(t *testing.T) {
	set, _ := gtid.ParseSet(uuidA + ":1-3:x:5," + uuidB + ":7")
	server, _ := gtid.ParseUUID(uuidA)
	if got := set.BornAt(server).String(); got != uuidA+":1-3:x:5" {
		t.Errorf("BornAt = %q", got)
	}
	if got := set.Untagged().String(); got != uuidA+":1-3,"+uuidB+":7" {
		t.Errorf("Untagged = %q", got)
	}
	if !set.Tagged() || set.Untagged().Tagged() || set.Count() != 5 || set.Empty() {
		t.Errorf("tagged %v, count %d, empty %v", set.Tagged(), set.Count(), set.Empty())
	}
}

// model is a set as a map of small numbers.
type model map[gtid.GTID]bool

func drawModel(t *rapid.T, label string) (gtid.Set, model) {
	var set gtid.Set
	m := model{}
	for range rapid.IntRange(0, 12).Draw(t, label) {
		source := gtid.Source{Server: gtid.UUID{rapid.ByteRange(0, 1).Draw(t, "server")},
			Tag: rapid.SampledFrom([]string{"", "a", "b_1"}).Draw(t, "tag")}
		first := rapid.Uint64Range(1, 30).Draw(t, "first")
		last := first + rapid.Uint64Range(0, 6).Draw(t, "length")
		set.AddInterval(source, gtid.Interval{First: first, Last: last})
		for n := first; n <= last; n++ {
			m[gtid.GTID{Source: source, Number: n}] = true
		}
	}
	return set, m
}

func (m model) set() gtid.Set {
	var list []gtid.GTID
	for g := range m {
		list = append(list, g)
	}
	return gtid.Of(list...)
}

func TestSetIsASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, ma := drawModel(t, "a")
		b, mb := drawModel(t, "b")
		check := func(what string, got gtid.Set, in func(gtid.GTID) bool) {
			want := model{}
			for g := range ma {
				want[g] = in(g)
			}
			for g := range mb {
				want[g] = in(g)
			}
			for g, yes := range want {
				if got.Contains(g) != yes {
					t.Fatalf("%s of %q and %q is %q: wrong at %s", what, a, b, got, g)
				}
				if !yes {
					delete(want, g)
				}
			}
			if !got.Equal(want.set()) || got.Count() != uint64(len(want)) {
				t.Fatalf("%s of %q and %q is %q", what, a, b, got)
			}
		}
		check("union", a.Union(b), func(g gtid.GTID) bool { return ma[g] || mb[g] })
		check("difference", a.Subtract(b), func(g gtid.GTID) bool { return ma[g] && !mb[g] })
		check("intersection", a.Intersect(b), func(g gtid.GTID) bool { return ma[g] && mb[g] })
		if a.Includes(b) != b.Subtract(a).Empty() || !a.Union(b).Includes(b) {
			t.Fatalf("%q includes %q: %v", a, b, a.Includes(b))
		}
		if !a.Equal(ma.set()) {
			t.Fatalf("the operations changed %q", a)
		}
	})
}

func TestRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set, _ := drawModel(t, "set")
		if back, err := gtid.ParseSet(set.String()); err != nil || !back.Equal(set) {
			t.Fatalf("text of %q: %q, %v", set, back, err)
		}
		for _, b := range [][]byte{set.AppendBinary(nil), set.AppendTagged(nil)} {
			if back, err := gtid.DecodeSet(b); err != nil || !back.Equal(set) {
				t.Fatalf("bytes of %q: %q, %v", set, back, err)
			}
		}
	})
}

func TestCloneSharesNothing(t *testing.T) {
	set, _ := gtid.ParseSet(uuidA + ":1-3")
	clone := set.Clone()
	g, _ := gtid.Parse(uuidA + ":4")
	clone.Add(g)
	if set.Contains(g) || !clone.Contains(g) {
		t.Errorf("%q and %q", set, clone)
	}
}

package conflict_test

import (
	"reflect"
	"testing"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// TestMemoryKeepsAll puts registers of which one field says something, each that there is, beside those of a plain write.
func TestMemoryKeepsAll(t *testing.T) {
	var plain conflict.Register
	plain.Version = relay.Version{HLC: 7, Region: 2}
	plain.Shown, plain.Deps = plain.Version, relay.Vector{0, 3}
	plain.Row.Image = relay.Image("row")
	requireKept(t, "a plain write", plain)
	eachField(reflect.ValueOf(&plain).Elem(), "", func(name string, field reflect.Value) {
		before := reflect.New(field.Type()).Elem()
		before.Set(field)
		say(field)
		requireKept(t, name, plain)
		field.Set(before)
	})
}

func requireKept(t *testing.T, name string, r conflict.Register) {
	t.Helper()
	m := conflict.NewMemory()
	if err := m.Put("k", r); err != nil {
		t.Fatal(err)
	}
	got, known, err := m.Get("k")
	if err != nil || !known || !reflect.DeepEqual(got, r) {
		t.Errorf("%s: got %+v, %v, %v; want %+v: conflict/kept.go must keep it", name, got, known, err, r)
	}
}

// eachField calls yield with every field of a struct, those of structs in it too.
func eachField(v reflect.Value, in string, yield func(string, reflect.Value)) {
	for i := range v.NumField() {
		name := in + "." + v.Type().Field(i).Name
		if v.Field(i).Kind() == reflect.Struct {
			eachField(v.Field(i), name, yield)
			continue
		}
		yield(name, v.Field(i))
	}
}

// say gives a field another value than it has.
func say(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + 1)
	case reflect.Uint8:
		v.SetUint(v.Uint() + 1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	default:
		panic("what does a " + v.Type().String() + " say?")
	}
}

// TestMemoryForgetsByAge writes rows in and out of the order of their clocks, and some again: each is forgotten when its last write may be.
func TestMemoryForgetsByAge(t *testing.T) {
	m := conflict.NewMemory()
	write := func(k conflict.Key, hlc relay.HLC, unique ...string) {
		v := relay.Version{HLC: hlc, Region: 1}
		if err := m.Put(k, conflict.Register{Version: v, Shown: v, Row: conflict.Row{Image: relay.Image("row"), Unique: unique}}); err != nil {
			t.Fatal(err)
		}
	}
	write("a", 5)
	write("a", 9, "unique")
	write("b", 3, "other")
	write("c", 4)
	write("d", 6)
	if err := m.Remove("c"); err != nil {
		t.Fatal(err)
	}
	left := []int{3, 3, 3, 2, 2, 2, 2, 2, 2, 0} // by limit; d is held up to 8
	for limit, want := range left {
		gone := func(k conflict.Key, _ *conflict.Kept) bool { return k != "d" || limit >= 9 }
		if err := m.Forget(conflict.Cut{Stable: relay.HLC(limit)}, gone); err != nil {
			t.Fatal(err)
		}
		if m.Len() != want {
			t.Errorf("up to %d: %d rows are left, not %d", limit, m.Len(), want)
		}
	}
	if keys, _ := m.Claims("unique"); len(keys) > 0 {
		t.Errorf("%q still claim what was forgotten", keys)
	}
}

package readable_test

import (
	"testing"
	"time"

	"github.com/octant-db/octant/internal/readable"
)

func TestTexts(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{readable.Short(0), "0"},
		{readable.Short(999 * time.Microsecond), "0"},
		{readable.Short(-20 * time.Millisecond), "-20ms"},
		{readable.Short(1500 * time.Millisecond), "1.5s"},
		{readable.Short(-90 * time.Second), "-1m30s"},
		{readable.Age(-time.Second), "0"},
		{readable.Age(61 * time.Minute), "1h01m"},
		{readable.Age(50 * time.Hour), "2d02h"},
		{readable.Number(0), "0"},
		{readable.Number(12.34), "12.3"},
		{readable.Number(1234.5), "1234"},
		{readable.Bytes(1023), "1023 B"},
		{readable.Bytes(10 << 30), "10.0 GiB"},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}

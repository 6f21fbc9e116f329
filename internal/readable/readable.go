// Package readable writes durations, rates and sizes for people: as short as they can be and still say what matters.
package readable

import (
	"fmt"
	"strconv"
	"time"
)

// Age is a long time in the two units that matter.
func Age(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return Short(d)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%02dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// Short is a time to three digits or so; below a millisecond it is nothing.
func Short(d time.Duration) string {
	switch a := d.Abs(); {
	case a < time.Millisecond:
		return "0"
	case a < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case a < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < 0:
		return "-" + Age(-d)
	}
	return Age(d)
}

// Number is a rate to a digit after the point, as far as that says something.
func Number(f float64) string {
	if f >= 100 || f == 0 {
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	return strconv.FormatFloat(f, 'f', 1, 64)
}

// Bytes is a number of bytes in binary units.
func Bytes(n float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for ; n >= 1024 && i < len(units)-1; i++ {
		n /= 1024
	}
	if i == 0 {
		return fmt.Sprintf("%.0f B", n)
	}
	return fmt.Sprintf("%.1f %s", n, units[i])
}

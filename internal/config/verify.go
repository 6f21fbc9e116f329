package config

import (
	"strings"
	"time"
)

func (c *checker) verify(f *file) Verify {
	v := Verify{Tables: f.Verify.Tables, Patience: c.duration("verify.patience", f.Verify.Patience)}
	if f.Verify.Every != "0" {
		v.Every = c.duration("verify.every", f.Verify.Every)
	}
	if f.Verify.Rate < 0 || f.Verify.Rate > maxRate {
		c.addf("verify.rate is %d: choose 1 to %d rows a second, or 0 for as fast as the databases answer", f.Verify.Rate, maxRate)
	}
	v.Rate = int(f.Verify.Rate)
	v.From, v.To = c.window("verify.window", f.Verify.Window)
	for _, name := range v.Tables {
		if schema, table, found := strings.Cut(name, "."); !found || schema == "" || table == "" {
			c.addf("verify.tables: %q is not of the form schema.table or schema.*", name)
		}
	}
	return v
}

// maxRate bounds rates in rows per second: above it stands a mistake.
const maxRate = 1 << 30

// window reads "01:00-05:30", in UTC. It may go over midnight.
func (c *checker) window(key, s string) (from, to time.Duration) {
	if s == "" {
		return 0, 0
	}
	first, last, found := strings.Cut(s, "-")
	a, errA := time.Parse("15:04", first)
	b, errB := time.Parse("15:04", last)
	if !found || errA != nil || errB != nil || a.Equal(b) {
		c.addf("%s: %q is not a window such as \"01:00-05:30\", in UTC", key, s)
	}
	return sinceMidnight(a), sinceMidnight(b)
}

func sinceMidnight(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}

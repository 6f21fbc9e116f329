package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// sizeUnits are tried in order, so that "B" does not take what belongs to "GiB".
var sizeUnits = []struct {
	suffix string
	factor int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

// parseSize reads "10GiB", "500MB", "4096".
func parseSize(s string) (int64, error) {
	number, factor := s, int64(1)
	for _, u := range sizeUnits {
		if rest, found := strings.CutSuffix(s, u.suffix); found {
			number, factor = strings.TrimSpace(rest), u.factor
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/factor {
		return 0, fmt.Errorf("%q is not a size such as \"10GiB\" or \"500MB\"", s)
	}
	return n * factor, nil
}

// parseDuration reads what time.ParseDuration does, and whole days: "7d".
func parseDuration(s string) (time.Duration, error) {
	if days, found := strings.CutSuffix(s, "d"); found {
		n, err := strconv.ParseInt(days, 10, 32)
		if err == nil && n >= 0 && n <= 36500 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration such as \"5s\", \"12h\" or \"7d\"", s)
	}
	return d, nil
}

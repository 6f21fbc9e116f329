package logical

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// floatText writes a float as float4out and float8out do with extra_float_digits above 0: the shortest digits that are nearer to the number than to its
// neighbours, not only as near (STRICTLY_SHORTEST 0 in PostgreSQL's d2s.c), as a plain number where its exponent is from -4 to 5 or 14.
func floatText(f float64, size int) []byte {
	switch {
	case math.IsNaN(f):
		return []byte("NaN")
	case math.IsInf(f, 0):
		return []byte(map[bool]string{true: "-Infinity", false: "Infinity"}[f < 0])
	}
	text := shortest(f, size)
	exponent, _ := strconv.Atoi(text[strings.IndexByte(text, 'e')+1:])
	most := 15
	if size == 32 {
		most = 6
	}
	if f == 0 || exponent >= -4 && exponent < most {
		digits := max(0, len(strings.TrimLeft(text[:strings.IndexByte(text, 'e')], "-"))-2)
		return []byte(strconv.FormatFloat(f, 'f', max(0, digits-exponent), size))
	}
	return []byte(text)
}

// shortest returns the digits with an exponent: "1.5e+30".
func shortest(f float64, size int) string {
	text := strconv.FormatFloat(f, 'e', -1, size)
	most := 16
	if size == 32 {
		most = 8
	}
	for digits := len(strings.TrimLeft(text[:strings.IndexByte(text, 'e')], "-")) - 1; digits <= most && halfway(text, f, size); digits++ {
		text = strconv.FormatFloat(f, 'e', digits, size)
	}
	return text
}

// halfway tells whether a text is exactly between a number and its neighbour.
func halfway(text string, f float64, size int) bool {
	if math.Float64bits(f)&1 != 0 && size == 64 || math.Float32bits(float32(f))&1 != 0 && size == 32 {
		return false // only those with an even mantissa are read from there
	}
	said, ok := new(big.Rat).SetString(text)
	exact := new(big.Rat).SetFloat64(f)
	if !ok || exact == nil || said.Cmp(exact) == 0 {
		return false
	}
	toward := math.Inf(said.Cmp(exact))
	next := math.Nextafter(f, toward)
	if size == 32 {
		next = float64(math.Nextafter32(float32(f), float32(toward)))
	}
	beside := new(big.Rat).SetFloat64(next)
	if beside == nil {
		return false
	}
	middle := new(big.Rat).Add(exact, beside)
	return middle.Cmp(said.Add(said, said)) == 0
}

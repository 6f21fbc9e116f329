package binlog

import "time"

// The layouts of temporal values are those of my_*_packed_to_binary in MariaDB's sql/compat56.cc. Zero and partial dates
// are written as they are.

func appendDate3(dst, b []byte) []byte {
	n := int(b[0]) | int(b[1])<<8 | int(b[2])<<16
	return appendDate(dst, n>>9, n>>5&15, n&31)
}

func appendDate(dst []byte, year, month, day int) []byte {
	dst = append2(append2(dst, year/100), year%100)
	dst = append2(append(dst, '-'), month)
	return append2(append(dst, '-'), day)
}

func appendClock(dst []byte, hour, minute, second int) []byte {
	if hour >= 100 {
		dst, hour = append(dst, byte('0'+hour/100%10)), hour%100
	}
	dst = append2(dst, hour)
	dst = append2(append(dst, ':'), minute)
	return append2(append(dst, ':'), second)
}

func append2(dst []byte, n int) []byte { return append(dst, byte('0'+n/10%10), byte('0'+n%10)) }

// appendFraction writes digits of a fraction that is stored as hundredths, ten-thousandths or millionths.
func appendFraction(dst []byte, n uint64, digits int) []byte {
	if digits == 0 {
		return dst
	}
	dst = append(dst, '.')
	stored := (digits + 1) / 2 * 2
	for scale := pow10(stored - 1); digits > 0; digits-- {
		dst = append(dst, byte('0'+n/scale%10))
		scale /= 10
	}
	return dst
}

func pow10(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

func bigEndian(b []byte) uint64 {
	var n uint64
	for _, b := range b {
		n = n<<8 | uint64(b)
	}
	return n
}

// appendTime2 reads a TIME(n): a sign and hhh:mm:ss in 24 bits, then the fraction, all together offset by half their range.
func appendTime2(dst, b []byte, digits int) []byte {
	bits := 8 * len(b)
	n := int64(bigEndian(b)) - 1<<(bits-1)
	if n < 0 {
		dst, n = append(dst, '-'), -n
	}
	seconds := int(n >> (bits - 24))
	dst = appendClock(dst, seconds>>12&1023, seconds>>6&63, seconds&63)
	return appendFraction(dst, uint64(n)&(1<<(bits-24)-1), digits)
}

// appendDateTime2 reads a DATETIME(n): year*13+month, day, hour, minute, second in 40 bits offset by half their range, then the
// fraction.
func appendDateTime2(dst, b []byte, digits int) []byte {
	n := int(bigEndian(b[:5])) & (1<<39 - 1)
	dst = appendDate(dst, n>>22/13, n>>22%13, n>>17&31)
	dst = appendClock(append(dst, ' '), n>>12&31, n>>6&63, n&63)
	return appendFraction(dst, bigEndian(b[5:]), digits)
}

// appendUnix writes a TIMESTAMP(n) in UTC; zero is the zero timestamp.
func appendUnix(dst []byte, seconds int64, fraction []byte, digits int) []byte {
	n := bigEndian(fraction)
	if seconds == 0 && n == 0 {
		dst = appendClock(append(appendDate(dst, 0, 0, 0), ' '), 0, 0, 0)
		return appendFraction(dst, 0, digits)
	}
	t := time.Unix(seconds, 0).UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	dst = appendClock(append(appendDate(dst, year, int(month), day), ' '), hour, minute, second)
	return appendFraction(dst, n, digits)
}

package binlog

// A DECIMAL is stored as groups of nine digits in four bytes each, big endian, the ends in fewer bytes. The first bit is inverted, and
// all bits are when the number is negative; see decimal2bin in MariaDB's strings/decimal.c.

const groupDigits = 9

// groupBytes is how many bytes a group of so many digits has.
var groupBytes = [groupDigits + 1]int{0, 1, 1, 2, 2, 3, 3, 4, 4, 4}

func decimalSize(digits, scale int) int {
	whole := max(digits-scale, 0)
	scale = max(scale, 0)
	return whole/groupDigits*4 + groupBytes[whole%groupDigits] + scale/groupDigits*4 + groupBytes[scale%groupDigits]
}

// appendDecimal writes all digits after the point and those before it without leading zeros.
func appendDecimal(dst, b []byte, digits, scale int) ([]byte, bool) {
	d := decimalReader{rest: b, first: 0x80}
	if b[0]&0x80 == 0 {
		dst, d.invert = append(dst, '-'), 0xFF
	}
	whole, start := digits-scale, len(dst)
	dst = d.append(dst, whole%groupDigits)
	for range whole / groupDigits {
		dst = d.append(dst, groupDigits)
	}
	dst = trimZeros(dst, start)
	if scale > 0 {
		dst = append(dst, '.')
	}
	for range scale / groupDigits {
		dst = d.append(dst, groupDigits)
	}
	dst = d.append(dst, scale%groupDigits)
	return dst, !d.bad
}

// decimalReader takes groups of digits.
type decimalReader struct {
	rest          []byte
	first, invert byte
	bad           bool
}

func (d *decimalReader) append(dst []byte, digits int) []byte {
	var n uint64
	for range groupBytes[digits] {
		n = n<<8 | uint64(d.rest[0]^d.first^d.invert)
		d.rest, d.first = d.rest[1:], 0
	}
	if n >= pow10(digits) {
		d.bad = true
	}
	for scale := pow10(digits) / 10; scale > 0; scale /= 10 {
		dst = append(dst, byte('0'+n/scale%10))
	}
	return dst
}

// trimZeros takes leading zeros from the digits that stand after start, and leaves one digit at least.
func trimZeros(dst []byte, start int) []byte {
	zeros := start
	for zeros < len(dst)-1 && dst[zeros] == '0' {
		zeros++
	}
	if len(dst) == start {
		return append(dst, '0')
	}
	return append(dst[:start], dst[zeros:]...)
}

package binlog

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// appendJSONText appends text of a character set as a JSON string; text that cannot be read comes as "0x…".
func appendJSONText(dst []byte, charset string, text []byte) []byte {
	decoded, ok := toUTF8(charset, text)
	if !ok {
		return appendJSONHex(dst, text)
	}
	quoted, err := json.Marshal(string(decoded))
	if err != nil {
		return appendJSONHex(dst, text)
	}
	return append(dst, quoted...)
}

// toUTF8 transcodes text for people, and for regions of other engines. False: it is not valid, or the character set is not known here.
func toUTF8(charset string, text []byte) ([]byte, bool) {
	switch charset {
	case "utf8mb4", "utf8mb3", "":
		return text, utf8.Valid(text)
	case "ascii":
		return text, isASCII(text)
	}
	e := encodingOf(charset)
	if e == nil {
		return nil, false
	}
	decoded, err := e.NewDecoder().Bytes(text)
	return decoded, err == nil
}

// fromUTF8 is the reverse of toUTF8. False: the character set lacks something of the text, or would give it back changed.
func fromUTF8(charset string, text []byte) ([]byte, bool) {
	switch charset {
	case "utf8mb4", "binary", "":
		return text, utf8.Valid(text)
	case "utf8mb3":
		return text, utf8.Valid(text) && !supplementary(text)
	case "ascii":
		return text, isASCII(text)
	}
	e := encodingOf(charset)
	if e == nil {
		return nil, false
	}
	encoded, err := e.NewEncoder().Bytes(text)
	if err != nil {
		return nil, false
	}
	back, ok := toUTF8(charset, encoded)
	return encoded, ok && bytes.Equal(back, text) && (charset != "ucs2" || !supplementary(text))
}

// supplementary tells whether UTF-8 has characters of four bytes.
func supplementary(text []byte) bool {
	return bytes.ContainsFunc(text, func(r rune) bool { return r > 0xFFFF })
}

func isASCII(text []byte) bool {
	return !bytes.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
}

// encodingOf returns how to read one of MariaDB's character sets, nil if it is not known.
func encodingOf(charset string) encoding.Encoding {
	switch charset {
	case "latin1":
		return charmap.Windows1252 // MariaDB's latin1 is cp1252
	case "ucs2", "utf16":
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	case "utf16le":
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case "utf32":
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)
	case "gbk", "gb2312":
		return simplifiedchinese.GBK
	case "big5":
		return traditionalchinese.Big5
	case "sjis", "cp932":
		return japanese.ShiftJIS
	case "ujis", "eucjpms":
		return japanese.EUCJP
	case "euckr":
		return korean.EUCKR
	}
	return singleByte(charset)
}

func singleByte(charset string) encoding.Encoding {
	m := map[string]*charmap.Charmap{
		"latin2": charmap.ISO8859_2, "latin5": charmap.ISO8859_9, "latin7": charmap.ISO8859_13, "greek": charmap.ISO8859_7,
		"hebrew": charmap.ISO8859_8, "cp850": charmap.CodePage850, "cp852": charmap.CodePage852, "cp866": charmap.CodePage866,
		"cp1250": charmap.Windows1250, "cp1251": charmap.Windows1251, "cp1256": charmap.Windows1256,
		"cp1257": charmap.Windows1257, "koi8r": charmap.KOI8R, "koi8u": charmap.KOI8U, "macroman": charmap.Macintosh,
		"tis620": charmap.Windows874,
	}[charset]
	if m == nil {
		return nil
	}
	return m
}

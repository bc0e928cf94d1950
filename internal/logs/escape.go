package logs

import (
	"unicode"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendMessage appends s as Apache escapes the items of its error log: a
// backslash is doubled, control characters become \n, \t or \xhh. Unlike
// Apache it keeps readable UTF-8; what is not, or would act on a terminal or
// turn the direction of writing, becomes \xhh byte by byte.
func appendMessage(dst []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < 0x7f && c != '\\' {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			if (r != utf8.RuneError || size > 1) && unicode.IsGraphic(r) && r != '\u2028' && r != '\u2029' {
				i += size
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		for _, b := range []byte(s[i : i+size]) {
			dst = appendEscaped(dst, b)
		}
		i += size
		start = i
	}
	return append(dst, s[start:]...)
}

// appendField appends s as Apache escapes the values of its access log: quotes
// and backslashes get a backslash, everything but printable ASCII becomes \n,
// \t or \xhh. The result can stand between quotes.
func appendField(dst []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c < 0x7f && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscaped(dst, c)
		start = i + 1
	}
	return append(dst, s[start:]...)
}

// appendEscaped appends the escape sequence of one byte.
func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	case '\v':
		return append(dst, '\\', 'v')
	}
	return append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
}

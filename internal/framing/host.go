package framing

import (
	"bytes"
	"net/netip"
	"strings"
)

// hostByte holds the characters of a reg-name of RFC 3986, section 3.2.2, but
// for the percent sign, which begins two hexadecimal digits.
var hostByte = func() (table [256]bool) {
	table = tokenByte
	for _, c := range "#%^`|" {
		table[c] = false
	}
	for _, c := range "(),;=" {
		table[c] = true
	}
	return table
}()

// validHost reports whether b is uri-host [ ":" port ] of RFC 9110, section 7.2:
// the one grammar for the Host of HTTP/1, the authority of a request target and
// the :authority of HTTP/2. An empty host is not valid, because http and https
// have none (RFC 9110, section 4.2.1). Beyond the grammar, an escaped control
// character is refused, and a port above 65535.
func validHost(b []byte) bool {
	name := b
	if len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 || !validLiteral(string(b[1:end])) {
			return false
		}
		return validPort(b[end+1:])
	}
	if colon := bytes.IndexByte(b, ':'); colon >= 0 {
		if !validPort(b[colon:]) {
			return false
		}
		name = b[:colon]
	}
	return validName(name)
}

// validName reports a reg-name that is not empty.
func validName(name []byte) bool {
	for i := 0; i < len(name); i++ {
		if hostByte[name[i]] {
			continue
		}
		if name[i] != '%' || i+2 >= len(name) {
			return false
		}
		high, ok1 := hex(name[i+1])
		low, ok2 := hex(name[i+2])
		if c := high<<4 | low; !ok1 || !ok2 || c < 0x20 || c == 0x7f {
			return false
		}
		i += 2
	}
	return len(name) > 0
}

// validPort reports what may follow a host: nothing, or a colon and a port,
// which may be empty (RFC 3986, section 3.2.3).
func validPort(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	n := 0
	for _, c := range b[1:] {
		if c < '0' || c > '9' {
			return false
		}
		if n = n*10 + int(c-'0'); n > 65535 {
			return false
		}
	}
	return b[0] == ':'
}

// validLiteral reports what may stand between brackets: an IPv6 address without
// a zone, or an address of a version to come.
func validLiteral(s string) bool {
	if len(s) > 0 && s[0]|0x20 == 'v' {
		return validFuture(s[1:])
	}
	address, err := netip.ParseAddr(s)
	return err == nil && address.Is6() && address.Zone() == ""
}

// validFuture reports 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ).
func validFuture(s string) bool {
	version, address, _ := strings.Cut(s, ".")
	for i := range len(version) {
		if _, ok := hex(version[i]); !ok {
			return false
		}
	}
	for i := range len(address) {
		if c := address[i]; !hostByte[c] && c != ':' {
			return false
		}
	}
	return version != "" && address != ""
}

package framing

import "strings"

// Head is the head of a request of HTTP/2, which passes the guard unseen, as it
// has been decoded.
type Head struct {
	Method    string
	Target    string              // :path
	Authority string              // :authority, or Host where there is none
	Fields    map[string][]string // by canonical names; cookies may have been joined
	Port      string              // of an authority that names none
}

// Check holds h to the rules and limits for heads of HTTP/1.1, and to those of
// RFC 9113, sections 8.2 and 8.3, that its decoder may not know. It returns what
// is wrong, or nil. Limits are taken as if h had been sent by HTTP/1.1, so that
// both protocols let the same requests pass.
func (l *Limits) Check(h *Head) *Refusal {
	switch {
	case len(h.Method)+len(h.Target)+len("  HTTP/2.0") > l.RequestLine:
		return errLongLine
	case !isToken(h.Method):
		return errMethod
	}
	if r := checkPath(h.Method, h.Target); r != nil {
		return r
	}
	if r := h.checkHost(); r != nil {
		return r
	}
	return l.checkFields(h)
}

func isToken(s string) bool {
	for i := range len(s) {
		if !tokenByte[s[i]] {
			return false
		}
	}
	return s != ""
}

// checkPath judges :path, which has no absolute form (RFC 9113, section 8.3.1).
func checkPath(method, path string) *Refusal {
	for i := range len(path) {
		switch c := path[i]; {
		case c <= ' ' || c == 0x7f:
			return errTarget
		case c == '#':
			return errFragment
		}
	}
	switch {
	case path == "*", path != "" && path[0] == '/':
		return nil
	case method == "CONNECT" && validHost([]byte(path)):
		return nil
	}
	return errForm
}

// checkHost wants one authority, and no Host that names another.
func (h *Head) checkHost() *Refusal {
	hosts := h.Fields["Host"]
	switch {
	case len(hosts) > 1:
		return errHosts
	case len(hosts) == 1 && h.entity(hosts[0]) != h.entity(h.Authority):
		return errOtherHost
	case len(hosts) == 0 && h.Authority == "":
		return errNoAuthority
	case !validHost([]byte(h.Authority)):
		return errHost
	}
	return nil
}

// entity returns a text that is the same for authorities that name the same (RFC
// 3986, section 6.2.3).
func (h *Head) entity(host string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ":"+h.Port)
	return strings.TrimSuffix(host, ":")
}

// checkFields counts the header lines and their bytes.
func (l *Limits) checkFields(h *Head) *Refusal {
	lines, size := 0, len(h.Method)+len(h.Target)+len("  HTTP/2.0\r\n\r\n")
	if h.Fields["Host"] == nil { // in HTTP/1.1 it would be a line
		lines, size = 1, size+len("Host: \r\n")+len(h.Authority)
	}
	for name, values := range h.Fields {
		lines += len(values)
		for _, value := range values {
			n := len(name) + len(": ") + len(value)
			if n > l.HeaderLine {
				return errLongHeader
			}
			size += n + len("\r\n")
		}
	}
	switch {
	case lines > l.Headers:
		return errManyHeaders
	case size > l.Head:
		return errLongHead
	}
	return nil
}

// Length returns the Content-Length that h declares, -1 if it declares none. As
// in HTTP/1, there may be one, of digits only.
func (h *Head) Length() (int64, *Refusal) {
	values := h.Fields["Content-Length"]
	switch len(values) {
	case 0:
		return -1, nil
	case 1:
	default:
		return 0, errLengths
	}
	n, ok := parseLength([]byte(values[0]))
	if !ok {
		return 0, errLength
	}
	return n, nil
}

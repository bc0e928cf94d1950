package framing

import "bytes"

// checkTarget judges a request target, which is not empty, by its form (RFC 9112,
// section 3.2). What a path may be is for others to say.
func checkTarget(method, target []byte) *Refusal {
	switch {
	case bytes.IndexByte(target, '#') >= 0:
		return errFragment
	case target[0] == '/' || string(target) == "*":
		return nil
	case string(method) == "CONNECT":
		if !validHost(target) {
			return errAuthority
		}
		return nil
	}
	return checkAbsolute(target)
}

// checkAbsolute judges a target that should be a URI of http or https.
func checkAbsolute(target []byte) *Refusal {
	scheme, rest, ok := bytes.Cut(target, []byte(":"))
	switch {
	case !ok || !validScheme(scheme):
		return errForm
	case !equalFold(scheme, "http") && !equalFold(scheme, "https"):
		return errScheme
	case !bytes.HasPrefix(rest, []byte("//")):
		return errForm
	}
	authority := rest[2:]
	if end := bytes.IndexAny(authority, "/?"); end >= 0 {
		authority = authority[:end]
	}
	if !validHost(authority) {
		return errAuthority
	}
	return nil
}

// validScheme reports a scheme of RFC 3986, section 3.1.
func validScheme(b []byte) bool {
	for i, c := range b {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || c != '+' && c != '-' && c != '.' && (c < '0' || c > '9')) {
			return false
		}
	}
	return len(b) > 0
}

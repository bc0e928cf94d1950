package cli

import "strings"

// expandAll replaces $NAME and ${NAME} in every argument by the environment's
// value. What is not set is left as it stands, as is a lone dollar sign.
func expandAll(args []string, lookup func(string) (string, bool)) []string {
	expanded := make([]string, len(args))
	for i, arg := range args {
		expanded[i] = expand(arg, lookup)
	}
	return expanded
}

func expand(s string, lookup func(string) (string, bool)) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "$")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, length := variable(after)
		if value, ok := lookup(name); ok && name != "" {
			b.WriteString(value)
		} else {
			b.WriteString("$" + after[:length])
		}
		s = after[length:]
	}
}

// variable reads the name behind a dollar sign and how long it is with its
// braces; name is "" if there is none.
func variable(s string) (name string, length int) {
	if strings.HasPrefix(s, "{") {
		if end := strings.IndexByte(s, '}'); end > 0 {
			return s[1:end], end + 1
		}
		return "", 0
	}
	for length < len(s) && isNameByte(s[length]) {
		length++
	}
	return s[:length], length
}

func isNameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

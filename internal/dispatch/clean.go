package dispatch

import (
	"bytes"
	"strings"
)

// Clean returns a decoded URL path with runs of slashes collapsed and "." and
// ".." resolved, as Apache sees it. It reports false for a path that does not
// begin with a slash, leads above the root, or contains NUL. A path that is
// clean already is returned as it is, without allocation.
func Clean(path string) (string, bool) {
	if path == "" || path[0] != '/' || strings.IndexByte(path, 0) >= 0 {
		return "", false
	}
	for i := 1; i < len(path); i++ {
		if path[i-1] == '/' && (path[i] == '/' || path[i] == '.') {
			return rebuild(path)
		}
	}
	return path, true
}

func rebuild(path string) (string, bool) {
	out := make([]byte, 0, len(path))
	for rest := path[1:]; ; {
		component, after, more := strings.Cut(rest, "/")
		directory := false
		switch component {
		case "", ".":
			directory = true
		case "..":
			if len(out) == 0 {
				return "", false
			}
			out, directory = out[:bytes.LastIndexByte(out, '/')], true
		default:
			out = append(append(out, '/'), component...)
		}
		switch {
		case more:
			rest = after
		case directory:
			return string(append(out, '/')), true
		default:
			return string(out), true
		}
	}
}

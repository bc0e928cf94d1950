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

// HidesParent reports a path that holds both a ".." and a slash that was sent as
// %2F. Who looks at it before it is decoded, as a proxy in front does, sees other
// components than Clean, and lets pass what leads elsewhere. The path is given as
// it was sent and decoded. Apache, with AllowEncodedSlashes Off, answers 404 to
// every encoded slash.
func HidesParent(sent, path string) bool {
	if !strings.Contains(path, "/../") && !strings.HasSuffix(path, "/..") {
		return false
	}
	return strings.Contains(sent, "%2f") || strings.Contains(sent, "%2F")
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

package mediatype

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// SystemFile is where Apache's TypesConfig points on Debian and elsewhere.
const SystemFile = "/etc/mime.types"

// Table maps extensions to media types. It is immutable, and safe for concurrent
// use.
type Table struct {
	types map[string]string // by extension in lower case, with charset
}

// New returns the table of what is known without any file.
func New() *Table {
	t := &Table{types: make(map[string]string, len(known))}
	for extension, kind := range known {
		t.types[extension] = withCharset(kind)
	}
	return t
}

// Load returns the table of New with the types of a file over it, which has the
// format of Apache's TypesConfig: a type and its extensions in each line, "#"
// begins a comment, and the last line that names an extension counts. What is
// known as a film stays one: lists have WebM as a sound, and .ts, which is MPEG-2
// on the web, as translations of Qt. An error comes with the table of New.
func Load(file string) (*Table, error) {
	f, err := os.Open(file)
	if err != nil {
		return New(), err
	}
	defer f.Close()
	t := New()
	if err := t.read(f); err != nil {
		return New(), fmt.Errorf("read media types %s: %w", file, err)
	}
	return t, nil
}

func (t *Table) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) < 2 || !valid(fields[0]) {
			continue
		}
		kind := withCharset(fields[0])
		for _, extension := range fields[1:] {
			extension = strings.ToLower(extension)
			if isFilm(kind) || !isFilm(t.types[extension]) {
				t.types[extension] = kind
			}
		}
	}
	return lines.Err()
}

func isFilm(kind string) bool { return hasPrefixFold(kind, "video/") }

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// valid reports type "/" subtype, both tokens of RFC 9110, section 8.3.1.
func valid(kind string) bool {
	main, sub, ok := strings.Cut(kind, "/")
	return ok && isToken(main) && isToken(sub)
}

func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// withCharset says of text that it is UTF-8, as most is.
func withCharset(kind string) string {
	if hasPrefixFold(kind, "text/") {
		return kind + "; charset=utf-8"
	}
	return kind
}

// Type returns the media type of a file of that name, with a charset for text, or
// "" if the extension is not known. Case does not matter.
func (t *Table) Type(name string) string {
	extension := path.Ext(name)
	if extension == "" {
		return ""
	}
	return t.types[strings.ToLower(extension[1:])]
}

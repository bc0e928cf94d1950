package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The ways in which documentation names the default of an option. The first group
// is the option, the second what the text says.
var defaultMentions = []*regexp.Regexp{
	// **--port N** (default 8000; 0 lets the system choose)
	regexp.MustCompile("\\*\\*(--[a-z-]+)[^*\n]*\\*\\*\\s\\(default:?\\s([^);]+)"),
	// `--limit-request-body N` | ... | the same, default 10 MiB |
	regexp.MustCompile("\\| `(--[a-z-]+)[^`]*` \\|[^|\n]*\\|[^|\n]*\\bdefault ([^|;]+)\\|"),
	// **--access-log-format FORMAT**: `common` (default)
	regexp.MustCompile("\\*\\*(--[a-z-]+)[^*\n]*\\*\\*: `([a-z]+)` \\(default\\)"),
	// `--port` (8000 by default)
	regexp.MustCompile("`(--[a-z-]+)` \\(([^)]+) by default\\)"),
	// `--graceful-timeout` 15
	regexp.MustCompile("`(--[a-z-]+)` ([0-9]+)\\b"),
	// `--startup-timeout` (15 seconds; ...)
	regexp.MustCompile("`(--[a-z-]+)` \\(([0-9]+) seconds"),
}

// leastMentions is how many there are at least: what finds none cannot fail.
const leastMentions = 20

// TestDocumentedDefaults compares the defaults that documentation names with those
// of the tables.
func TestDocumentedDefaults(t *testing.T) {
	table := map[string]string{}
	for _, row := range startTable() {
		table[row.name] = row.byDef
	}
	found := 0
	for _, page := range documentation(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, mention := range defaultMentions {
			for _, m := range mention.FindAllStringSubmatch(string(text), -1) {
				found++
				byDef, known := table[m[1]]
				if !known {
					t.Errorf("%s names the default of %s, which start-server does not have", page, m[1])
				} else if !saysDefault(m[2], byDef) {
					t.Errorf("%s says of %s that the default is %q: it is %q", page, m[1], m[2], byDef)
				}
			}
		}
	}
	if found < leastMentions {
		t.Errorf("found %d defaults in the documentation, want %d at least", found, leastMentions)
	}
}

// documentation is what people read, but for pages that are generated.
func documentation(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages = slices.DeleteFunc(pages, func(page string) bool { return filepath.Base(page) == "options.md" })
	return append(pages, "../../README.md")
}

var word = regexp.MustCompile(`[A-Za-z0-9%{}/_-]+`)

// mebibytes are how the documentation writes large sizes.
var mebibytes = regexp.MustCompile(`[0-9]+ MiB`)

// saysDefault reports whether a text names a default: all words of that, and no
// other number than it has.
func saysDefault(text, byDef string) bool {
	text = mebibytes.ReplaceAllStringFunc(text, func(size string) string {
		n, _ := strconv.Atoi(strings.Fields(size)[0]) // it is digits
		return strconv.Itoa(n << 20)
	})
	said, wanted := word.FindAllString(text, -1), word.FindAllString(byDef, -1)
	for _, w := range wanted {
		if w != "or" && !slices.Contains(said, w) {
			return false
		}
	}
	for _, w := range said {
		if strings.Trim(w, "0123456789") == "" && !slices.Contains(wanted, w) {
			return false
		}
	}
	return len(wanted) > 0
}

// TestSaysDefault: the comparison fails where it must.
func TestSaysDefault(t *testing.T) {
	for _, c := range []struct {
		text, byDef string
		want        bool
	}{
		{"8000", "8000", true}, {"8001", "8000", false}, {"80", "8000", false}, {"", "8000", false}, {"8000", "", false},
		{"10485760, 10 MiB", "10485760", true}, {"10 MiB", "10485760", true}, {"1 MiB", "10485760", false},
		{"`info`, with `--log-directory` `warn`", "info, or warn with --log-directory", true},
		{"`warn`, with `--log-directory` too", "info, or warn with --log-directory", false},
		{"`%{GLOBAL}`, as mod_wsgi-express ", "%{GLOBAL}", true}, {"`/`", "/", true},
	} {
		if got := saysDefault(c.text, c.byDef); got != c.want {
			t.Errorf("saysDefault(%q, %q) = %v", c.text, c.byDef, got)
		}
	}
}

// TestDocumentedMode: the pages say which mode is the default.
func TestDocumentedMode(t *testing.T) {
	mode := "daemon"
	if defaultStartOptions().EmbeddedMode {
		mode = "embedded"
	}
	for page, want := range map[string]string{
		"../../docs/differences.md":  "| default mode of `start-server` | daemon | " + mode + " |",
		"../../README.md":            "| " + mode + " mode: ",
		"../../docs/start-server.md": "    Operating Mode     : " + mode + "\n",
	} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %q", page, want)
		}
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "yes, the default") && !strings.Contains(line, want) {
				t.Errorf("%s has %q", page, line)
			}
		}
	}
}

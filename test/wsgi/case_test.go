package wsgi

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// testCase is one txtar archive of testdata. Its sections are steps, taken in
// order:
//
//	-- app.py --           write the script, with a new modification time
//	-- app.py older --     the same, with a time before the last one
//	-- NAME --             write another file beside it
//	-- remove app.py --    remove it; "mkdir app.py" makes a directory of it
//	-- request --          send a request, on the connection that is open
//	-- request new --      the same on a new connection; "half" closes the
//	                       sending side afterwards, "abort" the connection
//	-- send --             send bytes
//	-- response --         read a response and compare it; "cut": it must end
//	                       too early; "~": the body is a regular expression
//	-- log --              "level: expression" lines that must match a record
//	                       since the last log section; anything else of level
//	                       error or worse is a failure
//	-- nolog --            the same, and nothing may match
//	-- options --          "alone": not by many clients; "variant NAME"; "since 3.12";
//	                       "before 3.12"; "group main" or "group sub";
//	                       "mode embedded" or "mode daemon"; "importable": the
//	                       script may be imported by what it imports; "module
//	                       NAME": the application is in the module, which is
//	                       looked for beside the script; "script NAME": that of
//	                       the script, and of the directory with all files
//
// In requests and responses \xNN, \r, \n, \t and \\ are escapes, {{TEXT*N}} is
// TEXT repeated, and $SCRIPT and $DIR stand for the script and its directory.
// A request gets Host and Content-Length if it has none. A response names
// headers that must have exactly the values given, or with "!Name" must be
// absent.
type testCase struct {
	name  string
	steps []step
	tags  map[string]string
}

type step struct {
	verb string // file, remove, mkdir, request, send, response, log, nolog
	name string // of a file
	args []string
	text string
	log  []expectation
}

func (s *step) has(arg string) bool { return slices.Contains(s.args, arg) }

func loadCases(t *testing.T) []testCase {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	var cases []testCase
	for _, file := range files {
		c, err := loadCase(file)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		cases = append(cases, c)
	}
	return cases
}

func loadCase(file string) (testCase, error) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		return testCase{}, err
	}
	c := testCase{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), tags: map[string]string{}}
	for _, f := range archive.Files {
		if f.Name == "options" {
			for line := range strings.Lines(string(f.Data)) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
				c.tags[name] = value
			}
			continue
		}
		s, err := parseStep(f.Name, string(f.Data))
		if err != nil {
			return c, fmt.Errorf("section %q: %w", f.Name, err)
		}
		c.steps = append(c.steps, s)
	}
	return c, nil
}

func parseStep(title, text string) (step, error) {
	words := strings.Fields(title)
	s := step{verb: words[0], args: words[1:], text: text}
	var err error
	switch s.verb {
	case "request", "send", "response":
	case "log", "nolog":
		s.log, err = parseExpectations(text)
	case "remove", "mkdir":
		s.name = words[1]
	default:
		s.verb, s.name = "file", words[0]
	}
	return s, err
}

// changes reports whether files change after the first request.
func (c *testCase) changes() bool {
	requested := false
	for _, s := range c.steps {
		if requested && (s.verb == "file" || s.verb == "remove" || s.verb == "mkdir") {
			return true
		}
		requested = requested || s.verb == "request"
	}
	return false
}

var repetition = regexp.MustCompile(`\{\{(.*?)\*(\d+)\}\}`)

// expand replaces variables, repetitions and escapes.
func expand(text, script string) (string, error) {
	text = strings.NewReplacer("$SCRIPT", script, "$DIR", filepath.Dir(script)).Replace(text)
	text = repetition.ReplaceAllStringFunc(text, func(m string) string {
		parts := repetition.FindStringSubmatch(m)
		n, _ := strconv.Atoi(parts[2]) // the expression lets only digits pass
		return strings.Repeat(parts[1], n)
	})
	return unescape(text)
}

func unescape(text string) (string, error) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, `\`)
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		if after == "" {
			return "", fmt.Errorf("backslash at the end")
		}
		switch c := after[0]; c {
		case 'r', 'n', 't', '\\', '0':
			b.WriteByte(map[byte]byte{'r': '\r', 'n': '\n', 't': '\t', '\\': '\\', '0': 0}[c])
			text = after[1:]
		case 'x':
			n, err := strconv.ParseUint(after[1:min(3, len(after))], 16, 8)
			if err != nil {
				return "", fmt.Errorf("escape \\%s: %w", after[:min(3, len(after))], err)
			}
			b.WriteByte(byte(n))
			text = after[3:]
		default:
			return "", fmt.Errorf("unknown escape \\%c", c)
		}
	}
}

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A start that cannot succeed says why once, at the end, with the repair, and
// nothing is started again before.
func TestOneReason(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "app.py", helloScript)
	closed := write(t, dir, "closed.py", helloScript)
	mode := os.FileMode(0o600)
	if !isRoot() {
		mode = 0
	}
	if err := os.Chmod(closed, mode); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args   []string
		reason string
	}{
		"python":    {[]string{"--python-home", "/nowhere", "app.py"}, "Python in /nowhere: no such directory\nrepair: name the prefix"},
		"script":    {[]string{"closed.py"}, "read script: "},
		"processes": {[]string{"--processes", "3", "--python-home", "/nowhere", "app.py"}, "Python in /nowhere: no such directory\nrepair: name the prefix"},
		"directory": {[]string{"--working-directory", "/nowhere", "app.py"}, "/nowhere"},
		"logs":      {[]string{"--log-directory", "/nowhere", "app.py"}, "open log file: open /nowhere/error_log"},
		"account":   {[]string{"--user", "nobody-of-this-name", "app.py"}, `look up account "nobody-of-this-name"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBothModes(t, func(t *testing.T, l launch) {
				if name == "processes" {
					l.daemon = true // it is about daemons
				}
				l.dir, l.args = dir, c.args
				out := l.fail(t, 1)
				before, told, _ := strings.Cut("\n"+out, "\ngophersnake: ")
				if !strings.Contains(told, c.reason) || strings.Count(told, "\n") > 2 {
					t.Errorf("the end is %q, want %q", told, c.reason)
				}
				if unwanted := regexp.MustCompile(`:(error|warn)\]|could not start|killed|is told to stop|tried again`).FindString(before); unwanted != "" {
					t.Errorf("%q comes before: %s", unwanted, before)
				}
				if n := strings.Count(before, `group "localhost": process 1 `); n > 1 {
					t.Errorf("process 1 is spoken of %d times: %s", n, before)
				}
			})
		})
	}
}

// Where the log is a file, the reason is there, too.
func TestReasonInLog(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, l launch) {
		logs := tempDir(t)
		l.args = []string{"--log-directory", logs, "--python-home", "/nowhere"}
		l.fail(t, 1)
		text, err := os.ReadFile(filepath.Join(logs, "error_log"))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "the server does not start: Python in /nowhere: no such directory; repair: name the prefix"); n != 1 || strings.Count(string(text), "/nowhere") != 1 {
			t.Errorf("the log:\n%s", text)
		}
	})
}

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// sayScript is a script that answers with a text, after it has done something.
func sayScript(first, text string) string {
	return first + fmt.Sprintf("\ndef application(environ, start_response):\n    start_response('200 OK', [])\n    return [b%q]\n", text)
}

// rewrite changes a file, with a time of change that differs from the one before
// however coarse the clock is.
func rewrite(t *testing.T, path, text string) {
	t.Helper()
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Dir(path), filepath.Base(path), text)
	later := before.ModTime().Add(time.Second)
	if now := time.Now(); later.Before(now) {
		later = now
	}
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
}

// TestScriptThatKillsItsProcess: when the processes of a changed script die while it
// loads, the old code serves on, the request that saw the change included, and the
// log says so. The next change is tried like the first.
func TestScriptThatKillsItsProcess(t *testing.T) {
	for _, test := range []struct{ name, death, processes string }{
		{"exit", "import os\nos._exit(3)", "2"},
		{"killed", "import os\nos.kill(os.getpid(), 9)", "2"},
		{"startup", "import time\ntime.sleep(3600)", "1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t)
			script := write(t, dir, "app.py", sayScript("", "one"))
			p := launch{dir: dir, daemon: true, args: []string{"--processes", test.processes, "--startup-timeout", "2", "app.py"}}.start(t)
			p.expect("/", 200, "one")
			rewrite(t, script, sayScript(test.death, "never"))
			for range 5 {
				began := time.Now()
				p.expect("/", 200, "one")
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("an answer of the old code took %v", took)
				}
			}
			p.stderr.await(t, `could not start: .*; it is tried again .*, the old process stays in service`)
			p.stderr.await(t, `process [0-9]+ of group .* serves on with the code from before the last change, as its replacement could not start`)
			rewrite(t, script, sayScript("", "two"))
			p.expect("/", 200, "two")
			p.expect("/", 200, "two")
			p.stop()
		})
	}
}

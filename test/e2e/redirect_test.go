package e2e

import (
	"strings"
	"testing"
)

const redirectScript = `def application(environ, start_response):
    start_response("200 OK", [("Location", "/static/file.txt"), ("Content-Type", "text/plain")])
    return [b"from the application"]
`

// TestInternalRedirect: in daemon mode, Location and status 200 let the server
// answer with what is at another path.
func TestInternalRedirect(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		daemon   bool
		body     string
		location bool
	}{"daemon": {true, "from a file\n", false}, "embedded": {false, "from the application", true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t)
			write(t, dir, "app.py", redirectScript)
			write(t, dir, "static/file.txt", "from a file\n")
			p := launch{dir: dir, daemon: want.daemon, args: []string{"--url-alias", "/static", "static", "--access-log", "app.py"}}.start(t)
			for _, args := range [][]string{{p.url}, {"--data-binary", "a body", p.url}, {"--http2-prior-knowledge", p.url}} {
				out, showed := curl(t, args...)
				if out != want.body || strings.Contains(strings.ToLower(showed), "\n< location: /static/file.txt\n") != want.location {
					t.Errorf("curl %v: %q\n%s", args, out, showed)
				}
			}
			p.stdout.await(t, `"POST / HTTP/1.1" 200 `)
		})
	}
}

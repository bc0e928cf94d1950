package e2e

import (
	"fmt"
	"testing"
	"time"
)

const answersScript = `import os
def application(environ, start_response):
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    if path == "/hold":
        print("holding")
        with open(os.path.join(os.path.dirname(__file__), "gate")) as gate:
            gate.readline()
    headers = [("X", "y" * int(query))] if path == "/header" else []
    if path == "/future":
        headers = [("Last-Modified", "Fri, 02 Jan 2126 03:04:05 GMT")]
    start_response("200 OK", headers)
    return [b"answer"]
`

// TestAnswersOfDaemons: what a server does with an answer that it must not pass
// on as it is, or that does not come.
func TestAnswersOfDaemons(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "app.py", answersScript)
	p := launch{dir: dir, daemon: true, args: []string{"--socket-timeout", "1", "--header-buffer-size", "8192", "app.py"}}.start(t)
	open := gate(t, dir, "gate")
	if r := p.get("/hold"); r.StatusCode != 504 || r.body != "" {
		t.Errorf("no answer: %s %q", r.Status, r.body)
	}
	p.stderr.await(t, `WSGI0145: Timeout when reading the response from daemon process .* given GET /hold `)
	open() // the request that was given up ends
	const longest = 8192 - len("X: ")
	p.expect(fmt.Sprint("/header?", longest), 200, "answer")
	checkPage(t, p.get(fmt.Sprint("/header?", longest+1)), 500)
	p.stderr.await(t, `WSGI0144: response header line of 8193 bytes is longer than the 8192 of header-buffer-size`)
	modified, err := time.Parse(time.RFC1123, p.get("/future").Header.Get("Last-Modified"))
	if err != nil || time.Until(modified) > time.Minute {
		t.Errorf("a time in the future: %v, %v", modified, err)
	}
}

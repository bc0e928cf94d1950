package wsgi

import (
	"net/http"
	"testing"

	"github.com/gophersnake/gophersnake/internal/front"
)

// testManyFiles: when as many files are being sent as may be, one more is refused
// with 503, and not with half a response.
func testManyFiles(t *testing.T, rt *runtime, h host) {
	script := writeScript(t, `
import os

name = os.path.join(os.path.dirname(__file__), "large")
with open(name, "wb") as f:
    f.truncate(256 << 20)

def application(environ, start_response):
    start_response("200 OK", [("Content-Length", str(256 << 20))])
    return environ["wsgi.file_wrapper"](open(name, "rb"))
`)
	address := serve(t, rt, h, script, func(o *front.Options) { o.Descriptors = 8 }) // 2 files, 5 connections
	mark := rt.log.mark()
	for range 2 { // they read the head, and little of the file
		if r := get(t, address, "/"); r.StatusCode != http.StatusOK || r.ContentLength != 256<<20 {
			t.Errorf("got %s, %d bytes", r.Status, r.ContentLength)
		}
	}
	r := get(t, address, "/")
	if body := text(t, r); r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("beyond the bound: got %s %q", r.Status, body)
	}
	wanted, err := parseExpectations("error: ^a file is not sent: open a file to send: too many open files")
	if err != nil {
		t.Fatal(err)
	}
	rt.log.expect(t, mark, wanted)
}

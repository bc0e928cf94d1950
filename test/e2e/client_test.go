package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// response is an answer whose body has been read.
type response struct {
	*http.Response
	body string
}

// client returns an HTTP client that leaves no connection behind.
func client(t *testing.T) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// get asks for a path on a connection of its own.
func (p *process) get(path string) response {
	p.t.Helper()
	return p.do(http.MethodGet, path, nil, nil)
}

func (p *process) do(method, path string, header http.Header, body io.Reader) response {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Close = true
	r, err := read(client(p.t).Do(req))
	if err != nil {
		p.t.Fatalf("%s %s: %v; stderr:\n%s", method, path, err, p.stderr)
	}
	return r
}

func read(r *http.Response, err error) (response, error) {
	if err != nil {
		return response{}, err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return response{r, string(body)}, err
}

// expect asks for a path and compares the answer.
func (p *process) expect(path string, status int, body string) {
	p.t.Helper()
	if r := p.get(path); r.StatusCode != status || body != "" && r.body != body {
		p.t.Errorf("GET %s: %s %q, want %d %q; stderr:\n%s", path, r.Status, r.body, status, body, p.stderr)
	}
}

// seen is what app.py shows of itself at /environ.
type seen map[string]any

func (p *process) environ(path string) seen {
	p.t.Helper()
	r := p.get(path)
	var s seen
	if err := json.Unmarshal([]byte(r.body), &s); err != nil {
		p.t.Fatalf("GET %s: %s %q: %v; stderr:\n%s", path, r.Status, r.body, err, p.stderr)
	}
	return s
}

func (s seen) text(key string) string { text, _ := s[key].(string); return text }

// path returns sys.path.
func (s seen) path() []string {
	var path []string
	entries, _ := s["path"].([]any)
	for _, e := range entries {
		text, _ := e.(string)
		path = append(path, text)
	}
	return path
}

// dial opens a connection for bytes that no HTTP library would send.
func (p *process) dial() *net.TCPConn {
	p.t.Helper()
	c, err := net.DialTimeout("tcp", p.addr, patience)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		p.t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

// send opens a connection and writes text, as far as the server takes it.
func (p *process) send(text string) *net.TCPConn {
	c := p.dial()
	_, _ = io.WriteString(c, text) // a server may close before it has all
	return c
}

// answerOf reads one response.
func answerOf(t *testing.T, r *bufio.Reader) response {
	t.Helper()
	got, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := read(got, nil)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// gate makes the named pipe at which app.py's /hold waits, and returns what
// lets one request through.
func gate(t *testing.T, dir, name string) (open func()) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := syscall.Mkfifo(path, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return func() {
		if _, err := f.WriteString("open\n"); err != nil {
			t.Error(err)
		}
	}
}

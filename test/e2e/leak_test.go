package e2e

import (
	"net/http"
	"strings"
	"sync"
	"testing"
)

// mixed are requests of all kinds, and the statuses they get.
var mixed = []struct {
	method, path, body string
	status             int
}{
	{"GET", "/", "", 200}, {"GET", "/file", "", 200}, {"HEAD", "/file", "", 200}, {"GET", "/stream?5", "", 200},
	{"GET", "/boom", "", 500}, {"POST", "/read", strings.Repeat("a", 100000), 200}, {"GET", "/static/data.bin", "", 200},
	{"GET", "/static/none", "", 404}, {"POST", "/read", "small", 200}, {"GET", "/environ", "", 200},
}

// TestNothingIsLeft: descriptors, threads and memory are after 2,000
// requests what they were after the first.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	dir := appDir(t)
	write(t, dir, "data.bin", strings.Repeat("0123456789abcdef", 1<<12))
	p := launch{dir: dir, args: []string{"--url-alias", "/static", ".", "app.py"}}.start(t)
	p.expect("/", 200, "") // it accepts, and has opened what it needs for that
	idle := p.descriptors()
	p.mixedRequests(2000)
	eventually(t, "descriptors are closed", func() bool { return p.descriptors() <= idle })
	descriptors, threads, memory := p.descriptors(), p.threads(), p.memory()
	p.mixedRequests(2000)
	eventually(t, "descriptors are closed", func() bool { return p.descriptors() <= descriptors })
	if now := p.threads(); now > threads+6 {
		t.Errorf("%d threads, before %d", now, threads)
	}
	if now := p.memory(); now > memory+30<<10 {
		t.Errorf("%d kB of memory, before %d", now, memory)
	}
	t.Logf("%d descriptors, %d to %d threads, %d to %d kB", descriptors, threads, p.threads(), memory, p.memory())
}

// mixedRequests sends n requests from eight clients.
func (p *process) mixedRequests(n int) {
	p.t.Helper()
	var wg sync.WaitGroup
	for start := range 8 {
		transport := &http.Transport{}
		c := &http.Client{Transport: transport, Timeout: patience}
		wg.Go(func() {
			defer transport.CloseIdleConnections()
			for i := start; i < n; i += 8 {
				m := mixed[i%len(mixed)]
				req, err := http.NewRequestWithContext(p.t.Context(), m.method, p.url+m.path, strings.NewReader(m.body))
				if err != nil {
					p.t.Error(err)
					return
				}
				if r, err := read(c.Do(req)); err != nil || r.StatusCode != m.status {
					p.t.Errorf("%s %s: %v, want %d", m.method, m.path, err, m.status)
					return
				}
			}
		})
	}
	wg.Wait()
}

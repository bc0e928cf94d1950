package e2e

import (
	"strings"
	"testing"
)

// TestQueueIsBounded: one request runs, and one waits for the group; one more is
// refused. A daemon process is given two more ahead.
func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]struct {
		daemon  bool
		waiting int
	}{"embedded": {false, 1}, "daemon": {true, 3}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := launch{dir: appDir(t), daemon: mode.daemon, args: []string{"--threads", "1", "--daemon-backlog", "1", "app.py"}}.start(t)
			h := p.holdOne()
			results := make(chan response)
			c := client(t)
			for range mode.waiting + 1 {
				go func() {
					r, err := read(c.Get(p.url))
					if err != nil {
						t.Error(err)
					}
					results <- r
				}()
			}
			checkPage(t, <-results, 503)
			// now all places are taken
			out, showed := curl(t, p.url)
			for _, want := range []string{"\n< HTTP/1.1 503 Service Unavailable\n", "\n< Retry-After: 5\n"} {
				if !strings.Contains(showed, want) {
					t.Errorf("no %q in %s", want, showed)
				}
			}
			if !strings.Contains(out, "<h1>503 Service Unavailable</h1>\n<p>Request ") {
				t.Errorf("page %q", out)
			}
			p.stderr.await(t, `\[wsgi:error\].* 1 requests wait already \(listen-backlog\) for `)
			h.open()
			for range mode.waiting {
				if r := <-results; r.body != "Hello World!\n" {
					t.Errorf("one that waited got %q", r.body)
				}
			}
			if r := <-h.answer; r.body != "released\n" {
				t.Errorf("the one that ran got %q", r.body)
			}
		})
	}
}

// TestQueueTimeout: who waits too long is refused, and not served later.
func TestQueueTimeout(t *testing.T) {
	t.Parallel()
	for name, daemon := range map[string]bool{"embedded": false, "daemon": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := launch{dir: appDir(t), daemon: daemon, args: []string{"--threads", "1", "--queue-timeout", "1", "app.py"}}.start(t)
			h := p.holdOne()
			if r := p.get("/"); r.StatusCode != 503 || r.Header.Get("Retry-After") != "5" {
				t.Errorf("%s, %v", r.Status, r.Header)
			}
			p.stderr.await(t, `\[wsgi:error\].* free within the queue-timeout of 1s`)
			h.open()
			if r := <-h.answer; r.body != "released\n" {
				t.Errorf("the one that ran got %q", r.body)
			}
			p.expect("/", 200, "Hello World!\n")
		})
	}
}

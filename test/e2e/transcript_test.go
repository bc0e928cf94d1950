package e2e

import (
	"bytes"
	"regexp"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// transcript keeps what a process writes and lets tests wait for parts of it.
// Safe for concurrent use.
type transcript struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed and replaced at each write
}

func newTranscript() *transcript { return &transcript{changed: make(chan struct{})} }

func (tr *transcript) Write(p []byte) (int, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	close(tr.changed)
	tr.changed = make(chan struct{})
	return tr.text.Write(p)
}

func (tr *transcript) String() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.text.String()
}

// snapshot returns the text so far and what is closed when there is more.
func (tr *transcript) snapshot() (string, <-chan struct{}) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.text.String(), tr.changed
}

// find waits until pattern matches and returns the match with its groups, nil
// if done is closed before or the test's patience is over.
func (tr *transcript) find(pattern string, done <-chan struct{}) []string {
	re := regexp.MustCompile("(?m)" + pattern)
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		text, changed := tr.snapshot()
		if m := re.FindStringSubmatch(text); m != nil {
			return m
		}
		select {
		case <-changed:
		case <-done:
			return re.FindStringSubmatch(tr.String())
		case <-timeout.C:
			return nil
		}
	}
}

// await is find for what must come.
func (tr *transcript) await(t *testing.T, pattern string) []string {
	t.Helper()
	m := tr.find(pattern, nil)
	if m == nil {
		t.Fatalf("no line matches %s in\n%s", pattern, tr)
	}
	return m
}

// count returns how often pattern matches.
func (tr *transcript) count(pattern string) int {
	return len(regexp.MustCompile("(?m)"+pattern).FindAllString(tr.String(), -1))
}

// eventually asks again and again until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
		<-tick.C
	}
}

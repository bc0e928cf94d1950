package daemon

import (
	"context"
	"fmt"
	"testing"

	"github.com/gophersnake/gophersnake/internal/ring/ringtest"
)

// TestRebalance: what was given ahead to a process whose thread is busy goes to
// another that has become free, the oldest first.
func TestRebalance(t *testing.T) {
	s := newSite(t, Options{Backlog: 10})
	stuck, door := newGate(), newGate()
	defer door.open()
	s.add(ProcessOptions{Threads: 1}, stuck.serve)
	defer stuck.open()
	s.send(context.Background(), request("/stuck"))
	within(t, stuck.started)
	s.add(ProcessOptions{Threads: 1}, door.serve)
	var sent []<-chan response
	for i := range 4 {
		sent = append(sent, s.send(context.Background(), request(fmt.Sprint("/", i))))
		await(t, "it has its place", func() bool { return s.queuedOrRunning() == i+2 })
	}
	for range sent {
		within(t, door.started)
		door.let <- true
	}
	for i, c := range sent {
		if w := within(t, c); w.text() != fmt.Sprint("/", i) {
			t.Errorf("request %d: %q, %s", i, w.text(), w.kind())
		}
	}
}

// TestRebalanceToNew: a new process takes over as well.
func TestRebalanceToNew(t *testing.T) {
	s := newSite(t, Options{Backlog: 10})
	stuck := newGate()
	s.add(ProcessOptions{Threads: 1}, stuck.serve)
	defer stuck.open()
	s.send(context.Background(), request("/stuck"))
	within(t, stuck.started)
	second := s.send(context.Background(), request("/second"))
	await(t, "it has its place", func() bool { return s.queuedOrRunning() == 2 })
	s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) { answer(q, "new"+path(q)) })
	if w := within(t, second); w.text() != "new/second" {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
}

func (s *site) queuedOrRunning() (n int) {
	for _, p := range s.g.Snapshot().Processes {
		n += p.Queued + p.Running
	}
	return n
}

package daemon

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/ring/ringtest"
)

// TestRestore: when nobody can load a changed script, the process that saw the change
// serves the request, and those behind it; the next change is seen like the first.
func TestRestore(t *testing.T) {
	stale := make(chan bool, 10)
	s := newSite(t, Options{Backlog: 10, OnStale: func() { stale <- true }})
	var changed atomic.Bool
	old := s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) {
		if changed.Load() {
			q.Done(ringtest.Outcome{Kind: ringtest.Stale})
			return
		}
		answer(q, "old"+path(q))
	})
	for range 2 {
		changed.Store(true)
		first := s.send(context.Background(), request("/first"))
		within(t, stale)
		second := s.send(context.Background(), request("/second"))
		s.waiting(2)
		changed.Store(false) // the process was told to keep what it has
		if !s.g.Restore(old.Process) {
			t.Error("the process was not given up for a change")
		}
		if w := within(t, first); w.text() != "old/first" {
			t.Errorf("%q, %s", w.text(), w.kind())
		}
		if w := within(t, second); w.text() != "old/second" {
			t.Errorf("%q, %s", w.text(), w.kind())
		}
	}
	if s.g.Restore(old.Process) || len(stale) != 0 {
		t.Error("a process in service counts as given up")
	}
	s.g.Drain(old.Process)
	s.g.Restore(old.Process)
	ctx, cancel := context.WithCancel(context.Background())
	late := s.send(ctx, request("/late"))
	s.waiting(1) // one that is to end gets nothing more
	cancel()
	within(t, late)
}

// TestRestoreBeyondMaximum: a process that has had its maximum of requests serves
// more of them when nobody can take its place.
func TestRestoreBeyondMaximum(t *testing.T) {
	s := newSite(t, Options{Backlog: 10})
	p := s.add(ProcessOptions{Threads: 1, MaxRequests: 1}, func(q *ringtest.Request) { answer(q, path(q)) })
	if w := within(t, s.send(context.Background(), request("/one"))); w.text() != "/one" {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
	two := s.send(context.Background(), request("/two"))
	s.waiting(1)
	if s.g.Restore(p.Process) {
		t.Error("no script has changed")
	}
	if w := within(t, two); w.text() != "/two" {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
}

// TestRemoveStuck: what a process that had stopped working was serving took too long;
// the rest goes to others.
func TestRemoveStuck(t *testing.T) {
	door := newGate()
	defer door.open()
	s := newSite(t, Options{Backlog: 10})
	p := s.add(ProcessOptions{Threads: 1}, door.serve)
	running := s.send(context.Background(), request("/running"))
	within(t, door.started)
	queued := s.send(context.Background(), request("/queued"))
	await(t, "one is queued", func() bool { return s.g.Snapshot().Processes[0].Queued == 1 })
	p.Kill()
	s.g.RemoveStuck(p.Process, "killed, because nothing in it has run")
	if w := within(t, running); w.kind() != gateway.Timeout.String() {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
	s.logged("ended while it served GET /running", 1)
	s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) { answer(q, "other"+path(q)) })
	if w := within(t, queued); w.text() != "other/queued" {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
}

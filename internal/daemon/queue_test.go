package daemon

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/ring/ringtest"
)

// TestBacklog: as many requests as a process has room for, and so many more as
// the backlog is long, wait; one more is refused at once. They are served in
// the order in which they came.
func TestBacklog(t *testing.T) {
	s := newSite(t, Options{Backlog: 3})
	door := newGate()
	s.add(ProcessOptions{Threads: 1}, door.serve)
	room := Slots(1)
	if room != 3 {
		t.Fatalf("room for %d", room)
	}
	var sent []<-chan response
	for i := range room + 3 {
		sent = append(sent, s.send(context.Background(), request(fmt.Sprint("/", i))))
		await(t, "it has its place", func() bool {
			n := s.g.Snapshot()
			return n.Waiting+n.Processes[0].Queued+n.Processes[0].Running == i+1
		})
	}
	w := s.get("/refused")
	if w.kind() != "busy" {
		t.Errorf("one more: %q", w.kind())
	}
	s.logged("3 requests wait already (listen-backlog)", 1)
	if n := s.g.Snapshot(); n.Waiting != 3 || n.Rejected != 1 || n.Processes[0].Queued != 2 || n.Processes[0].Running != 1 {
		t.Errorf("%+v", n)
	}
	for i, c := range sent {
		if started := within(t, door.started); started != fmt.Sprint("/", i) {
			t.Errorf("%s was started in place %d", started, i)
		}
		door.let <- true
		if w := within(t, c); w.text() != fmt.Sprint("/", i) {
			t.Errorf("request %d: %q, %s", i, w.text(), w.kind())
		}
		await(t, "the next has its place", func() bool {
			n := s.g.Snapshot()
			return n.Waiting+n.Processes[0].Queued+n.Processes[0].Running == room+2-i
		})
	}
	if n := s.g.Snapshot(); n.Processes[0].Served != uint64(room+3) || n.Waiting != 0 {
		t.Errorf("%+v", n)
	}
}

// TestFewest: the process with the fewest requests is chosen.
func TestFewest(t *testing.T) {
	s := newSite(t, Options{})
	doors := [2]*gate{newGate(), newGate()}
	for i, door := range doors {
		s.add(ProcessOptions{PID: i, Threads: 8}, door.serve)
	}
	for i := range 8 {
		s.send(context.Background(), request("/"))
		within(t, doors[i%2].started)
	}
	for _, door := range doors {
		door.open()
	}
}

// within a bubble, the time until a refusal is exact.
func (s *site) takes(want time.Duration, kind string, r *gateway.Request) {
	s.t.Helper()
	start := time.Now()
	w := s.serve(context.Background(), r)
	if took := time.Since(start); took != want || w.kind() != kind {
		s.t.Errorf("%q after %v, want %q after %v", w.kind(), took, kind, want)
	}
}

func TestConnectTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Options{Backlog: 10, ConnectTimeout: 15 * time.Second})
		s.takes(15*time.Second, "busy", request("/"))
		s.takes(15*time.Second, "busy", request("/"))
		s.logged("WSGI0116", 2)
		if n := s.g.Snapshot(); n.TimedOut != 2 || n.Rejected != 0 {
			t.Errorf("%+v", n)
		}
	})
}

// TestDown: a group that cannot start refuses what has waited for the
// connect-timeout, and then everything at once, until it is said to be well.
func TestDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Options{Backlog: 10, ConnectTimeout: 15 * time.Second})
		early := s.send(context.Background(), request("/early"))
		<-time.After(5 * time.Second)
		s.g.SetDown("no module named x")
		s.takes(15*time.Second, "busy", request("/")) // since SetDown
		s.takes(0, "busy", request("/"))
		s.g.SetDown("still none")
		s.takes(0, "busy", request("/"))
		if w := <-early; w.kind() != "busy" {
			t.Errorf("%q", w.kind())
		}
		s.logged("has no process: no module named x", 2)
		s.logged("has no process: still none", 1)
		s.g.SetDown("")
		s.takes(15*time.Second, "busy", request("/"))
	})
}

func TestDownWithoutTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Options{Backlog: 1})
		c := s.send(context.Background(), request("/"))
		synctest.Wait()
		s.g.SetDown("reason")
		if w := <-c; w.kind() != "busy" {
			t.Errorf("%q", w.kind())
		}
		s.takes(0, "busy", request("/"))
	})
}

// TestQueueTimeout: it counts from the start of the request.
func TestQueueTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Options{Backlog: 10, QueueTimeout: 45 * time.Second, ConnectTimeout: time.Minute})
		s.takes(45*time.Second, "busy", request("/"))
		old := request("/old")
		old.Start = old.Start.Add(-44 * time.Second)
		young := s.send(context.Background(), request("/young"))
		synctest.Wait()
		s.takes(time.Second, "busy", old)
		older := request("/older")
		older.Start = older.Start.Add(-45 * time.Second)
		s.takes(0, "busy", older)
		start := time.Now()
		if w := <-young; w.kind() != "busy" || time.Since(start) != 44*time.Second {
			t.Errorf("%q after %v", w.kind(), time.Since(start))
		}
		s.logged("within the queue-timeout of 45s", 4)
	})
}

func TestClientLeavesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Options{Backlog: 1})
		ctx, leave := context.WithCancel(context.Background())
		c := s.send(ctx, request("/"))
		synctest.Wait()
		s.takes(0, "busy", request("/refused"))
		leave()
		if w := <-c; w.kind() != "aborted" {
			t.Errorf("%q", w.kind())
		}
		if n := s.g.Snapshot(); n.Waiting != 0 {
			t.Errorf("%+v", n)
		}
		c = s.send(context.Background(), request("/"))
		synctest.Wait()
		s.g.Close()
		if w := <-c; w.kind() != "busy" {
			t.Errorf("%q", w.kind())
		}
		s.takes(0, "busy", request("/closed"))
	})
}

// TestQueuedInRing: what is queued in a busy process is taken back when its time
// is up, or its client leaves.
func TestQueuedInRing(t *testing.T) {
	s := newSite(t, Options{QueueTimeout: 50 * time.Millisecond})
	door := newGate()
	s.add(ProcessOptions{Threads: 1}, door.serve)
	long := s.send(context.Background(), request("/long"))
	within(t, door.started)
	w := s.get("/late")
	if w.kind() != "busy" {
		t.Errorf("%q", w.kind())
	}
	ctx, leave := context.WithCancel(context.Background())
	r := request("/leaves")
	r.Start = r.Start.Add(time.Hour)
	c := s.send(ctx, r)
	await(t, "it is queued", func() bool { return s.g.Snapshot().Processes[0].Queued == 1 })
	leave()
	if w := within(t, c); w.kind() != "aborted" {
		t.Errorf("%q", w.kind())
	}
	if n := s.g.Snapshot(); n.TimedOut != 1 || n.Processes[0].Queued != 0 || n.Processes[0].Running != 1 {
		t.Errorf("%+v", n)
	}
	door.open()
	if w := within(t, long); w.text() != "/long" {
		t.Errorf("a running request is hurt by the queue-timeout: %q, %s", w.text(), w.kind())
	}
	if w := s.get("/next"); w.text() != "/next" {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
	<-door.started // of /next: nothing that was taken back was started
	if len(door.started) != 0 {
		t.Errorf("%s was started", <-door.started)
	}
}

// TestClientLeavesRunning: a request that runs goes on, because its client may
// have closed its side for writing only.
func TestClientLeavesRunning(t *testing.T) {
	s := newSite(t, Options{})
	door := newGate()
	s.add(ProcessOptions{Threads: 1}, door.serve)
	ctx, leave := context.WithCancel(context.Background())
	c := s.send(ctx, request("/"))
	within(t, door.started)
	await(t, "it is seen to run", func() bool { return s.g.Snapshot().Processes[0].Running == 1 })
	leave()
	door.open()
	if w := within(t, c); w.text() != "/" {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
}

// TestSilentRunning: a process that gives no sign of life is told that the answer
// is not wanted, and its thread counts as busy until it is done.
func TestSilentRunning(t *testing.T) {
	s := newSite(t, Options{Backlog: 5, SocketTimeout: 50 * time.Millisecond})
	started, let := make(chan *ringtest.Request), make(chan bool)
	s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) {
		started <- q
		<-let
		echo(q)
	})
	c := s.send(context.Background(), request("/"))
	q := <-started
	if w := within(t, c); w.kind() != "timeout" {
		t.Errorf("%q", w.kind())
	}
	if !q.Cancelled() {
		t.Error("the process is not told")
	}
	if n := s.g.Snapshot().Processes[0].Running; n != 1 {
		t.Errorf("%d requests run in the process, want 1", n)
	}
	close(let)
	await(t, "the thread is free", func() bool { return s.g.Snapshot().Processes[0].Running == 0 })
}

// TestRingFull: stale cells make a request wait, not fail.
func TestRingFull(t *testing.T) {
	s := newSite(t, Options{Backlog: 5})
	door := newGate()
	s.add(ProcessOptions{Threads: 1}, door.serve)
	long := s.send(context.Background(), request("/long"))
	within(t, door.started)
	ctx, leave := context.WithCancel(context.Background())
	leave()
	for range 100 {
		if w := s.serve(ctx, request("/leaves")); w.kind() != "aborted" {
			t.Fatalf("%q", w.kind())
		}
	}
	last := s.send(context.Background(), request("/last"))
	s.waiting(1)
	door.open()
	for _, c := range []<-chan response{long, last} {
		if w := within(t, c); w.kind() != "" {
			t.Errorf("%q", w.kind())
		}
	}
}

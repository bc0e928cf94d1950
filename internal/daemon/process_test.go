package daemon

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/flat"
	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/ring/ringtest"
)

// TestDrain: running requests finish, queued ones go elsewhere, new ones too.
func TestDrain(t *testing.T) {
	s := newSite(t, Options{Backlog: 5})
	door := newGate()
	old := s.add(ProcessOptions{Threads: 1}, door.serve)
	running := s.send(context.Background(), request("/running"))
	within(t, door.started)
	queued := s.send(context.Background(), request("/queued"))
	await(t, "it is queued", func() bool { return s.g.Snapshot().Processes[0].Queued == 1 })
	empty := s.g.Drain(old.Process)
	s.waiting(1)
	s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) { answer(q, "new"+path(q)) })
	if w := within(t, queued); w.text() != "new/queued" {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
	if w := s.get("/later"); w.text() != "new/later" {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
	select {
	case <-empty:
		t.Error("it is empty while a request runs")
	default:
	}
	door.open()
	if w := within(t, running); w.text() != "/running" {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
	within(t, empty)
	within(t, s.g.Drain(old.Process))
	s.g.Remove(old.Process, "drained")
	s.g.Remove(old.Process, "again")
	if n := s.g.Snapshot(); len(n.Processes) != 1 {
		t.Errorf("%+v", n)
	}
	s.logged("", 0)
}

// TestDrainAbandoned: a request that nobody waits for is still one.
func TestDrainAbandoned(t *testing.T) {
	s := newSite(t, Options{SocketTimeout: 50 * time.Millisecond})
	door := newGate()
	p := s.add(ProcessOptions{Threads: 1}, door.serve)
	c := s.send(context.Background(), request("/"))
	within(t, door.started)
	within(t, c)
	empty := s.g.Drain(p.Process)
	select {
	case <-empty:
		t.Error("it is empty while a request runs")
	default:
	}
	door.open()
	within(t, empty)
}

// TestDeath: what runs in a process that dies fails and is logged with the cause;
// what was queued in it is served by another; what was done is answered.
func TestDeath(t *testing.T) {
	s := newSite(t, Options{Backlog: 5})
	door := newGate()
	defer door.open()
	p := s.add(ProcessOptions{PID: 77, Threads: 1}, door.serve)
	running := s.send(context.Background(), request("/running"))
	within(t, door.started)
	queued := s.send(context.Background(), request("/queued"))
	await(t, "it is queued", func() bool { return s.g.Snapshot().Processes[0].Queued == 1 })
	p.Kill()
	s.g.Remove(p.Process, "signal: killed")
	if w := within(t, running); w.kind() != "gone" {
		t.Errorf("%q", w.kind())
	}
	s.logged("error [/script] [id /running] [10.0.0.1:5] process 77 of group \"group\" ended while it served GET /running, for ", 1)
	s.logged(": signal: killed", 1)
	s.waiting(1)
	s.add(ProcessOptions{Threads: 1}, echo)
	if w := within(t, queued); w.text() != "/queued" {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
}

// slow is a writer whose client takes nothing until it is let.
type slow struct {
	recorder
	started, let chan bool
}

func (w *slow) Write(p []byte) (int, error) {
	w.started <- true
	<-w.let
	return w.recorder.Write(p)
}

// TestDeathAfterDone: a process may die when its request is done and the client
// has not yet got it.
func TestDeathAfterDone(t *testing.T) {
	s := newSite(t, Options{})
	done := make(chan bool)
	p := s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) {
		q.Send(plain("one "))
		q.Write([]byte("two "), false)
		q.Write([]byte("three"), false)
		q.Done(ringtest.Outcome{Kind: ringtest.Streamed})
		done <- true
	})
	w := &slow{started: make(chan bool), let: make(chan bool)}
	result := make(chan error, 1)
	go func() { result <- s.g.App(Script{}).Serve(context.Background(), request("/"), w) }()
	<-w.started
	<-done
	p.Kill()
	s.g.Remove(p.Process, "killed")
	for range 2 {
		w.let <- true
		<-w.started
	}
	w.let <- true
	if err := within(t, result); err != nil || w.text() != "one two three" {
		t.Errorf("%q, %v", w.text(), err)
	}
	s.logged("", 0)
}

// TestDeathBeforeFile: a file that never came is a request that failed.
func TestDeathBeforeFile(t *testing.T) {
	s := newSite(t, Options{})
	done := make(chan bool, 1)
	p := s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) {
		q.Done(ringtest.Outcome{Kind: ringtest.File, Out: flat.AppendHead(nil, &gateway.Head{Status: 200, ContentLength: 4}), Count: 4})
		done <- true
	})
	c := s.send(context.Background(), request("/"))
	within(t, done)
	p.Kill()
	s.g.Remove(p.Process, "killed")
	if w := within(t, c); w.kind() != "gone" {
		t.Errorf("%q", w.kind())
	}
	s.logged("killed", 1)
}

// TestDeathAbandoned: an abandoned request does not keep the memory of the dead.
func TestDeathAbandoned(t *testing.T) {
	s := newSite(t, Options{SocketTimeout: 50 * time.Millisecond})
	door := newGate()
	defer door.open()
	p := s.add(ProcessOptions{Threads: 1}, door.serve)
	c := s.send(context.Background(), request("/"))
	within(t, door.started)
	within(t, c)
	p.Kill()
	s.g.Remove(p.Process, "killed")
	s.g.Close() // waits for the memory
}

// TestStale: the request that saw the change, and those behind it, are served by
// a process that was added afterwards; nobody else is given one.
func TestStale(t *testing.T) {
	stale := make(chan bool, 10)
	s := newSite(t, Options{Backlog: 10, OnStale: func() { stale <- true }})
	var changed atomic.Bool
	var served atomic.Int32
	door := newGate()
	old := func(q *ringtest.Request) {
		door.started <- path(q)
		<-door.let
		if changed.Load() && path(q) != "/running" {
			q.Done(ringtest.Outcome{Kind: ringtest.Stale})
			return
		}
		served.Add(1)
		answer(q, "old"+path(q))
	}
	s.add(ProcessOptions{Threads: 1}, old)
	s.add(ProcessOptions{Threads: 1}, old)
	var sent []<-chan response
	for i, uri := range []string{"/running", "/first", "/second", "/third"} {
		sent = append(sent, s.send(context.Background(), request(uri)))
		if i < 2 {
			within(t, door.started)
		}
	}
	await(t, "two are queued", func() bool {
		n := s.g.Snapshot().Processes
		return n[0].Queued+n[1].Queued == 2
	})
	changed.Store(true)
	door.open()
	within(t, stale)
	if w := within(t, sent[0]); w.text() != "old/running" {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
	sent = append(sent, s.send(context.Background(), request("/new")))
	s.waiting(4)
	for _, n := range s.g.Snapshot().Processes {
		if !n.Draining {
			t.Errorf("%+v", n)
		}
	}
	s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) { answer(q, "new"+path(q)) })
	for i, uri := range []string{"/first", "/second", "/third", "/new"} {
		if w := within(t, sent[i+1]); w.text() != "new"+uri {
			t.Errorf("%q, %s", w.text(), w.kind())
		}
	}
	if len(stale) != 0 || served.Load() != 1 {
		t.Errorf("OnStale was called %d times more; %d were served by old code", len(stale), served.Load())
	}
}

// TestFrontOfQueue: who has been in a process comes before who waited behind it.
func TestFrontOfQueue(t *testing.T) {
	s := newSite(t, Options{Backlog: 10})
	door := newGate()
	defer door.open()
	p := s.add(ProcessOptions{Threads: 1}, door.serve)
	var sent []<-chan response
	for i := range Slots(1) + 2 {
		sent = append(sent, s.send(context.Background(), request(fmt.Sprint("/", i))))
		await(t, "it has its place", func() bool {
			n := s.g.Snapshot()
			return n.Waiting+n.Processes[0].Queued+n.Processes[0].Running == i+1
		})
	}
	s.g.Drain(p.Process)
	s.waiting(4)
	for i, c := range sent[1:] {
		s.add(ProcessOptions{Threads: 1, MaxRequests: 1}, func(q *ringtest.Request) { answer(q, fmt.Sprint(i, path(q))) })
		if w := within(t, c); w.text() != fmt.Sprintf("%d/%d", i, i+1) {
			t.Errorf("request %d: %q, %s", i+1, w.text(), w.kind())
		}
	}
}

// TestMaximumRequests: a process is given so many and not one more, and it is
// said in time.
func TestMaximumRequests(t *testing.T) {
	limits := make(chan *Process, 10)
	s := newSite(t, Options{Backlog: 100, OnLimit: func(p *Process) { limits <- p }})
	var served atomic.Int32
	first := s.add(ProcessOptions{Threads: 2, MaxRequests: 5, Early: 2}, func(q *ringtest.Request) {
		served.Add(1)
		answer(q, "first")
	})
	for i := range 5 {
		if w := s.get("/"); w.text() != "first" {
			t.Errorf("%q, %s", w.text(), w.kind())
		}
		if want := i >= 2; (len(limits) == 1) != want {
			t.Errorf("after %d requests OnLimit was called %d times", i+1, len(limits))
		}
	}
	if p := <-limits; p != first.Process {
		t.Error("OnLimit names another process")
	}
	next := s.send(context.Background(), request("/"))
	s.waiting(1)
	s.add(ProcessOptions{Threads: 1, MaxRequests: 1}, func(q *ringtest.Request) { answer(q, "second") })
	if w := within(t, next); w.text() != "second" || served.Load() != 5 {
		t.Errorf("%q, %s; the first served %d", w.text(), w.kind(), served.Load())
	}
	if len(limits) != 1 {
		t.Errorf("OnLimit was called %d times for the second", len(limits))
	}
}

// TestMaximumRequestsMany: it is exact when many come at once, and those that
// are taken back do not count.
func TestMaximumRequestsMany(t *testing.T) {
	s := newSite(t, Options{Backlog: 1000})
	var replace sync.Mutex
	var over atomic.Int32
	add := func() process {
		var served atomic.Int32
		return s.add(ProcessOptions{Threads: 2, MaxRequests: 50}, func(q *ringtest.Request) {
			if served.Add(1) > 50 {
				over.Add(1)
			}
			echo(q)
		})
	}
	s.g.o.OnLimit = func(p *Process) {
		go func() {
			replace.Lock()
			defer replace.Unlock()
			add()
			<-s.g.Drain(p)
			s.g.Remove(p, "maximum-requests")
		}()
	}
	add()
	add()
	var clients sync.WaitGroup
	for c := range 16 {
		clients.Go(func() {
			for i := range 100 {
				ctx, cancel := context.WithCancel(context.Background())
				if i%10 == 9 {
					cancel()
				}
				if w := s.serve(ctx, request("/x")); w.text() != "/x" && w.kind() != "aborted" {
					t.Errorf("client %d: %q, %s", c, w.text(), w.kind())
				}
				cancel()
			}
		})
	}
	clients.Wait()
	replace.Lock()
	defer replace.Unlock()
	if over.Load() != 0 {
		t.Errorf("%d requests beyond the limit", over.Load())
	}
}

// TestNothingLost: requests keep coming while processes are drained, killed
// when idle, and replaced.
func TestNothingLost(t *testing.T) {
	s := newSite(t, Options{Backlog: 100})
	add := func() process {
		return s.add(ProcessOptions{Threads: 2}, func(q *ringtest.Request) {
			if strings.HasPrefix(path(q), "/large") {
				q.Send(plain(strings.Repeat("x", 100_000)))
				q.Done(ringtest.Outcome{Kind: ringtest.Streamed})
				return
			}
			echo(q)
		})
	}
	current := []process{add(), add()}
	stop := make(chan bool)
	var clients sync.WaitGroup
	for c := range 8 {
		uri, want := "/small", "/small"
		if c%2 == 0 {
			uri, want = "/large", strings.Repeat("x", 100_000)
		}
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if w := s.get(uri); w.text() != want || w.kind() != "" {
					t.Errorf("%d bytes, %q", len(w.text()), w.kind())
				}
			}
		})
	}
	for range 50 {
		next := add()
		within(t, s.g.Drain(current[0].Process))
		current[0].Kill()
		s.g.Remove(current[0].Process, "replaced")
		current = []process{current[1], next}
	}
	close(stop)
	clients.Wait()
	s.logged("", 0)
}

// TestCloseEndsRunning: a request that runs when the group is closed fails.
func TestCloseEndsRunning(t *testing.T) {
	s := newSite(t, Options{})
	door := newGate()
	defer door.open()
	s.add(ProcessOptions{Threads: 1}, door.serve)
	c := s.send(context.Background(), request("/"))
	within(t, door.started)
	s.g.Close()
	if w := within(t, c); w.kind() != "gone" {
		t.Errorf("%q", w.kind())
	}
}

// TestCloseCancels: the process of a group that is closed lives on, and is told that nobody
// wants the answers that it works on. Otherwise a stream would wait for somebody to take it.
func TestCloseCancels(t *testing.T) {
	s := newSite(t, Options{})
	started, told := make(chan bool), make(chan bool, 1)
	s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) {
		q.Send(plain("begin"))
		started <- true
		for deadline := time.Now().Add(patience); !q.Cancelled() && time.Now().Before(deadline); {
			<-time.After(time.Millisecond)
		}
		told <- q.Cancelled()
	})
	c := s.send(context.Background(), request("/"))
	within(t, started)
	s.g.Close()
	within(t, c)
	if !within(t, told) {
		t.Error("the process was not told")
	}
}

// TestAddToClosed: the memory of a process that comes too late is given up.
func TestAddToClosed(t *testing.T) {
	s := newSite(t, Options{})
	s.g.Close()
	p := s.add(ProcessOptions{Threads: 1}, echo)
	if n := s.g.Snapshot(); len(n.Processes) != 0 || !p.died.Load() {
		t.Errorf("%+v", n)
	}
	s.g.Close()
}

// TestSocketTimeout: a process that gives no sign of life fails its request; one
// that does, in time, may take longer.
func TestSocketTimeout(t *testing.T) {
	const limit = 100 * time.Millisecond
	s := newSite(t, Options{SocketTimeout: limit})
	let := make(chan bool)
	s.add(ProcessOptions{Threads: 4}, func(q *ringtest.Request) {
		switch path(q) {
		case "/part":
			q.Send(plain("begin"))
			<-let
		case "/silent":
			<-let
		case "/long":
			q.Send(plain(""))
			for range 5 {
				<-time.After(limit / 4)
				q.Write([]byte("x"), true)
			}
			q.Done(ringtest.Outcome{Kind: ringtest.Streamed})
		}
	})
	start := time.Now()
	long := s.send(context.Background(), request("/long"))
	for uri, want := range map[string]string{"/silent": "timeout", "/part": "aborted"} {
		if w := s.get(uri); w.kind() != want {
			t.Errorf("%s: %q", uri, w.kind())
		}
	}
	if took := time.Since(start); took < 2*limit {
		t.Errorf("two time-outs after %v", took)
	}
	if w := within(t, long); w.text() != "xxxxx" || w.kind() != "" {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
	s.logged("WSGI0145: Timeout when reading the response from daemon process 'group'", 2)
	close(let)
}

package daemon

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/ring"
)

// allFree fails unless each slot of the process can be taken once.
func (p *Process) allFree(t *testing.T) {
	t.Helper()
	seen := map[int]bool{}
	var leases []ring.Lease
	for {
		l, ok := p.ring.Acquire()
		if !ok {
			break
		}
		if seen[l.Index()] {
			t.Errorf("slot %d is free twice", l.Index())
		}
		seen[l.Index()] = true
		leases = append(leases, l)
	}
	if want := p.ring.Region().Slots(); len(leases) != want {
		t.Errorf("%d slots are free, of %d", len(leases), want)
	}
	for _, l := range leases {
		l.Release()
	}
}

// waitingCall puts a request into the group's list, as enter does.
func (s *site) waitingCall(ctx context.Context, path string) *call {
	s.t.Helper()
	c := s.g.calls.Get().(*call)
	c.begin(ctx, Script{}, request(path), &recorder{})
	s.g.mu.Lock()
	waits, err := s.g.enterLocked(c)
	s.g.unlock()
	if !waits || err != nil {
		s.t.Fatalf("%s does not wait: %v", path, err)
	}
	return c
}

// TestGiveUpAssigned: a client leaves in the moment in which its request is given
// a process. The slot is given back once.
func TestGiveUpAssigned(t *testing.T) {
	s := newSite(t, Options{Backlog: 10})
	ctx, leave := context.WithCancel(context.Background())
	leave()
	c := s.waitingCall(ctx, "/leaves")
	p := s.add(ProcessOptions{Threads: 1}, echo) // c is given a slot in it
	if err := s.g.giveUp(c); (response{err: err}).kind() != "aborted" {
		t.Errorf("%v", err)
	}
	p.allFree(t)
	if w := s.get("/next"); w.text() != "/next" {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
	if n := s.g.Snapshot().Processes[0]; n.Queued != 0 || n.Running != 0 || n.Served != 1 {
		t.Errorf("%+v", n)
	}
}

// TestGiveUpRefused: as before, but its time was up in that moment.
func TestGiveUpRefused(t *testing.T) {
	s := newSite(t, Options{Backlog: 10})
	ctx, leave := context.WithCancel(context.Background())
	leave()
	c := s.waitingCall(ctx, "/leaves")
	s.g.mu.Lock()
	s.g.refuseLocked(c, errClosed)
	s.g.unlock()
	if err := s.g.giveUp(c); (response{err: err}).kind() != "aborted" {
		t.Errorf("%v", err)
	}
	p := s.add(ProcessOptions{Threads: 1}, echo)
	p.allFree(t)
}

// leavers is how many clients TestLeaving lets leave in each round.
const leavers = 400

// TestLeaving: clients leave at any moment, while processes drain, die and are
// replaced and requests time out. Who stays gets the answer to its own request, and
// every slot is given back once.
func TestLeaving(t *testing.T) {
	for _, threads := range []int{1, 3} {
		t.Run(fmt.Sprint(threads), func(t *testing.T) {
			s := newSite(t, Options{Backlog: 100_000, QueueTimeout: 100 * time.Millisecond})
			p := s.add(ProcessOptions{PID: 1, Threads: threads}, echo)
			var clients sync.WaitGroup
			for i := range leavers {
				clients.Go(func() { s.leaveOrStay(i) })
			}
			for round := range 20 { // beside them, processes come and go
				old := p
				p = s.add(ProcessOptions{PID: round + 2, Threads: threads}, echo)
				if round%2 == 0 {
					within(t, s.g.Drain(old.Process))
				} else {
					old.Kill()
				}
				s.g.Remove(old.Process, "replaced")
			}
			clients.Wait()
			await(t, "it is idle", func() bool {
				n := s.g.Snapshot().Processes[0]
				return n.Queued+n.Running == 0
			})
			p.allFree(t)
		})
	}
}

// leaveOrStay sends requests whose client may leave, each at a moment of its own.
func (s *site) leaveOrStay(client int) {
	for i := range 25 {
		ctx, leave := context.WithCancel(context.Background())
		path := fmt.Sprintf("/%d/%d", client, i)
		if client%4 != 0 { // the others stay
			time.AfterFunc(time.Duration(rand.IntN(300))*time.Microsecond, leave)
		}
		w := s.serve(ctx, request(path))
		switch kind := w.kind(); {
		case kind == "" && w.text() != path:
			s.t.Errorf("%s was answered with %q", path, w.text())
		case kind == "aborted" && ctx.Err() == nil:
			s.t.Errorf("%s was aborted, and its client has not left", path)
		case kind != "" && kind != "aborted" && kind != "busy" && kind != "gone":
			s.t.Errorf("%s: %s", path, kind)
		}
		leave()
	}
}

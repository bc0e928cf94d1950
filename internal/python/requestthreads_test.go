package python

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
)

// stage has request threads run calls that stay until they are told to return.
type stage struct {
	t       *testing.T
	threads *requestThreads
	gil     *gil // of most calls
	actors  sync.Map
}

// actor is a request on the stage.
type actor struct {
	stage  *stage
	call   *call
	plays  atomic.Bool // a thread runs it
	leave  chan struct{}
	result chan error
}

// onStage runs a test with a stage. kind is how its calls use the GIL.
func onStage(t *testing.T, kind uint32, most, backlog int, timeout time.Duration, test func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t, threads: newRequestThreads(most, backlog, timeout), gil: gilOf(kind)}
		s.threads.call = func(c *call) {
			found, _ := s.actors.Load(c)
			a := found.(*actor)
			a.plays.Store(true)
			<-a.leave
			a.plays.Store(false)
		}
		test(s)
		if err := s.threads.end(t.Context()); err != nil {
			t.Errorf("end: %v", err)
		}
	})
}

func gilOf(kind uint32) *gil {
	g := new(gil)
	g.pace.known.Store(kind)
	return g
}

// enter sends a request, begun at start.
func (s *stage) enter(ctx context.Context, g *gil, start time.Time) *actor {
	a := &actor{stage: s, leave: make(chan struct{}), result: make(chan error, 1), call: &call{
		target: &target{gil: g}, req: &gateway.Request{Start: start.Add(-time.Hour), Ready: start}, ran: make(chan struct{}, 1),
	}}
	s.actors.Store(a.call, a)
	go func() { a.result <- s.threads.run(ctx, a.call) }()
	synctest.Wait()
	return a
}

// enterAll sends n requests, one after the other.
func (s *stage) enterAll(n int) (all []*actor) {
	for range n {
		all = append(all, s.enter(s.t.Context(), s.gil, time.Now()))
	}
	return all
}

// playing checks which of the requests threads run now.
func (s *stage) playing(all []*actor, want ...int) {
	s.t.Helper()
	synctest.Wait()
	var got []int
	for i, a := range all {
		if a.plays.Load() {
			got = append(got, i)
		}
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("%v run, want %v", got, want)
	}
}

// finish has requests that run return, and checks that they were served.
func finish(all ...*actor) {
	for _, a := range all {
		a.stage.t.Helper()
		close(a.leave)
		if err := a.ended(); err != nil {
			a.stage.t.Errorf("a request that ran: %v", err)
		}
	}
}

// ended returns what came of a request that does not wait any more.
func (a *actor) ended() error {
	a.stage.t.Helper()
	synctest.Wait()
	select {
	case err := <-a.result:
		return err
	default:
		a.stage.t.Fatal("it still waits")
		return nil
	}
}

// refused checks that a request was refused.
func (a *actor) refused(kind gateway.Kind, text string) {
	a.stage.t.Helper()
	var failure *gateway.Error
	err := a.ended()
	if !errors.As(err, &failure) || failure.Kind != kind || !strings.Contains(err.Error(), text) {
		a.stage.t.Errorf("got %v, want %v: %s", err, kind, text)
	}
}

// As many as the backlog wait; one more is refused at once.
func TestBacklog(t *testing.T) {
	for _, kind := range []uint32{short, waits} {
		for _, backlog := range []int{0, 1, 3} {
			onStage(t, kind, 2, backlog, 0, func(s *stage) {
				all := s.enterAll(2 + backlog)
				for range 2 {
					s.enterAll(1)[0].refused(gateway.Busy, "requests wait already (listen-backlog) for one of 2 threads")
				}
				finish(all...)
				finish(s.enterAll(2)...) // there is room again
			})
		}
	}
}

// Calls that wait run side by side, as many as there are threads, the others follow in
// the order in which they came.
func TestSideBySide(t *testing.T) {
	onStage(t, waits, 3, 10, 0, func(s *stage) {
		all := s.enterAll(6)
		s.playing(all, 0, 1, 2)
		finish(all[1])
		s.playing(all, 0, 2, 3)
		finish(all[0], all[2])
		s.playing(all, 3, 4, 5)
		finish(all[3:]...)
	})
}

// Calls that are short or compute run one after the other, on one thread.
func TestOneAfterTheOther(t *testing.T) {
	for _, kind := range []uint32{short, takeTurns} {
		onStage(t, kind, 3, 10, 0, func(s *stage) {
			all := s.enterAll(5)
			for i := range all {
				s.playing(all, i)
				finish(all[i])
			}
			if n := len(s.threads.threads); n != 1 {
				t.Errorf("%d threads, want 1", n)
			}
		})
	}
}

// A call that lets others run does so once, and one of them at a time.
func TestLetOthers(t *testing.T) {
	onStage(t, takeTurns, 3, 10, 0, func(s *stage) {
		all := s.enterAll(5)
		s.threads.letOthers(all[0].call)
		s.threads.letOthers(all[0].call)
		s.playing(all, 0, 1)
		finish(all[0])
		s.playing(all, 1)
		s.threads.letOthers(all[1].call)
		s.playing(all, 1, 2)
		s.threads.letOthers(all[2].call)
		s.playing(all, 1, 2, 3)
		s.threads.letOthers(all[3].call) // there is no thread left
		s.playing(all, 1, 2, 3)
		finish(all[1])
		s.playing(all, 2, 3, 4)
		finish(all[2:]...)
		if s.gil.running != 0 {
			t.Errorf("%d calls count at the end", s.gil.running)
		}
	})
}

// What is found out about calls while they run is acted on.
func TestPaceChanges(t *testing.T) {
	onStage(t, short, 3, 10, 0, func(s *stage) {
		all := s.enterAll(6)
		s.gil.pace.known.Store(waits)
		finish(all[0])
		s.playing(all, 1, 2, 3)
		s.gil.pace.known.Store(takeTurns)
		finish(all[1], all[2])
		s.playing(all, 3)
		finish(all[3])
		s.playing(all, 4)
		finish(all[4:]...)
	})
}

// A call does not wait for a GIL that is not its own.
func TestOtherGIL(t *testing.T) {
	onStage(t, takeTurns, 2, 10, 0, func(s *stage) {
		other := gilOf(takeTurns)
		all := s.enterAll(2)
		all = append(all, s.enter(s.t.Context(), other, time.Now()), s.enter(s.t.Context(), other, time.Now()))
		s.playing(all, 0, 2)
		finish(all[2])
		s.playing(all, 0, 3)
		finish(all[3], all[0], all[1])
	})
}

// The time-out counts from when the request is ready to run.
func TestQueueTimeout(t *testing.T) {
	const limit = 3 * time.Second
	onStage(t, waits, 1, 5, limit, func(s *stage) {
		runs := s.enter(s.t.Context(), s.gil, time.Now().Add(-time.Hour)) // a free thread
		waiting := s.enterAll(1)[0]
		older := s.enter(s.t.Context(), s.gil, time.Now().Add(-time.Second))
		time.Sleep(limit - time.Second - time.Millisecond)
		synctest.Wait()
		if len(older.result) > 0 {
			t.Fatalf("too early: %v", <-older.result)
		}
		time.Sleep(time.Millisecond)
		older.refused(gateway.Busy, "none of 1 threads became free within the queue-timeout of 3s")
		time.Sleep(time.Second - time.Millisecond)
		synctest.Wait()
		if len(waiting.result) > 0 {
			t.Fatalf("too early: %v", <-waiting.result)
		}
		time.Sleep(time.Millisecond)
		waiting.refused(gateway.Busy, "queue-timeout")
		s.enter(s.t.Context(), s.gil, time.Now().Add(-time.Hour)).refused(gateway.Busy, "queue-timeout")
		next := s.enterAll(1)[0]
		finish(runs, next)
		time.Sleep(2 * limit)
		finish(s.enterAll(1)...)
	})
}

// A request whose client leaves is taken out of the queue; one that runs goes on.
func TestClientLeavesQueue(t *testing.T) {
	onStage(t, waits, 1, 5, time.Minute, func(s *stage) {
		ctx, leave := context.WithCancelCause(s.t.Context())
		all := []*actor{s.enter(ctx, s.gil, time.Now()), s.enter(ctx, s.gil, time.Now()), s.enterAll(1)[0], s.enter(ctx, s.gil, time.Now())}
		leave(errors.New("gone home"))
		all[1].refused(gateway.Aborted, "gone home")
		all[3].refused(gateway.Aborted, "gone home")
		s.playing(all, 0)
		finish(all[0])
		s.playing(all, 2)
		last := s.enterAll(1)[0]
		finish(all[2], last)
	})
}

// The end refuses what waits, and waits for what runs.
func TestRequestThreadsEnd(t *testing.T) {
	onStage(t, waits, 3, 5, time.Minute, func(s *stage) {
		finish(s.enterAll(3)...) // idle threads end as well
		all := s.enterAll(5)
		impatient, stop := context.WithCancelCause(s.t.Context())
		ended := s.end(impatient, (*requestThreads).end)
		all[3].refused(gateway.Failed, ErrClosed.Error())
		all[4].refused(gateway.Failed, ErrClosed.Error())
		s.enterAll(1)[0].refused(gateway.Failed, ErrClosed.Error())
		stop(errors.New("impatient"))
		if err := <-ended; err == nil || err.Error() != "impatient" {
			t.Errorf("end: %v", err)
		}
		finish(all[:3]...)
	})
}

// end begins the end, in one of the two ways.
func (s *stage) end(ctx context.Context, how func(*requestThreads, context.Context) error) <-chan error {
	result := make(chan error, 1)
	go func() { result <- how(s.threads, ctx) }()
	synctest.Wait()
	return result
}

// Streams that have been abandoned are not waited for; other calls are, however many
// of the streams have ended.
func TestAbandonedStreams(t *testing.T) {
	for _, streamsEnd := range []bool{true, false} {
		onStage(t, waits, 5, 5, time.Minute, func(s *stage) {
			before := s.enterAll(1)[0]
			before.call.streams.Store(true)
			if finish(before); before.call.streams.Load() {
				t.Error("the next request of a call streams from its beginning")
			}
			all := s.enterAll(5)
			for _, a := range all[:2] {
				a.call.streams.Store(true)
			}
			s.threads.abandon()
			s.threads.abandon() // changes nothing
			all[2].call.streams.Store(true)
			ended := s.end(s.t.Context(), (*requestThreads).endOthers)
			if streamsEnd {
				finish(all[:2]...)
			}
			finish(all[2:4]...)
			synctest.Wait()
			if len(ended) > 0 {
				t.Errorf("streams end: %v: it did not wait for all others", streamsEnd)
			}
			finish(all[4])
			synctest.Wait()
			if len(ended) == 0 {
				t.Errorf("streams end: %v: it waits on", streamsEnd)
			}
			if !streamsEnd {
				finish(all[:2]...)
			}
			if err := <-ended; err != nil || s.threads.abandoned != 0 {
				t.Errorf("%v; %d are abandoned", err, s.threads.abandoned)
			}
		})
	}
}

// A call that finds an idle thread costs no memory.
func TestIdleThreadAllocatesNothing(t *testing.T) {
	q := newRequestThreads(1, 5, time.Minute)
	q.call = func(*call) {}
	c := &call{target: &target{gil: gilOf(short)}, req: &gateway.Request{Start: time.Now()}, ran: make(chan struct{}, 1)}
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		if err := q.run(ctx, c); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if err := q.end(ctx); err != nil {
		t.Error(err)
	}
}

// Whatever calls do, as many run as may, each once, and none is forgotten.
func TestRequestThreadsUnderLoad(t *testing.T) {
	const most, senders, each = 4, 50, 200
	q := newRequestThreads(most, senders, time.Minute)
	g := gilOf(short)
	var inside, tooMany, ran atomic.Int32
	kinds := []uint32{short, takeTurns, waits, probing}
	q.call = func(c *call) {
		if inside.Add(1) > most {
			tooMany.Add(1)
		}
		n := ran.Add(1)
		switch n % 5 {
		case 0:
			q.letOthers(c)
		case 1:
			g.pace.known.Store(kinds[int(n/5)%len(kinds)])
		}
		inside.Add(-1)
	}
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			c := &call{target: &target{gil: g}, req: &gateway.Request{Start: time.Now()}, ran: make(chan struct{}, 1)}
			for range each {
				if err := q.run(t.Context(), c); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if err := q.end(t.Context()); err != nil {
		t.Error(err)
	}
	if tooMany.Load() != 0 || ran.Load() != senders*each || g.running != 0 || q.queue.size != 0 {
		t.Errorf("%d times too many, %d of %d ran, %d count, %d wait", tooMany.Load(), ran.Load(), senders*each, g.running, q.queue.size)
	}
}

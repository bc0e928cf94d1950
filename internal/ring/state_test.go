package ring_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/ring"
	"github.com/gophersnake/gophersnake/internal/ring/ringtest"
)

// TestTakeBack: what is taken back is never started, though its cell stays.
func TestTakeBack(t *testing.T) {
	s := serve(t, 2, nil)
	first, again := push(t, s, &ring.Request{Script: 1}), push(t, s, &ring.Request{Script: 2})
	generation := again.Generation()
	if !again.TakeBack() || again.TakeBack() {
		t.Fatal("a queued request can be taken back once")
	}
	if state, err := again.State(); state != ring.Free || err != nil {
		t.Errorf("state %d, %v", state, err)
	}
	if err := again.Fill(&ring.Request{Script: 3}); err != nil {
		t.Fatal(err)
	}
	if err := s.Push(again); err != nil {
		t.Fatal(err)
	}
	if again.Generation() == generation {
		t.Error("the generation is the same")
	}
	daemon(t, s, 1, echo)
	for i, slot := range []ring.Lease{first, again} {
		if _, out := answer(t, slot); out[0] != "13"[i] {
			t.Errorf("answered with %q", out)
		}
	}
	if first.TakeBack() {
		t.Error("a free slot is taken back")
	}
}

// TestTakeBackRaces lets the server and two threads compete for requests.
func TestTakeBackRaces(t *testing.T) {
	s := serve(t, 8, nil)
	started := make(chan uint32, 1)
	daemon(t, s, 2, func(q *ringtest.Request) {
		started <- q.Script
		q.Done(ringtest.Outcome{})
	})
	taken := 0
	for i := range 3000 {
		slot := push(t, s, &ring.Request{Script: uint32(i)})
		for range i % 7 {
			if _, err := slot.State(); err != nil {
				t.Fatal(err)
			}
		}
		if slot.TakeBack() {
			taken++
			slot.Release()
			continue
		}
		select {
		case script := <-started:
			if script != uint32(i) {
				t.Fatalf("request %d was started, not %d", script, i)
			}
		case <-time.After(patience):
			t.Fatalf("request %d is neither started nor free", i)
		}
		answer(t, slot)
	}
	t.Logf("%d of 3000 were taken back", taken)
}

// TestFull: stale cells fill the ring until the daemon passes over them.
func TestFull(t *testing.T) {
	s := serve(t, 1, nil)
	slot := acquire(t, s)
	pushes := 0
	for {
		if err := slot.Fill(&ring.Request{}); err != nil {
			t.Fatal(err)
		}
		err := s.Push(slot)
		if err != nil {
			if !errors.Is(err, ring.ErrFull) {
				t.Fatal(err)
			}
			break
		}
		pushes++
		if !slot.TakeBack() {
			t.Fatal("nobody can have started it")
		}
	}
	if pushes != 4 {
		t.Errorf("%d pushes fill the ring", pushes)
	}
	daemon(t, s, 1, echo)
	deadline := time.Now().Add(patience)
	for {
		err := s.Push(slot)
		if err == nil {
			break
		}
		if !errors.Is(err, ring.ErrFull) || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	answer(t, slot)
}

// TestAbandon: the slot comes back when the daemon is done with it.
func TestAbandon(t *testing.T) {
	released := make(chan int, 1)
	s := serve(t, 1, func(index int) { released <- index })
	started, cancelled := make(chan bool), make(chan bool)
	daemon(t, s, 1, func(q *ringtest.Request) {
		if q.Script == 0 {
			started <- true
			// the next piece but one has to wait for the server
			q.Send(nil)
			q.Write(nil, false)
			err := q.Write(nil, false)
			cancelled <- errors.Is(err, ringtest.ErrCancelled) && q.Cancelled()
		}
		q.Done(ringtest.Outcome{Kind: ringtest.Gone})
	})
	slot := push(t, s, &ring.Request{})
	<-started
	slot.Abandon()
	if !<-cancelled {
		t.Error("the request was not cancelled")
	}
	if index := <-released; index != 0 {
		t.Errorf("slot %d is released", index)
	}
	for range 100 {
		slot = push(t, s, &ring.Request{Script: 1})
		slot.Abandon() // queued, running or done
		<-released
	}
	answer(t, push(t, s, &ring.Request{Script: 1}))
}

// TestDeath: after it a queued request can be taken back, and one that was done
// can be answered.
func TestDeath(t *testing.T) {
	s := serve(t, 3, nil)
	block, running := make(chan bool), make(chan bool)
	d := daemon(t, s, 1, func(q *ringtest.Request) {
		if q.Script == 1 {
			running <- true
			<-block
		}
		q.Done(ringtest.Outcome{Out: []byte("done")})
	})
	done := push(t, s, &ring.Request{})
	until(t, done, ring.Done)
	stuck, queued := push(t, s, &ring.Request{Script: 1}), push(t, s, &ring.Request{})
	<-running
	d.Kill()
	close(block)
	if !queued.TakeBack() || stuck.TakeBack() {
		t.Error("what was queued is not what can be taken back")
	}
	if state, err := stuck.State(); state != ring.Running || err != nil {
		t.Errorf("state %d, %v", state, err)
	}
	stuck.Drop()
	if _, out := answer(t, done); out != "done" {
		t.Errorf("answered with %q", out)
	}
}

// TestComputing: a request that is left to a running thread which does not come
// back is given to a sleeping one after a moment.
func TestComputing(t *testing.T) {
	s := serve(t, 3, nil)
	block, running := make(chan bool), make(chan bool)
	d := daemon(t, s, 2, func(q *ringtest.Request) {
		if q.Script == 1 {
			running <- true
			<-block
		}
		q.Done(ringtest.Outcome{})
	})
	long := push(t, s, &ring.Request{Script: 1})
	<-running
	d.Computing(true)
	for range 20 {
		answer(t, push(t, s, &ring.Request{}))
	}
	close(block)
	answer(t, long)
}

// TestCloseWithoutPoll: neither order blocks, and a late Poll touches nothing.
func TestCloseWithoutPoll(t *testing.T) {
	region, err := ring.Create(1, 1)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ring.NewServer(region)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s.Poll()
}

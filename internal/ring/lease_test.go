package ring

import (
	"errors"
	"testing"
)

// leased returns a server's side whose misuses are counted, and a slot of it in use.
func leased(t *testing.T, slots int) (s *Server, l Lease, misuses *int) {
	t.Helper()
	region, err := Create(slots, 1)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = NewServer(region); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	misuses = new(int)
	s.misused = func(err error) {
		if *misuses++; !errors.Is(err, ErrMisuse) {
			t.Errorf("%v is no misuse", err)
		}
	}
	l, ok := s.Acquire()
	if !ok {
		t.Fatal("no slot is free")
	}
	if err := l.Fill(&Request{}); err != nil {
		t.Fatal(err)
	}
	return s, l, misuses
}

// done makes a pushed request look served.
func (l Lease) done(t *testing.T) {
	t.Helper()
	l.store(atState, l.word&^stateMask|stateDone)
	if state, err := l.State(); state != Done || err != nil {
		t.Fatalf("state %d, %v", state, err)
	}
}

// TestLeaseEndsOnce: each way to end a lease, and then each again.
func TestLeaseEndsOnce(t *testing.T) {
	ends := map[string]func(Lease){"release": Lease.Release, "abandon": Lease.Abandon, "drop": Lease.Drop}
	for first, end := range ends {
		for second, again := range ends {
			t.Run(first+" "+second, func(t *testing.T) {
				s, l, misuses := leased(t, 2)
				if err := s.Push(l); err != nil {
					t.Fatal(err)
				}
				l.done(t)
				if end(l); *misuses != 0 {
					t.Fatal("the first end is a misuse")
				}
				if again(l); *misuses != 1 {
					t.Errorf("%d misuses after the second end, want 1", *misuses)
				}
				s.allOnce(t, first)
			})
		}
	}
}

// allOnce fails unless the free slots are different ones, and as many as there
// must be.
func (s *Server) allOnce(t *testing.T, end string) {
	t.Helper()
	want := len(s.slots)
	if end == "drop" {
		want-- // that one is not used again
	}
	seen := map[*Slot]bool{}
	for {
		l, ok := s.Acquire()
		if !ok {
			break
		}
		if seen[l.Slot] {
			t.Errorf("slot %d is given out twice", l.index)
		}
		seen[l.Slot] = true
	}
	if len(seen) != want {
		t.Errorf("%d slots are free, want %d", len(seen), want)
	}
}

// TestLeaseOfAnother: who has ended a lease harms the next one of the slot in no way.
func TestLeaseOfAnother(t *testing.T) {
	s, old, misuses := leased(t, 1)
	old.Release()
	next, ok := s.Acquire()
	if !ok || next.Slot != old.Slot {
		t.Fatal("the slot is not given out again")
	}
	if err := next.Fill(&Request{}); err != nil {
		t.Fatal(err)
	}
	for i, wrong := range []func(){
		old.Release, old.Abandon, old.Drop,
		func() {
			if err := s.Push(old); !errors.Is(err, ErrMisuse) {
				t.Errorf("push with an old lease: %v", err)
			}
		},
	} {
		if wrong(); *misuses != i+1 {
			t.Errorf("%d misuses, want %d", *misuses, i+1)
		}
	}
	if next.load(atCancel) != 0 {
		t.Error("the next request is cancelled")
	}
	if err := s.Push(next); err != nil {
		t.Error(err)
	}
	if _, ok := s.Acquire(); ok {
		t.Error("its slot is free")
	}
	next.done(t)
	next.Release()
	if *misuses != 4 {
		t.Errorf("%d misuses, want 4", *misuses)
	}
}

// TestReleaseTooEarly: what the daemon may still read and write is not given to
// another request.
func TestReleaseTooEarly(t *testing.T) {
	s, l, misuses := leased(t, 1)
	if err := s.Push(l); err != nil {
		t.Fatal(err)
	}
	if l.Release(); *misuses != 1 {
		t.Error("a queued request's slot can be released")
	}
	if _, ok := s.Acquire(); ok {
		t.Error("it is free")
	}
	l.done(t)
	if l.Release(); *misuses != 1 {
		t.Error("the lease has not lasted")
	}
}

// TestFreeTwice: an index that stands in the list of free slots twice is given
// out once.
func TestFreeTwice(t *testing.T) {
	s, l, misuses := leased(t, 1)
	l.Release()
	s.free = append(s.free, 0)
	if _, ok := s.Acquire(); !ok {
		t.Fatal("it is not given out")
	}
	if _, ok := s.Acquire(); ok || *misuses != 1 {
		t.Errorf("it is given out twice, or that is no misuse (%d)", *misuses)
	}
}

// TestOtherRequest: what a daemon says for a request that the slot no longer
// holds is not taken for the answer.
func TestOtherRequest(t *testing.T) {
	for name, write := range map[string]func(Lease){
		"state": func(l Lease) { l.store(atState, l.word-1<<stateBits|stateDone) },
		"piece": func(l Lease) {
			l.store(atState, l.word&^stateMask|stateRunning)
			l.store(atOut, pieceHead|1<<pieceSizeAt|(l.Generation()-1)<<pieceSerialAt)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, l, _ := leased(t, 1)
			if err := s.Push(l); err != nil {
				t.Fatal(err)
			}
			write(l)
			_, err := l.State()
			if name == "piece" {
				_, _, _, err = l.TakePiece(nil)
			}
			if !errors.Is(err, ErrBroken) {
				t.Errorf("%v", err)
			}
			l.Drop()
		})
	}
}

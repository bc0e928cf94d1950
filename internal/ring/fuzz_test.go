package ring

import (
	"errors"
	"testing"
)

// hostile is a server whose memory is written to between its steps.
type hostile struct {
	t     *testing.T
	s     *Server
	held  map[Lease]State // slots in use, and the last state that was seen
	input []byte
}

func (h *hostile) next() byte {
	if len(h.input) == 0 {
		return 0
	}
	b := h.input[0]
	h.input = h.input[1:]
	return b
}

// words are the positions that are written to: of the header, and of a slot.
var (
	hostileHeader = []int{atSlots, atCells, atEnviron, atTail, atHead, atBell, atSleepers, atRunning, atComputing, atAsleep, pageSize, pageSize + 4, pageSize + 8}
	hostileSlot   = []int{atState, atCancel, atSlotBell, atWaiting, atWants, atIn, atIn + 4, atOut, atOut + 4, atEnv, atGroup, atPrefix,
		atKind, atStatus, atSize, atExcess, atCount, atCount + 4, atLength, atLength + 4, atWritten, atWritten + 4, atGILWait + 4}
)

// write changes one word to anything, or a state to one that is likely.
func (h *hostile) write(slot *Slot) {
	r := h.s.region
	value := uint32(h.next())<<24 | uint32(h.next())
	if v := h.next(); v%3 == 0 {
		value >>= 20
	} else if v%3 == 1 {
		value = slot.word&^stateMask | value&stateMask
	}
	at := int(h.next())
	if at%4 == 0 {
		r.store(hostileHeader[at/4%len(hostileHeader)], value)
		return
	}
	r.store(slot.at+hostileSlot[at/4%len(hostileSlot)], value)
}

// push takes a slot and queues it.
func (h *hostile) push() {
	slot, ok := h.s.Acquire()
	if !ok {
		return
	}
	if _, twice := h.lease(slot.Slot); twice {
		h.t.Fatalf("slot %d is given out twice", slot.index)
	}
	if err := slot.Fill(&Request{Prefix: []byte("prefix"), More: true}); err != nil {
		h.t.Fatal(err)
	}
	if err := h.s.Push(slot); err != nil {
		h.known(err)
		slot.Release()
		return
	}
	h.held[slot] = Queued
}

// lease returns the one under which a slot is used, if it is.
func (h *hostile) lease(slot *Slot) (Lease, bool) {
	for l := range h.held {
		if l.Slot == slot {
			return l, true
		}
	}
	return Lease{}, false
}

func (h *hostile) known(err error) {
	if err != nil && !errors.Is(err, ErrBroken) && !errors.Is(err, ErrFull) {
		h.t.Fatalf("unknown error %v", err)
	}
}

// use does with a slot what its goroutine might.
func (h *hostile) use(slot Lease, what byte) {
	switch what % 7 {
	case 0:
		if slot.TakeBack() {
			if h.held[slot] != Queued {
				h.t.Fatalf("a request in state %d is taken back", h.held[slot])
			}
			delete(h.held, slot)
			slot.Release()
		}
	case 1:
		_, err := slot.WantsBody()
		h.known(err)
		_, err = slot.PutBody(BodyKind(h.next()%3+1), make([]byte, int(h.next())*300))
		h.known(err)
	case 2:
		_, got, ok, err := slot.TakePiece(nil)
		if h.known(err); len(got) > PieceSize || len(got) > 0 && !ok {
			h.t.Fatalf("a piece of %d bytes", len(got))
		}
	case 3:
		slot.Cancel()
	case 4:
		delete(h.held, slot)
		slot.Abandon()
	default:
		h.follow(slot)
	}
}

// follow looks at the state, and ends a request that is done.
func (h *hostile) follow(slot Lease) {
	state, err := slot.State()
	if h.known(err); state < h.held[slot] {
		h.t.Fatalf("state %d after %d", state, h.held[slot])
	}
	h.held[slot] = state
	if err != nil || state != Done {
		return
	}
	r, got, err := slot.Result(nil)
	if h.known(err); err == nil && (r.Kind > Denied || r.Status > 999 || r.Count < 0 || r.Length < -1 || r.Written < 0) || len(got) > OutSize {
		h.t.Fatalf("result %+v, %d bytes", r, len(got))
	}
	delete(h.held, slot)
	slot.Release()
}

// FuzzServer lets the other side write what it likes: whatever it is, every
// method returns, with values that are in their bounds.
func FuzzServer(f *testing.F) {
	f.Add([]byte("\x00\x04\x01\x00\x03\x01\x04\x02"))
	f.Add([]byte("\x00\x00\x01\xff\xff\xff\x04\x01\x00\x02\x01\x04\x03\x05\x02\x02\x01"))
	f.Fuzz(func(t *testing.T, input []byte) {
		region, err := Create(2, 1)
		if err != nil {
			t.Fatal(err)
		}
		s, err := NewServer(region)
		if err != nil {
			t.Fatal(err)
		}
		s.rousing.Store(true) // the timer would make what runs depend on time
		h := &hostile{t: t, s: s, held: map[Lease]State{}, input: input}
		for len(h.input) > 0 {
			op, slot := h.next(), s.Slot(int(h.next()%2))
			switch l, held := h.lease(slot); {
			case op%4 == 0:
				h.push()
			case op%4 == 1:
				h.write(slot)
			case op%16 == 2:
				s.look()
				s.rouseSleeper()
				s.rouse.Stop()
				s.rousing.Store(true)
			case held:
				h.use(l, op/4)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

package ringtest

import (
	"encoding/binary"
	"errors"
	"io"
	"sync/atomic"
)

// ErrCancelled is returned when nobody wants the answer any more, or the daemon
// stops.
var ErrCancelled = errors.New("request cancelled")

// Request is one request on its thread.
type Request struct {
	Index      int
	Generation uint32
	Script     uint32
	Group      string
	Environ    []byte
	Steady     int
	Prefix     []byte
	More       bool
	Start      int64 // nanoseconds since 1970

	d       *Daemon
	words   int    // position of the slot
	in, out int    // numbers of the pieces that are next
	rest    []byte // of the piece of the body that is being read
	end     error  // of the body
	over    bool
}

// Outcome is how a request ended.
type Outcome struct {
	Kind, Status           uint32
	Out                    []byte // head and body, or the head of a file's
	Excess                 uint32
	Count, Length, Written int64
}

// newRequest copies what the server wrote.
func newRequest(d *Daemon, index int, generation uint32) *Request {
	q := &Request{Index: index, Generation: generation, d: d, words: d.first + index*d.stride}
	q.Script = *q.word(atScript)
	env, group := int(*q.word(atEnv)), int(*q.word(atGroup))
	area := q.area(-1, int(d.environ))
	q.Environ = append(q.Environ, area[:env]...)
	q.Group = string(area[env : env+group])
	q.Steady = int(*q.word(atSteady))
	q.Prefix = append(q.Prefix, q.area(0, PieceSize)[:*q.word(atPrefix)]...)
	q.More = *q.word(atMore) == 1
	q.Start = int64(*d.longAt(q.words + atStart))
	return q
}

func (q *Request) word(at int) *uint32 { return q.d.at(q.words + at) }

// area returns the environ (-1), the prefix (0), out (1), in (2, 3), or the
// pieces of the response (4, 5).
func (q *Request) area(n, size int) []byte {
	at := q.words + pageSize
	if n >= 0 {
		at += int(q.d.environ) + n*PieceSize
	}
	return q.d.mem[at:][:size:size]
}

// Cancelled reports whether nobody wants the answer any more.
func (q *Request) Cancelled() (yes bool) {
	q.d.step(func() { yes = q.cancelled() })
	return yes
}

func (q *Request) cancelled() bool {
	return atomic.LoadUint32(q.word(atCancel)) != 0 || q.d.stopping.Load()
}

// wait returns when ready reports true, or ErrCancelled. The server changes the
// bell after what it does, and then looks at waiting; the thread says that it
// waits, and then sleeps only if the bell has not changed.
func (q *Request) wait(ready func() bool) error {
	for {
		var bell uint32
		var yes, cancelled bool
		q.d.step(func() {
			bell = atomic.LoadUint32(q.word(atSlotBell))
			yes, cancelled = ready(), q.cancelled()
			if !yes && !cancelled {
				atomic.StoreUint32(q.word(atWaiting), 1)
			}
		})
		switch {
		case cancelled:
			return ErrCancelled
		case yes:
			return nil
		}
		futex(q.word(atSlotBell), futexWait, bell)
		q.d.step(func() { atomic.StoreUint32(q.word(atWaiting), 0) })
	}
}

// Want says that the body is wanted, without waiting for it.
func (q *Request) Want() {
	q.d.step(func() {
		if q.More && atomic.SwapUint32(q.word(atWants), 1) == 0 {
			q.d.announce(q.Index)
		}
	})
}

// Read reads what follows the prefix.
func (q *Request) Read(p []byte) (int, error) {
	if !q.More {
		return 0, io.EOF
	}
	q.Want()
	for len(q.rest) == 0 && q.end == nil {
		if err := q.next(); err != nil {
			return 0, err
		}
	}
	if len(q.rest) == 0 {
		return 0, q.end
	}
	n := copy(p, q.rest)
	q.rest = q.rest[n:]
	return n, nil
}

// next takes a piece of the body.
func (q *Request) next() error {
	at := q.word(atIn + 4*q.in)
	if err := q.wait(func() bool { return atomic.LoadUint32(at) != 0 }); err != nil {
		return err
	}
	q.d.step(func() {
		word := atomic.LoadUint32(at)
		data := append([]byte(nil), q.area(2+q.in, PieceSize)[:word<<(32-pieceSerialAt)>>(32-pieceSerialAt+pieceSizeAt)]...)
		switch word & 3 {
		case pieceData:
			q.rest = data
		case pieceEnd:
			q.end = io.EOF
		case pieceFailed:
			q.end = errors.New(string(data))
		}
		atomic.StoreUint32(at, 0)
		q.in ^= 1
		q.d.announce(q.Index)
	})
	return nil
}

// put hands a piece of the response to the server.
func (q *Request) put(kind uint32, p []byte) error {
	at := q.word(atOut + 4*q.out)
	if err := q.wait(func() bool { return atomic.LoadUint32(at) == 0 }); err != nil {
		return err
	}
	q.d.step(func() {
		n := copy(q.area(4+q.out, PieceSize), p)
		atomic.StoreUint32(at, kind|uint32(n)<<pieceSizeAt|q.Generation<<pieceSerialAt)
		q.out ^= 1
		q.d.announce(q.Index)
	})
	return nil
}

// Send sends a flat head and the bytes of the body behind it.
func (q *Request) Send(flat []byte) error {
	for len(flat) > PieceSize {
		if err := q.put(pieceHead|pieceFlag, flat[:PieceSize]); err != nil {
			return err
		}
		flat = flat[PieceSize:]
	}
	return q.put(pieceHead, flat)
}

// Write sends bytes of the body; the last of them at once, if flush.
func (q *Request) Write(p []byte, flush bool) error {
	for len(p) > PieceSize {
		if err := q.put(pieceData, p[:PieceSize]); err != nil {
			return err
		}
		p = p[PieceSize:]
	}
	if flush {
		return q.put(pieceData|pieceFlag, p)
	}
	return q.put(pieceData, p)
}

// Done ends the request. The slot is the server's then.
func (q *Request) Done(o Outcome) {
	q.d.step(func() {
		q.over = true
		copy(q.area(1, PieceSize), o.Out)
		words := q.d.mem[q.words:][:pageSize]
		binary.LittleEndian.PutUint32(words[atKind:], o.Kind)
		binary.LittleEndian.PutUint32(words[atStatus:], o.Status)
		binary.LittleEndian.PutUint32(words[atSize:], uint32(len(o.Out)))
		binary.LittleEndian.PutUint32(words[atExcess:], o.Excess)
		binary.LittleEndian.PutUint64(words[atCount:], uint64(o.Count))
		binary.LittleEndian.PutUint64(words[atLength:], uint64(o.Length))
		binary.LittleEndian.PutUint64(words[atWritten:], uint64(o.Written))
		binary.LittleEndian.PutUint64(words[atWritten+8:], 0)
		atomic.StoreUint32(q.word(atState), q.Generation<<stateBits|done)
		q.d.announce(q.Index)
	})
}

package ring_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gophersnake/gophersnake/internal/ring"
	"github.com/gophersnake/gophersnake/internal/ring/ringtest"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// serve makes a server's side that is polled until the test ends.
func serve(t testing.TB, slots int, released func(int)) *ring.Server {
	t.Helper()
	region, err := ring.Create(slots, 8<<10)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ring.NewServer(region)
	if err != nil {
		t.Fatal(err)
	}
	if released != nil {
		s.OnReleased(released)
	}
	var poll sync.WaitGroup
	poll.Go(s.Poll)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		poll.Wait()
	})
	return s
}

// daemon starts the other side. It stops before the server is closed.
func daemon(t testing.TB, s *ring.Server, threads int, handler func(*ringtest.Request)) *ringtest.Daemon {
	t.Helper()
	d, err := ringtest.Start(s.Region().File(), s.Event(), threads, handler)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Stop)
	return d
}

// acquire takes a slot that must be free.
func acquire(t testing.TB, s *ring.Server) ring.Lease {
	t.Helper()
	slot, ok := s.Acquire()
	if !ok {
		t.Fatal("no slot is free")
	}
	return slot
}

// push queues q in a slot of its own. Where requests have been taken back it
// may have to wait until the daemon has passed over their cells.
func push(t testing.TB, s *ring.Server, q *ring.Request) ring.Lease {
	t.Helper()
	slot := acquire(t, s)
	if err := slot.Fill(q); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		err := s.Push(slot)
		if err == nil {
			return slot
		}
		if !errors.Is(err, ring.ErrFull) || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// until waits for a state.
func until(t testing.TB, slot ring.Lease, want ring.State) {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		state, err := slot.State()
		if err != nil {
			t.Fatal(err)
		}
		if state >= want {
			return
		}
		select {
		case <-slot.Ready():
		case <-limit.C:
			t.Fatalf("state %d, not %d", state, want)
		}
	}
}

// answer waits for the end of a request and releases its slot.
func answer(t testing.TB, slot ring.Lease) (ring.Result, string) {
	t.Helper()
	until(t, slot, ring.Done)
	result, out, err := slot.Result(nil)
	if err != nil {
		t.Fatal(err)
	}
	slot.Release()
	return result, string(out)
}

// echo answers with everything that it was given.
func echo(q *ringtest.Request) {
	q.Done(ringtest.Outcome{Status: 200, Length: -1, Out: fmt.Appendf(nil, "%d %s %s %d %s %v %d",
		q.Script, q.Group, q.Environ, q.Steady, q.Prefix, q.More, q.Start)})
}

func TestComplete(t *testing.T) {
	s := serve(t, 3, nil)
	daemon(t, s, 2, echo)
	start := time.Unix(12, 34)
	for i := range 50 {
		slot := acquire(t, s)
		q := &ring.Request{Script: uint32(i), Group: "group", Steady: 3, Prefix: []byte("prefix"), More: i%2 == 0, Start: start}
		if i%3 == 0 {
			q.Environ = append(slot.Environ(), "built in place"...)
		} else {
			q.Environ = []byte("copied")
		}
		want := fmt.Sprintf("%d group %s 3 prefix %v %d", i, q.Environ, i%2 == 0, start.UnixNano())
		if err := slot.Fill(q); err != nil {
			t.Fatal(err)
		}
		if err := s.Push(slot); err != nil {
			t.Fatal(err)
		}
		result, out := answer(t, slot)
		if out != want || result.Kind != ring.Complete || result.Status != 200 || result.Length != -1 {
			t.Fatalf("%+v, %q, want %q", result, out, want)
		}
	}
}

// TestResult: every field arrives, and only Complete and File have bytes.
func TestResult(t *testing.T) {
	s := serve(t, 1, nil)
	daemon(t, s, 1, func(q *ringtest.Request) {
		q.Done(ringtest.Outcome{Kind: q.Script, Status: 999, Excess: 1, Count: 1 << 40, Length: 7, Written: 5, Out: []byte("out")})
	})
	for kind := ring.Complete; kind <= ring.Denied; kind++ {
		if kind == ring.Streamed || kind == ring.Aborted {
			continue // these follow a head
		}
		want := ring.Result{Kind: kind, Status: 999, Excess: true, Count: 1 << 40, Length: 7, Written: 5}
		result, out := answer(t, push(t, s, &ring.Request{Script: uint32(kind)}))
		if result != want || (out == "out") != (kind <= ring.File) {
			t.Errorf("%+v, %q, want %+v", result, out, want)
		}
	}
}

// TestManyAtOnce keeps more requests than threads going.
func TestManyAtOnce(t *testing.T) {
	s := serve(t, 70, nil)
	d := daemon(t, s, 3, echo)
	for _, computing := range []bool{false, true} {
		d.Computing(computing)
		var clients sync.WaitGroup
		for c := range 70 {
			clients.Go(func() {
				for i := range 50 {
					body := fmt.Sprintf("%d/%d", c, i)
					if _, out := answer(t, push(t, s, &ring.Request{Prefix: []byte(body)})); !strings.Contains(out, " "+body+" ") {
						t.Errorf("%s was answered with %q", body, out)
					}
				}
			})
		}
		clients.Wait()
	}
}

func TestFillRefuses(t *testing.T) {
	s := serve(t, 1, nil)
	slot := acquire(t, s)
	defer slot.Release()
	environ := make([]byte, 8<<10)
	for _, c := range []struct {
		q    ring.Request
		fits bool
	}{
		{ring.Request{Environ: environ}, true},
		{ring.Request{Environ: environ, Group: "g"}, false},
		{ring.Request{Environ: environ[1:], Group: "g"}, true},
		{ring.Request{Environ: append(slot.Environ(), append(environ, 'x')...)}, false},
		{ring.Request{Prefix: make([]byte, ring.PieceSize)}, true},
		{ring.Request{Prefix: make([]byte, ring.PieceSize+1)}, false},
	} {
		if err := slot.Fill(&c.q); (err == nil) != c.fits || err != nil && !errors.Is(err, ring.ErrTooLarge) {
			t.Errorf("%d bytes of environ, %d of prefix: %v", len(c.q.Environ), len(c.q.Prefix), err)
		}
	}
	if _, ok := s.Acquire(); ok {
		t.Error("there is a second slot")
	}
}

func TestCreateRefuses(t *testing.T) {
	for _, c := range [][2]int{{0, 4096}, {ring.MaxSlots + 1, 4096}, {1, 0}, {1, 16<<20 + 1}, {-1, -1}} {
		if r, err := ring.Create(c[0], c[1]); err == nil {
			r.Close()
			t.Errorf("Create(%d, %d) succeeds", c[0], c[1])
		}
	}
	r, err := ring.Create(ring.MaxSlots, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("close again: %v", err)
	}
}

// TestSealed: the other side can neither shrink the memory, which would make an
// access of the server fail, nor grow it, nor allow that.
func TestSealed(t *testing.T) {
	r, err := ring.Create(2, 4096)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	size := int64(len(r.Bytes()))
	for _, n := range []int64{0, size - 1, size + 1} {
		if err := r.File().Truncate(n); !errors.Is(err, unix.EPERM) {
			t.Errorf("truncate to %d: %v", n, err)
		}
	}
	if _, err := unix.FcntlInt(r.File().Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE); !errors.Is(err, unix.EPERM) {
		t.Errorf("seal again: %v", err)
	}
}

func TestMap(t *testing.T) {
	r, err := ring.Create(5, 5000)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	again := func() (*ring.Region, error) {
		fd, err := unix.Dup(int(r.File().Fd()))
		if err != nil {
			t.Fatal(err)
		}
		return ring.Map(os.NewFile(uintptr(fd), "copy"))
	}
	other, err := again()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	r.Bytes()[len(r.Bytes())-1] = 7
	if other.Slots() != 5 || len(other.Bytes()) != len(r.Bytes()) || other.Bytes()[len(r.Bytes())-1] != 7 {
		t.Errorf("%d slots, %d bytes, of %d", other.Slots(), len(other.Bytes()), len(r.Bytes()))
	}
	for at := range 0x14 {
		old := r.Bytes()[at]
		r.Bytes()[at] ^= 0x81
		if m, err := again(); err == nil {
			m.Close()
			t.Errorf("a header with a wrong byte %d is accepted", at)
		}
		r.Bytes()[at] = old
	}
	empty, err := os.Create(t.TempDir() + "/empty")
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	if _, err := ring.Map(empty); !errors.Is(err, io.EOF) {
		t.Errorf("map an empty file: %v", err)
	}
}

// TestStream moves bodies of many sizes both ways.
func TestStream(t *testing.T) {
	s := serve(t, 2, nil)
	daemon(t, s, 2, func(q *ringtest.Request) {
		if q.Send([]byte("head")) != nil {
			return
		}
		buf := make([]byte, 100_000)
		for {
			n, err := q.Read(buf)
			if q.Write(buf[:n], n%2 == 0) != nil {
				return
			}
			if err != nil {
				q.Write([]byte(err.Error()), true)
				q.Done(ringtest.Outcome{Kind: ringtest.Streamed})
				return
			}
		}
	})
	for _, size := range []int{0, 1, ring.PieceSize - 1, ring.PieceSize, ring.PieceSize + 1, 1_000_000} {
		body := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
		for _, end := range []ring.BodyKind{ring.BodyEnd, ring.BodyFailed} {
			got := exchange(t, push(t, s, &ring.Request{More: true}), body, end)
			want := "head" + string(body) + map[ring.BodyKind]string{ring.BodyEnd: "EOF", ring.BodyFailed: "reason"}[end]
			if got != want {
				t.Errorf("%d bytes: %d came back, %.20q", size, len(got), got)
			}
		}
	}
}

// exchange sends a body while it takes the response, and releases the slot.
func exchange(t *testing.T, slot ring.Lease, body []byte, end ring.BodyKind) string {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	var got []byte
	ended := false
	for {
		state, err := slot.State()
		wants, err2 := slot.WantsBody()
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		for wants && !ended {
			n := min(len(body), ring.PieceSize)
			kind, data := ring.BodyData, body[:n]
			if n == 0 {
				kind, data = end, []byte("reason")[:6*(end-ring.BodyEnd)]
			}
			ok, err := slot.PutBody(kind, data)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			body, ended = body[n:], n == 0
		}
		for ok := true; ok; {
			if _, got, ok, err = slot.TakePiece(got); err != nil {
				t.Fatal(err)
			}
		}
		if state == ring.Done {
			if r, _, err := slot.Result(nil); err != nil || r.Kind != ring.Streamed {
				t.Errorf("%+v, %v", r, err)
			}
			slot.Release()
			return string(got)
		}
		select {
		case <-slot.Ready():
		case <-limit.C:
			t.Fatal("nothing happens")
		}
	}
}

// TestHeadInParts: a head larger than a piece keeps its parts marked.
func TestHeadInParts(t *testing.T) {
	s := serve(t, 1, nil)
	head := bytes.Repeat([]byte("h"), 3*ring.PieceSize+1)
	daemon(t, s, 1, func(q *ringtest.Request) {
		q.Send(head)
		q.Done(ringtest.Outcome{Kind: ringtest.Streamed})
	})
	slot := push(t, s, &ring.Request{})
	var got []byte
	for more := true; more; {
		until(t, slot, ring.Running)
		p, extended, ok, err := slot.TakePiece(got)
		if err != nil {
			t.Fatal(err)
		}
		got = extended
		if !ok {
			select {
			case <-slot.Ready():
			case <-time.After(patience):
				t.Fatal("nothing happens")
			}
			continue
		}
		if more = p.More; !p.Head || p.Flush || more != (len(got) < len(head)) {
			t.Errorf("%+v after %d bytes", p, len(got))
		}
	}
	if !bytes.Equal(got, head) {
		t.Errorf("%d bytes, not %d", len(got), len(head))
	}
	answer(t, slot)
}

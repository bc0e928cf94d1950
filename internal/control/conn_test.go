package control

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// pair returns two ends of a connection, closed at the end of the test.
func pair(t *testing.T) (a, b *Conn) {
	t.Helper()
	fa, fb, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	return open(t, fa), open(t, fb)
}

func open(t *testing.T, f *os.File) *Conn {
	t.Helper()
	c, err := Open(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func receive(t *testing.T, c *Conn) Message {
	t.Helper()
	m, err := c.Receive()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestMessages(t *testing.T) {
	a, b := pair(t)
	if err := a.Send("ready", map[string]int{"pid": 7}); err != nil {
		t.Fatal(err)
	}
	if err := a.Send("drain", nil); err != nil {
		t.Fatal(err)
	}
	m := receive(t, b)
	var v struct{ Pid int }
	if err := m.Decode(&v); err != nil || m.Kind != "ready" || v.Pid != 7 || len(m.Files) != 0 {
		t.Errorf("got %+v (%v)", m, err)
	}
	if m := receive(t, b); m.Kind != "drain" || len(m.Payload) != 0 {
		t.Errorf("got %+v", m)
	}
}

func TestFilesAreCloseOnExec(t *testing.T) {
	a, b := pair(t)
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	files := make([]*os.File, MaxFiles)
	for i := range files {
		files[i] = f
	}
	if err := a.Send("files", nil, files...); err != nil {
		t.Fatal(err)
	}
	m := receive(t, b)
	if len(m.Files) != MaxFiles {
		t.Fatalf("%d files", len(m.Files))
	}
	flags, err := unix.FcntlInt(m.Files[3].Fd(), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("flags of a received file are %#x (%v)", flags, err)
	}
	if _, err := m.Files[3].WriteString("hello"); err != nil {
		t.Error(err)
	}
	if text, _ := os.ReadFile(f.Name()); string(text) != "hello" {
		t.Errorf("the file has %q", text)
	}
	if err := a.Send("files", nil, append(files, f)...); !errors.Is(err, ErrMalformed) {
		t.Errorf("one file more: %v", err)
	}
}

func TestSendLeavesModeOfFile(t *testing.T) {
	a, _ := pair(t)
	r, w, err := os.Pipe() // Go makes them non-blocking
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if err := a.Send("file", nil, r); err != nil {
		t.Fatal(err)
	}
	raw, err := r.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var flags int
	if err := raw.Control(func(fd uintptr) { flags, err = unix.FcntlInt(fd, unix.F_GETFL, 0) }); err != nil {
		t.Fatal(err)
	}
	if err != nil || flags&unix.O_NONBLOCK == 0 {
		t.Errorf("the file blocks after it was sent: flags %#x (%v)", flags, err)
	}
}

// TestSlotFile sends as the C code of a daemon does, with the descriptor.
func TestSlotFile(t *testing.T) {
	a, b := pair(t)
	fd, err := a.Descriptor()
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Sendmsg(fd, slotFile(7, 0x123, 0), unix.UnixRights(int(f.Fd())), nil, 0); err != nil {
		t.Fatal(err)
	}
	m := receive(t, b)
	if m.Kind != SlotFile || m.Slot != 7 || m.State != 0x123 || len(m.Files) != 1 {
		t.Errorf("got %+v", m)
	}
}

func TestRefusedMessages(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	rights := func(n int) []byte {
		fds := make([]int, n)
		for i := range fds {
			fds[i] = int(null.Fd())
		}
		return unix.UnixRights(fds...)
	}
	for name, c := range map[string]struct {
		data, oob []byte
		want      string
	}{
		"empty":                {nil, nil, "0 bytes"},
		"junk with files":      {[]byte("junk"), rights(3), `begins with "junk"`},
		"longer than a note":   {make([]byte, maxMessage+1), rights(1), "truncated, it is longer than"},
		"much longer":          {make([]byte, 2*maxMessage), nil, "truncated, it is longer than"},
		"too many descriptors": {note("ready", ""), rights(MaxFiles + 1), "truncated, it has more than 64 descriptors"},
		"many descriptors":     {note("ready", ""), rights(250), "truncated, it has more than 64 descriptors"},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t)
			fd, err := a.Descriptor()
			if err != nil {
				t.Fatal(err)
			}
			before := openDescriptors(t)
			if err := unix.Sendmsg(fd, c.data, c.oob, nil, 0); err != nil {
				t.Fatal(err)
			}
			_, err = b.Receive()
			if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one that wraps ErrMalformed and says %q", err, c.want)
			}
			if after := openDescriptors(t); after != before {
				t.Errorf("%d descriptors were left open", after-before)
			}
			if err := a.Send("next", nil); err != nil {
				t.Fatal(err)
			}
			if m := receive(t, b); m.Kind != "next" {
				t.Errorf("the next message is %+v", m)
			}
		})
	}
}

// TestNoDescriptor: what the receiver has no room for is not the sender's fault, and
// says what it was about.
func TestNoDescriptor(t *testing.T) {
	a, b := pair(t)
	fd, err := a.Descriptor()
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	before := openDescriptors(t)
	without := func(send func() error) (Message, error) {
		t.Helper()
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		if err := send(); err != nil {
			t.Fatal(err)
		}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: limit.Max}); err != nil {
			t.Fatal(err)
		}
		m, err := b.Receive()
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		return m, err
	}
	m, err := without(func() error {
		return unix.Sendmsg(fd, slotFile(7, 0x123, 0), unix.UnixRights(int(null.Fd())), nil, 0)
	})
	if !errors.Is(err, ErrNoDescriptor) || errors.Is(err, ErrMalformed) || m.Kind != SlotFile || m.Slot != 7 || m.State != 0x123 || len(m.Files) != 0 {
		t.Errorf("a slot file: %+v, %v", m, err)
	}
	m, err = without(func() error { return a.Send("files", 5, null, null) })
	if !errors.Is(err, ErrNoDescriptor) || m.Kind != "files" || string(m.Payload) != "5" || len(m.Files) != 0 {
		t.Errorf("a note: %+v, %v", m, err)
	}
	m, err = without(func() error { return unix.Sendmsg(fd, []byte("junk"), unix.UnixRights(int(null.Fd())), nil, 0) })
	if !errors.Is(err, ErrMalformed) || m.Kind != "" {
		t.Errorf("junk: %+v, %v", m, err)
	}
	if after := openDescriptors(t); after != before {
		t.Errorf("%d descriptors were left open", after-before)
	}
	if err := a.Send("next", nil, null); err != nil {
		t.Fatal(err)
	}
	if m := receive(t, b); m.Kind != "next" || len(m.Files) != 1 {
		t.Errorf("the next message is %+v", m)
	}
}

func TestEndOfOtherSide(t *testing.T) {
	a, b := pair(t)
	if err := a.Send("last", nil); err != nil {
		t.Fatal(err)
	}
	// What b has sent stays unread there, which the system reports as a reset
	// connection.
	if err := b.Send("unread", nil); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if m := receive(t, b); m.Kind != "last" {
		t.Errorf("got %+v before the end", m)
	}
	for range 2 {
		if _, err := b.Receive(); !errors.Is(err, io.EOF) {
			t.Errorf("receive: %v", err)
		}
	}
	if err := b.Send("late", nil); !errors.Is(err, io.EOF) {
		t.Errorf("send: %v", err)
	}
}

// TestEmptyAtTheEnd: an empty message, after which the other side has gone, is
// refused or the end; the end comes in any case.
func TestEmptyAtTheEnd(t *testing.T) {
	a, b := pair(t)
	fd, err := a.Descriptor()
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Sendmsg(fd, nil, nil, nil, 0); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Receive(); !errors.Is(err, io.EOF) && !errors.Is(err, ErrMalformed) {
		t.Errorf("receive: %v", err)
	}
	if _, err := b.Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("receive again: %v", err)
	}
}

func TestCloseEndsReceive(t *testing.T) {
	a, _ := pair(t)
	errs := make(chan error, 1)
	go func() {
		_, err := a.Receive()
		errs <- err
	}()
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if err := <-errs; !errors.Is(err, net.ErrClosed) {
		t.Errorf("receive: %v", err)
	}
	if err := a.Send("late", nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("send after close: %v", err)
	}
}

func TestCloseEndsSend(t *testing.T) {
	_, b := pair(t)
	errs := make(chan error, 1)
	go func() {
		for {
			if err := b.Send("much", strings.Repeat("x", 1000)); err != nil {
				errs <- err
				return
			}
		}
	}()
	waitUntilFull(t, b)
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := <-errs; !errors.Is(err, net.ErrClosed) {
		t.Errorf("send: %v", err)
	}
}

func waitUntilFull(t *testing.T, c *Conn) {
	t.Helper()
	fd, err := c.Descriptor()
	if err != nil {
		t.Fatal(err)
	}
	for {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		n, err := unix.Poll(fds, 0)
		if err == nil && n == 0 {
			return
		}
		if err != nil && !errors.Is(err, syscall.EINTR) {
			t.Fatal(err)
		}
	}
}

func TestConcurrentSend(t *testing.T) {
	const senders, each = 8, 100
	a, b := pair(t)
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for j := range each {
				if err := a.Send(fmt.Sprintf("from-%d", i), j); err != nil {
					t.Error(err)
				}
			}
		})
	}
	next := map[string]int{}
	for range senders * each {
		m := receive(t, b)
		var n int
		if err := m.Decode(&n); err != nil || n != next[m.Kind] {
			t.Fatalf("%s sent %d, want %d (%v)", m.Kind, n, next[m.Kind], err)
		}
		next[m.Kind]++
	}
	wg.Wait()
}

func TestOpenRefuses(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(null); err == nil {
		t.Error("a file that is no socket was opened")
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[1])
	if _, err := Open(os.NewFile(uintptr(fds[0]), "stream")); err == nil || !strings.Contains(err.Error(), "unix socket") {
		t.Errorf("a stream socket: %v", err)
	}
}

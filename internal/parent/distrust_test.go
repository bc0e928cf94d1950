package parent

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gophersnake/gophersnake/internal/spawn"
	"github.com/gophersnake/gophersnake/internal/timeout"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// write writes to the process's end of the control socket, as its application can.
func (f *fake) write(data string) {
	f.w.t.Helper()
	fd, err := f.its.Descriptor()
	if err == nil {
		err = unix.Sendmsg(fd, []byte(data), nil, nil, 0)
	}
	if err != nil {
		f.w.t.Fatal(err)
	}
}

// malformed is what may come from a process into which something writes that is
// not this program.
var malformed = map[string]string{
	"text":           "hello",
	"empty":          "",
	"no such kind":   "NOTE\x05hello",
	"no such figure": "NOTE\x05pulse{\"Requests\":-1}",
	"a file":         "FILE",
	"too long":       strings.Repeat("x", 70<<10),
}

// TestMalformed: a process that sends what is no message is replaced, as one that
// asks for it: its replacement comes first. What it sends later is heard.
func TestMalformed(t *testing.T) {
	for name, text := range malformed {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "a", "b")
			w.mustStart()
			first := w.process("a 1")
			first.ignore(wire.Stop) // so that it is there until all is written
			for range 3 {
				first.write(text)
			}
			w.await("a 1: stop shutdown_signal")
			first.exit(spawn.Exit{})
			w.happened("a 2 ready", "server 1: attach a 2", "server 1: detach a 1", "a 1: stop shutdown_signal")
			w.awaitLog("malformed control message")
			w.mustStop()
			w.never("a 3")
			w.never("b 2")
			w.never("a 1 killed")
			if n := strings.Count(w.text(&w.lines), "error: process"); n != 1 {
				t.Errorf("%d complaints, want 1:\n%s", n, w.text(&w.lines))
			}
		})
	}
}

// TestMalformedBeforeItIsReady: it is replaced when it is in service.
func TestMalformedBeforeItIsReady(t *testing.T) {
	w := newWorld(t, "a")
	w.behave(func(f *fake) {
		if f.name == "a 1" {
			f.write("hello")
		}
		f.ready()
	})
	w.mustStart()
	w.await("a 1: stop shutdown_signal")
	w.happened("a 1 ready", "a 2 ready", "a 1: stop shutdown_signal")
	w.mustStop()
	w.never("a 3")
}

// TestMalformedOfServer: the server serves on, and is heard.
func TestMalformedOfServer(t *testing.T) {
	for name, text := range malformed {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "a")
			w.mustStart()
			for range 3 {
				w.process("server 1").write(text)
			}
			w.awaitLog("the server process")
			w.barrier()
			w.mustStop()
			w.never("server 2")
			w.never("a 2")
			if n := strings.Count(w.text(&w.lines), "malformed control message"); n != 1 {
				t.Errorf("%d complaints, want 1:\n%s", n, w.text(&w.lines))
			}
		})
	}
}

// TestSpared: a process that the server does not understand is replaced before it
// ends, not killed.
func TestSpared(t *testing.T) {
	w := newWorld(t, "a")
	w.mustStart()
	first := w.process("a 1")
	w.process("server 1").say(wire.Broken, wire.Breach{
		ProcessID: wire.ProcessID{Group: "a", PID: first.pid}, Reason: "malformed control message: x", Spare: true,
	})
	w.await("a 1: stop shutdown_signal")
	w.happened("a 2 ready", "server 1: attach a 2", "server 1: detach a 1", "a 1: stop shutdown_signal")
	w.awaitLog("of group a is replaced: malformed control message: x")
	w.mustStop()
	w.never("a 1 killed")
}

// TestDeaf: a process that lives on without its control socket is replaced. It cannot be
// told to stop, and is killed when it is to, however long it might take.
func TestDeaf(t *testing.T) {
	w := newWorld(t, "a")
	o := &w.p.o.Groups[0].Options
	o.GracefulTimeout, o.ShutdownTimeout = timeout.None, timeout.None
	w.mustStart()
	if err := w.process("a 1").its.Close(); err != nil {
		t.Fatal(err)
	}
	w.awaitLog("of group a is replaced: its control socket is closed")
	w.happened("a 1 ready")
	w.await("server 1: gone a 1")
	w.happened("a 2 ready", "server 1: attach a 2", "server 1: detach a 1", "a 1 killed", "server 1: gone a 1")
	w.awaitLog("ended: killed, because it cannot be told to stop: send control message")
	w.mustStop()
}

// TestDeafServer: neither a stop nor a reload waits for a server that cannot be told of it.
func TestDeafServer(t *testing.T) {
	for name, end := range map[string]func(*world) string{"stop": stopped, "reload": reloaded} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "a")
			w.p.o.Graceful = timeout.None
			w.mustStart()
			if err := w.process("server 1").its.Close(); err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprintf("the server process %d was killed: it cannot be told to stop: send control message", w.process("server 1").pid)
			if got := end(w); !strings.Contains(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			w.happened("server 1 killed", "a 1: stop shutdown_signal")
		})
	}
}

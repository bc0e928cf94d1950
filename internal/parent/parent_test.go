package parent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/spawn"
	"github.com/gophersnake/gophersnake/internal/timeout"
	"github.com/gophersnake/gophersnake/internal/wire"
)

func TestStartAndStop(t *testing.T) {
	w := newWorld(t, "a")
	w.mustStart()
	w.happened("server 1 started", "server 1 ready", "server 1: serve", "server 1: attach a 1")
	w.happened("server 1 ready", "a 1 started", "a 1 ready", "server 1: attach a 1")
	if r, ok := w.p.Ready("a"); !ok || r.Python != "3.14.0 of a 1" {
		t.Errorf("ready: %+v, %v", r, ok)
	}
	if _, ok := w.p.Ready("b"); ok {
		t.Error("a group that is not there is ready")
	}
	if f := w.barrier()["a"]; f.Waiting != w.process("server 1").pid {
		t.Errorf("figures %+v", f)
	}
	if groups := w.p.Groups(); len(groups) != 1 || groups[0].Group != "a" || groups[0].Places[0].Processes[0].Pid != w.process("a 1").pid {
		t.Errorf("groups %+v", groups)
	}
	w.mustStop()
	w.happened("server 1: attach a 1", "server 1: stop the last one", "a 1: stop shutdown_signal")
	w.never("server 2")
	if err := w.reload(); !errors.Is(err, ErrStopped) {
		t.Errorf("reload after the end: %v", err)
	}
}

// TestFiguresForMany: each who asks gets an answer.
func TestFiguresForMany(t *testing.T) {
	w := newWorld(t, "a")
	w.mustStart()
	var asking sync.WaitGroup
	for range 20 {
		asking.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if f, err := w.p.Figures(ctx); err != nil || len(f) != 1 {
				t.Errorf("%v, %v", f, err)
			}
		})
	}
	asking.Wait()
}

// TestFiguresInTurn: a server that does not answer is waited for no longer than
// the caller wants, and its late answer is not taken for the next.
func TestFiguresInTurn(t *testing.T) {
	w := newWorld(t, "a")
	if f, err := w.p.Figures(t.Context()); f != nil || err != nil {
		t.Errorf("before the start: %v, %v", f, err)
	}
	w.mustStart()
	server := w.process("server 1")
	server.ignore(wire.Report)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.p.Figures(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	next := make(chan map[string]wire.GroupFigures, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		f, err := w.p.Figures(ctx)
		if err != nil {
			t.Error(err)
		}
		next <- f
	}()
	w.until("two questions", func() bool { return strings.Count(strings.Join(w.notes, " "), "server 1: report") == 2 })
	server.say(wire.Figures, []wire.GroupFigures{{Group: "a", Waiting: 1}})
	server.say(wire.Figures, []wire.GroupFigures{{Group: "a", Waiting: 2}})
	if f := <-next; f["a"].Waiting != 2 {
		t.Errorf("got %+v", f)
	}
}

// TestReload: the new processes are ready before the old ones are told to end.
func TestReload(t *testing.T) {
	w := newWorld(t, "a")
	w.mustStart()
	wait, open := w.gate()
	w.behave(func(f *fake) {
		if f.name == "a 2" {
			wait()
		}
		f.ready()
	})
	reloaded := make(chan error, 1)
	go func() { reloaded <- w.reload() }()
	w.await("a 2 started")
	w.barrier()
	w.never("server 1: stop")
	w.never("a 1: stop")
	old := w.process("server 1")
	old.ignore(wire.Stop) // its requests take their time
	open()
	w.await("server 1: stop ")
	if pid := w.p.Groups()[0].Places[0].Processes[0].Pid; pid != w.process("a 2").pid {
		t.Errorf("process %d is shown while the old server ends, want that of a 2", pid)
	}
	w.never("a 1: stop")
	old.exit(spawn.Exit{})
	if err := <-reloaded; err != nil {
		t.Fatal(err)
	}
	w.barrier()
	w.happened("server 2 started", "server 2 ready", "a 2 started", "a 2 ready", "server 1: stop ", "a 1: stop shutdown_signal")
	w.happened("a 2 ready", "server 2: attach a 2", "server 2: serve")
	w.mustStop()
	w.happened("a 1: stop shutdown_signal", "server 2: stop the last one", "a 2: stop shutdown_signal")
}

// TestReloadFails: the old processes go on.
func TestReloadFails(t *testing.T) {
	for name, c := range map[string]struct {
		born   func(*fake)
		refuse string
		want   string
	}{
		"server says why": {born: func(f *fake) { f.fail("no rights", "") }, want: "no rights"},
		"server dies":     {born: func(f *fake) { f.exit(spawn.Exit{Status: 3}) }, want: "exited with status 3"},
		"no server":       {born: (*fake).ready, refuse: "server 2", want: "no server 2"},
		"no daemon":       {born: (*fake).ready, refuse: "a ", want: "no a "},
		"daemon says why": {born: func(f *fake) {
			if f.kind == "a" {
				f.fail("no Python", "install one")
				return
			}
			f.ready()
		}, want: "no Python"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "a")
			w.mustStart()
			w.behave(c.born)
			w.refuseTo(func(name string) error {
				if c.refuse != "" && strings.HasPrefix(name, c.refuse) {
					return errors.New("no " + c.refuse)
				}
				return nil
			})
			err := w.reload()
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "the old processes go on") {
				t.Errorf("got %v", err)
			}
			w.barrier()
			for _, f := range w.all() {
				if old := strings.HasSuffix(f.name, " 1"); old == ended(f) {
					t.Errorf("%s: ended %v", f.name, ended(f))
				}
			}
			w.never("server 1: stop")
			w.never("server 2: serve")
			w.mustStop()
		})
	}
}

// TestServerCannotStart: the reason and what to do are passed on, and nothing is
// left.
func TestServerCannotStart(t *testing.T) {
	w := newWorld(t, "a")
	w.behave(func(f *fake) { f.fail("the socket is gone", "start again") })
	var start *StartError
	if err := w.p.Start(); !errors.As(err, &start) || start.Reason != "the socket is gone" || start.Repair != "start again" {
		t.Errorf("got %v", err)
	}
	w.never("a ")
	if !ended(w.process("server 1")) {
		t.Error("the server is left over")
	}
}

// TestStopDuringStart: a group that never becomes ready does not hold it up.
func TestStopDuringStart(t *testing.T) {
	w := newWorld(t, "a")
	w.behave(func(f *fake) {
		if f.kind == "server" {
			f.ready()
		}
	})
	started := make(chan error, 1)
	go func() { started <- w.p.Start() }()
	w.await("a 1 started")
	w.mustStop()
	if err := <-started; !errors.Is(err, ErrStopped) {
		t.Errorf("got %v", err)
	}
	for _, f := range w.all() {
		if !ended(f) {
			t.Errorf("%s is left over", f.name)
		}
	}
}

// TestStopAtOnce: what does not obey is killed when force says so, and named.
func TestStopAtOnce(t *testing.T) {
	w := newWorld(t, "a")
	w.mustStart()
	w.process("server 1").ignore(wire.Stop)
	w.process("a 1").ignore(wire.Stop)
	force, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- w.p.Stop(force) }()
	w.await("server 1: stop the last one")
	cancel()
	err := <-stopped
	if err == nil || !strings.Contains(err.Error(), "the server process was killed") || !strings.Contains(err.Error(), "end process group a") {
		t.Errorf("got %v", err)
	}
	w.happened("server 1 killed", "a 1 killed")
}

// stopped stops the Parent, and returns what it complains of.
func stopped(w *world) string {
	if err := w.p.Stop(context.Background()); err != nil {
		return err.Error()
	}
	return ""
}

// reloaded reloads it, and returns the log.
func reloaded(w *world) string {
	w.t.Helper()
	if err := w.reload(); err != nil {
		w.t.Error(err)
	}
	return w.text(&w.lines)
}

// TestServerThatDoesNotEnd: it is killed when its times are over, at a stop and
// after a reload, and the error names them.
func TestServerThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*world) string{"stop": stopped, "reload": reloaded} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "a")
			w.p.o.Graceful = timeout.Limit(10 * time.Millisecond)
			w.mustStart()
			w.process("server 1").ignore(wire.Stop)
			want := fmt.Sprintf("the server process %d did not end within graceful-timeout=10ms: killed", w.process("server 1").pid)
			if got := end(w); !strings.Contains(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			w.happened("server 1 killed", "a 1: stop shutdown_signal")
		})
	}
}

func TestServerLimits(t *testing.T) {
	const second = timeout.Limit(time.Second)
	for _, c := range []struct {
		limits serverLimits
		all    timeout.Limit
		text   string
	}{
		{serverLimits{15 * second, 5 * second, false}, 18 * second, "graceful-timeout=15s"},
		{serverLimits{15 * second, 5 * second, true}, 23 * second, "graceful-timeout=15s and shutdown-timeout=5s"},
		{serverLimits{timeout.None, 5 * second, false}, timeout.None, "graceful-timeout=no limit"},
		{serverLimits{15 * second, timeout.None, false}, 18 * second, "graceful-timeout=15s"},
		{serverLimits{15 * second, timeout.None, true}, timeout.None, "graceful-timeout=15s and shutdown-timeout=no limit"},
	} {
		if c.limits.all() != c.all || c.limits.String() != c.text {
			t.Errorf("%+v: %v, %q", c.limits, c.limits.all(), c.limits.String())
		}
	}
}

// TestStopWhileReplacedServerEnds: the server that serves is told at once, and
// after Stopping was called.
func TestStopWhileReplacedServerEnds(t *testing.T) {
	w := newWorld(t, "a")
	w.p.o.Stopping = func() { w.note("sockets closed") }
	w.mustStart()
	w.process("server 1").ignore(wire.Stop) // its requests take their time
	reloaded := make(chan error, 1)
	go func() { reloaded <- w.reload() }()
	w.await("server 1: stop ")
	stopped := make(chan error, 1)
	go func() { stopped <- w.p.Stop(context.Background()) }()
	w.await("server 2: stop the last one")
	w.happened("sockets closed", "server 2: stop the last one")
	w.process("server 1").exit(spawn.Exit{})
	if err := errors.Join(<-reloaded, <-stopped); err != nil {
		t.Error(err)
	}
}

// TestStopDuringReload: a start that was under way is given up, and nobody is told
// to stop twice.
func TestStopDuringReload(t *testing.T) {
	w := newWorld(t, "a")
	w.mustStart()
	wait, open := w.gate()
	w.behave(func(f *fake) { wait() })
	reloaded := make(chan error, 1)
	go func() { reloaded <- w.reload() }()
	w.await("server 2 started")
	w.mustStop()
	if err := <-reloaded; !errors.Is(err, ErrStopped) {
		t.Errorf("reload: %v", err)
	}
	open()
	w.happened("server 1: stop the last one")
	w.happened("server 2 killed")
}

// TestServerDies: another takes its place, with daemons of its own; the old ones
// are told to stop, and not replaced.
func TestServerDies(t *testing.T) {
	w := newWorld(t, "a")
	w.mustStart()
	w.process("server 1").exit(spawn.Exit{Status: 9})
	w.await("server 2: attach a 2")
	w.await("a 1: stop shutdown_signal")
	w.awaitLog("exited with status 9")
	w.process("server 2").exit(spawn.Exit{Status: 0})
	w.await("server 3: attach a 3")
	w.mustStop()
	w.never("a 4 started")
	w.never("server 4 started")
}

// TestServerDiesDuringStart: the start has failed, and says how it ended.
func TestServerDiesDuringStart(t *testing.T) {
	w := newWorld(t, "a")
	w.behave(func(f *fake) {
		if f.kind == "server" {
			f.ready()
		}
	})
	started := make(chan error, 1)
	go func() { started <- w.p.Start() }()
	w.await("a 1 started")
	w.process("server 1").exit(spawn.Exit{Signal: syscall.SIGSEGV})
	if err := <-started; err == nil || !strings.Contains(err.Error(), "the server process ended while its groups started: killed by signal 11") {
		t.Errorf("got %v", err)
	}
	if !ended(w.process("a 1")) {
		t.Error("the daemon is left over")
	}
}

// TestServerDiesBetween: an end in the moment between a start and its success is
// not missed.
func TestServerDiesBetween(t *testing.T) {
	w := newWorld(t, "a")
	g, err := w.p.startGeneration(w.p.life, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.process("server 1").exit(spawn.Exit{Status: 9})
	g.server.done.Wait()
	w.p.set(g)
	w.await("server 2: attach a 2")
	w.mustStop()
	w.never("server 3")
}

// TestServerDiesDuringReload: the new server takes over at once, not only when
// its groups are ready, and no third one is started.
func TestServerDiesDuringReload(t *testing.T) {
	w := newWorld(t, "a")
	w.mustStart()
	wait, open := w.gate()
	w.behave(func(f *fake) {
		if f.kind == "a" {
			wait()
		}
		f.ready()
	})
	reloaded := make(chan error, 1)
	go func() { reloaded <- w.reload() }()
	w.await("a 2 started")
	w.never("server 2: serve")
	w.process("server 1").exit(spawn.Exit{Status: 9})
	w.await("server 2: serve")
	w.awaitLog("exited with status 9")
	open()
	if err := <-reloaded; err != nil {
		t.Error(err)
	}
	w.p.owned.Wait()
	w.barrier()
	w.mustStop()
	w.never("server 3")
	w.never("a 3")
}

// TestReloadAfterServerDied: groups of a server that is gone are not taken out of
// service by a reload.
func TestReloadAfterServerDied(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.mustStart()
	wait, open := w.gate()
	w.behave(func(f *fake) {
		if f.kind == "b" {
			wait()
			f.fail("no more", "")
			return
		}
		f.ready()
	})
	reloaded := make(chan error, 1)
	go func() { reloaded <- w.reload() }()
	w.await("b 2 started")
	w.process("server 1").exit(spawn.Exit{Status: 9})
	w.await("server 2: serve")
	open()
	if err := <-reloaded; err != nil {
		t.Errorf("got %v", err)
	}
	w.mustStop()
}

// TestServerDiesAsksNothing: daemons that ask for a replacement because their
// server is gone get none: the next server brings them.
func TestServerDiesAsksNothing(t *testing.T) {
	w := newWorld(t, "a")
	w.mustStart()
	wait, open := w.gate()
	w.behave(func(f *fake) {
		if f.kind == "server" {
			wait()
		}
		f.ready()
	})
	w.process("server 1").exit(spawn.Exit{Status: 9})
	w.await("server 2 started")
	w.process("a 1").say(wire.Retire, wire.Retirement{Reason: "shutdown_signal", Text: "its server is gone", Stuck: true})
	open()
	w.await("server 2: attach a 2")
	w.await("a 1: stop shutdown_signal")
	w.mustStop()
	w.never("a 3 started")
}

// TestServerCannotBeReplaced: it is tried again, and the log says so.
func TestServerCannotBeReplaced(t *testing.T) {
	w := newWorld(t, "a")
	w.mustStart()
	refusals := 2
	w.refuseTo(func(string) error {
		if refusals == 0 {
			return nil
		}
		refusals--
		return errors.New("no memory")
	})
	w.process("server 1").exit(spawn.Exit{Status: 9})
	w.awaitLog("start another server: no memory; trying again in 200ms")
	w.await("a 2 ready")
	w.mustStop()
}

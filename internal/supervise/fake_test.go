package supervise

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gophersnake/gophersnake/internal/logs"
)

// errNoSuchProcess is what the system says of one that has gone.
var errNoSuchProcess = fs.ErrNotExist

// fake is a process that does what the test wants.
type fake struct {
	w        *world
	spec     Spec
	pid      int
	begun    time.Time
	commands []string // with the time since the start of the world
	drained  func()   // what it does then; nil: it goes on
	stopped  func()
	immortal bool // does not even obey Kill
	dead     bool
}

func (f *fake) Pid() int { return f.pid }

func (f *fake) Drain(reason string) {
	f.command("drain: " + reason)
	if f.drained != nil {
		f.drained()
	}
}

func (f *fake) Stop() {
	f.command("stop")
	if f.stopped != nil {
		f.stopped()
	}
}

func (f *fake) Kill() {
	f.command("kill")
	if !f.immortal {
		f.exit(Exit{Signal: syscall.SIGKILL})
	}
}

func (f *fake) command(c string) {
	f.commands = append(f.commands, c)
	f.w.note("%d %s", f.pid, c)
}

func (f *fake) ready()            { f.spec.Events(Event{Kind: Ready}) }
func (f *fake) fail(why string)   { f.spec.Events(Event{Kind: Failed, Reason: why}) }
func (f *fake) asks(why string)   { f.spec.Events(Event{Kind: Asks, Reason: why}) }
func (f *fake) exitStatus(st int) { f.exit(Exit{Status: st}) }

func (f *fake) exit(e Exit) {
	if !f.dead {
		f.dead = true
		e.Pid = f.pid
		f.spec.Events(Event{Kind: Exited, Exit: e})
	}
}

// world is the surroundings of a group under test, in a synctest bubble. Its
// fields are touched by the group's goroutine, and by the test while that
// waits.
type world struct {
	t         *testing.T
	g         *Group
	began     time.Time
	processes []*fake // all that there were; pids from 101
	born      func(*fake)
	refuse    error // of Start
	memory    map[int]int64
	notes     []string // commands and the observer's calls, in order
	logged    []string
	running   bool
}

// newWorld makes a group, which begins with the first run, with processes that are ready after a second, drain
// at once and stop at once.
func newWorld(t *testing.T, o Options) *world {
	w := &world{t: t, began: time.Now(), memory: map[int]int64{}}
	w.born = func(f *fake) { w.later(time.Second, f.ready) }
	o.Name = "app"
	o.Observer = w
	o.Start = w.start
	o.Log = func(level logs.Level, text string) { w.logged = append(w.logged, fmt.Sprintf("%v: %s", level, text)) }
	o.Resident = func(pid int) (int64, error) {
		if n, ok := w.memory[pid]; ok {
			return n, nil
		}
		return 0, errNoSuchProcess
	}
	if o.Random == nil {
		o.Random = func() float64 { return 0 }
	}
	var err error
	if w.g, err = newGroup(o); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) start(s Spec) (Process, error) {
	if w.refuse != nil {
		w.note("start refused")
		return nil, w.refuse
	}
	f := &fake{w: w, spec: s, pid: 101 + len(w.processes), begun: time.Now()}
	f.drained = func() { f.exitStatus(0) }
	f.stopped = func() { f.exitStatus(0) }
	w.processes = append(w.processes, f)
	w.note("%d start %d", f.pid, s.Number)
	w.born(f)
	return f, nil
}

// later calls f in the group's goroutine, so that the test's data need no lock.
func (w *world) later(d time.Duration, f func()) {
	time.AfterFunc(d, func() { w.g.post(f) })
}

func (w *world) note(format string, args ...any) {
	at := time.Since(w.began)
	w.notes = append(w.notes, fmt.Sprintf("%v %s", at, fmt.Sprintf(format, args...)))
}

func (w *world) Up(p Process, about Info) {
	if p.Pid() != about.Pid || about.State != InService {
		w.t.Errorf("up: process %d, %+v", p.Pid(), about)
	}
	w.note("%d up", p.Pid())
}

func (w *world) Draining(p Process, _ Info) { w.note("%d draining", p.Pid()) }

func (w *world) Down(p Process, about Info, e Ending) {
	if about.State != Gone || e.Pid != p.Pid() {
		w.t.Errorf("down: %+v, %+v", about, e)
	}
	w.note("%d down: %v", p.Pid(), e)
}

func (w *world) CannotStart(f Failure) {
	old := ""
	if f.Old {
		old = ", old in service"
	}
	w.note("cannot start %d: %s, next in %v%s", f.Number, f.Reason, f.Next, old)
}

// run lets time pass, and everything settle.
func (w *world) run(d time.Duration) {
	if !w.running {
		w.running = true
		go w.g.run() // ends with shutdown
	}
	w.g.post(func() {}) // so that the group sees what the test has changed
	synctest.Wait()
	<-time.After(d) // by the bubble's clock
	synctest.Wait()
}

// expect compares what has happened since the last call.
func (w *world) expect(want string) {
	w.t.Helper()
	synctest.Wait()
	var lines []string
	for l := range strings.Lines(want) {
		if l = strings.TrimSpace(l); l != "" {
			lines = append(lines, l)
		}
	}
	if !slices.Equal(w.notes, lines) {
		w.t.Errorf("happened:\n%s\nwant:\n%s", strings.Join(w.notes, "\n"), strings.Join(lines, "\n"))
	}
	w.notes = nil
}

// process returns one by its pid.
func (w *world) process(pid int) *fake {
	w.t.Helper()
	if i := pid - 101; i >= 0 && i < len(w.processes) {
		return w.processes[i]
	}
	w.t.Fatalf("there is no process %d", pid)
	return nil
}

// shutdown ends the group and wants all to go well.
func (w *world) shutdown() {
	w.t.Helper()
	if err := w.g.Shutdown(context.Background()); err != nil {
		w.t.Error(err)
	}
}

// states lists the states of all processes: "101 ready, 102 starting".
func (w *world) states() string {
	synctest.Wait()
	var all []string
	for _, p := range w.g.Snapshot().Places {
		for _, i := range p.Processes {
			all = append(all, fmt.Sprintf("%d %v", i.Pid, i.State))
		}
	}
	return strings.Join(all, ", ")
}

// mustLog wants a line of the log with that text.
func (w *world) mustLog(text string) {
	w.t.Helper()
	synctest.Wait()
	for _, l := range w.logged {
		if strings.Contains(l, text) {
			return
		}
	}
	w.t.Errorf("nothing in the log says %q:\n%s", text, strings.Join(w.logged, "\n"))
}

var errTest = errors.New("no memory for a process")

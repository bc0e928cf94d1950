package parent

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/procgroup"
	"github.com/gophersnake/gophersnake/internal/spawn"
	"github.com/gophersnake/gophersnake/internal/timeout"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// firstPID is above every number that the system gives a process.
const firstPID = 1 << 22

// world is the surroundings of a Parent under test: its processes are
// goroutines, at the other end of real control sockets.
type world struct {
	t *testing.T
	p *Parent

	mu        sync.Mutex
	born      func(*fake)             // what a process does at its start
	refuse    func(name string) error // why there is no process
	processes []*fake
	nextPID   int
	counts    map[string]int
	notes     []string // what happened, in order
	lines     []string // of the log
	changed   chan struct{}
	running   sync.WaitGroup
}

// newWorld makes a Parent with these groups, which ends with the test.
func newWorld(t *testing.T, groups ...string) *world {
	w := &world{t: t, nextPID: firstPID, counts: map[string]int{}, changed: make(chan struct{})}
	w.behave((*fake).ready)
	o := Options{
		Server:   func() (Process, error) { return w.start("server", nil, nil) },
		Graceful: timeout.Limit(patience), Shutdown: timeout.Limit(patience), Log: w,
	}
	for _, name := range groups {
		options := procgroup.Defaults()
		options.Name = name
		o.Groups = append(o.Groups, Group{Options: *options, Daemon: func(server *os.File, serverPID int, known *wire.NotLoaded) (Process, error) {
			if !w.isServer(serverPID) {
				t.Errorf("a process of group %s is to work for %d, which is no server", name, serverPID)
			}
			return w.start(name, server, known)
		}})
	}
	w.p = New(o)
	t.Cleanup(w.end)
	return w
}

// end makes sure that nothing is left.
func (w *world) end() {
	force, cancel := context.WithCancel(context.Background())
	cancel()
	_ = w.p.Stop(force) // tests that care have stopped it already
	for _, f := range w.all() {
		if !ended(f) {
			w.t.Errorf("%s is left over", f.name)
			f.exit(spawn.Exit{})
		}
	}
	w.running.Wait()
}

func (w *world) all() []*fake {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.processes)
}

// start starts a process of a kind: "server", or a group.
func (w *world) start(kind string, server *os.File, known *wire.NotLoaded) (Process, error) {
	w.mu.Lock()
	w.counts[kind]++
	f := &fake{w: w, kind: kind, known: known, name: fmt.Sprintf("%s %d", kind, w.counts[kind]), done: make(chan struct{})}
	f.pid, f.born = w.nextPID, w.born
	w.nextPID++
	err := w.refuse(f.name)
	w.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if (kind == "server") != (server == nil) {
		w.t.Errorf("%s: socket %v", f.name, server)
	}
	if err := f.connect(); err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.processes = append(w.processes, f)
	w.mu.Unlock()
	w.note("%s started", f.name)
	w.running.Go(f.run)
	return f, nil
}

// behave sets what processes do at their start from now on.
func (w *world) behave(born func(*fake)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.born, w.refuse = born, func(string) error { return nil }
}

// refuseTo has starts of processes fail from now on.
func (w *world) refuseTo(refuse func(name string) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refuse = refuse
}

// gate returns what waits until open is called, at the latest at the end of the
// test.
func (w *world) gate() (wait, open func()) {
	gate := make(chan struct{})
	open = sync.OnceFunc(func() { close(gate) })
	w.t.Cleanup(open)
	return func() { <-gate }, open
}

// Log keeps the lines.
func (w *world) Log(r logs.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, fmt.Sprintf("%v: %s", r.Level, r.Message))
	w.changeLocked()
}

// Enabled lets all of them be made.
func (w *world) Enabled(logs.Level) bool { return true }

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notes = append(w.notes, fmt.Sprintf(format, args...))
	w.changeLocked()
}

func (w *world) changeLocked() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// until waits for a condition of notes and lines.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		w.mu.Lock()
		done, changed := ok(), w.changed
		w.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-timeout.C:
			w.t.Fatalf("not within %v: %s; happened:\n%s\nlog:\n%s", patience, what, w.text(&w.notes), w.text(&w.lines))
		}
	}
}

func (w *world) text(list *[]string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(*list, "\n")
}

// await waits for a note.
func (w *world) await(note string) {
	w.t.Helper()
	w.until(note, func() bool { return slices.Contains(w.notes, note) })
}

// awaitLog waits for a line with a text.
func (w *world) awaitLog(text string) {
	w.t.Helper()
	w.until("a line with "+text, func() bool {
		return slices.ContainsFunc(w.lines, func(line string) bool { return strings.Contains(line, text) })
	})
}

// happened wants these notes to be there, in this order; others may be between.
func (w *world) happened(wanted ...string) {
	w.t.Helper()
	all := strings.Split(w.text(&w.notes), "\n")
	rest := all
	for _, note := range wanted {
		i := slices.Index(rest, note)
		if i < 0 {
			w.t.Fatalf("%q is missing, or not in its place; happened:\n%s\nwant:\n%s", note, strings.Join(all, "\n"), strings.Join(wanted, "\n"))
		}
		rest = rest[i+1:]
	}
}

// never wants no note that begins so.
func (w *world) never(start string) {
	w.t.Helper()
	for line := range strings.Lines(w.text(&w.notes)) {
		if strings.HasPrefix(line, start) {
			w.t.Errorf("happened: %s", line)
		}
	}
}

// barrier returns when the server that serves has done what it was told.
func (w *world) barrier() map[string]wire.GroupFigures {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	figures, err := w.p.Figures(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	return figures
}

// mustStart starts the Parent, and waits until the server knows all processes
// that are ready.
func (w *world) mustStart() {
	w.t.Helper()
	if err := w.p.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.barrier()
}

// reload reloads the Parent, and waits until the old processes have ended.
func (w *world) reload() error {
	ended, err := w.p.Reload()
	if err == nil {
		<-ended
	}
	return err
}

// mustStop stops the Parent, with nothing to complain of.
func (w *world) mustStop() {
	w.t.Helper()
	if err := w.p.Stop(context.Background()); err != nil {
		w.t.Error(err)
	}
}

func (w *world) isServer(pid int) bool {
	return slices.ContainsFunc(w.all(), func(f *fake) bool { return f.pid == pid && f.kind == "server" })
}

// process returns one by its name.
func (w *world) process(name string) *fake {
	w.t.Helper()
	for _, f := range w.all() {
		if f.name == name {
			return f
		}
	}
	w.t.Fatalf("there is no process %q", name)
	return nil
}

// nameOf names a process for a note.
func (w *world) nameOf(id wire.ProcessID) string {
	for _, f := range w.all() {
		if f.pid == id.PID && f.kind == id.Group {
			return f.name
		}
	}
	return fmt.Sprintf("unknown %d of %s", id.PID, id.Group)
}

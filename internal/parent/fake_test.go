package parent

import (
	"errors"
	"os"
	"sync"
	"syscall"

	"github.com/gophersnake/gophersnake/internal/control"
	"github.com/gophersnake/gophersnake/internal/spawn"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// fake is a process.
type fake struct {
	w          *world
	kind, name string
	known      *wire.NotLoaded
	pid        int
	born       func(*fake)
	ours       *control.Conn // the Parent's
	its        *control.Conn
	done       chan struct{}
	once       sync.Once
	status     spawn.Exit

	mu   sync.Mutex
	deaf map[string]bool // orders that it does not follow
}

var _ Process = (*fake)(nil)

func (f *fake) connect() error {
	a, b, err := control.Pair()
	if err != nil {
		return err
	}
	ours, err1 := control.Open(a)
	its, err2 := control.Open(b)
	f.ours, f.its = ours, its
	return errors.Join(err1, err2)
}

func (f *fake) Pid() int               { return f.pid }
func (f *fake) Control() *control.Conn { return f.ours }
func (f *fake) Done() <-chan struct{}  { return f.done }
func (f *fake) Wait() spawn.Exit       { <-f.done; return f.status }

// Signal kills it: the Parent sends nothing else.
func (f *fake) Signal(s syscall.Signal) error {
	if ended(f) {
		return os.ErrProcessDone
	}
	f.w.note("%s killed", f.name)
	f.exit(spawn.Exit{Signal: s})
	return nil
}

// exit ends it.
func (f *fake) exit(e spawn.Exit) {
	f.once.Do(func() {
		e.Pid = f.pid
		f.status = e
		f.its.Close()
		close(f.done)
	})
}

func (f *fake) say(kind string, payload any) {
	if err := f.its.Send(kind, payload); err != nil && !ended(f) {
		f.w.t.Errorf("%s says %s: %v", f.name, kind, err)
	}
}

func (f *fake) ready() {
	f.w.note("%s ready", f.name)
	f.say(wire.Ready, wire.Readiness{Python: "3.14.0 of " + f.name})
}

// fail says that it cannot start, and ends.
func (f *fake) fail(reason, repair string) {
	f.say(wire.Failed, wire.Failure{Reason: reason, Repair: repair})
	f.exit(spawn.Exit{Status: 1})
}

// ignore has it not follow an order.
func (f *fake) ignore(kind string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.deaf == nil {
		f.deaf = map[string]bool{}
	}
	f.deaf[kind] = true
}

func (f *fake) follows(kind string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.deaf[kind]
}

// run follows orders until its end.
func (f *fake) run() {
	f.born(f)
	for {
		m, err := f.its.Receive()
		if err != nil {
			return
		}
		f.obey(&m)
		m.Close()
	}
}

func (f *fake) obey(m *control.Message) {
	var process wire.Process
	var id wire.ProcessID
	var down wire.Unavailable
	var stop wire.Stopping
	decode := func(v any) {
		if err := m.Decode(v); err != nil {
			f.w.t.Error(err)
		}
	}
	switch m.Kind {
	case wire.Serve:
		f.w.note("%s: serve", f.name)
	case wire.Attach:
		decode(&process)
		f.w.note("%s: attach %s", f.name, f.w.nameOf(process.ProcessID))
		if len(m.Files) != 1 {
			f.w.t.Errorf("%d files", len(m.Files))
		}
	case wire.Detach:
		decode(&id)
		f.w.note("%s: detach %s", f.name, f.w.nameOf(id))
		if f.follows(wire.Detach) {
			f.say(wire.Idle, id)
		}
	case wire.Mark, wire.Keep:
		var marking wire.Marking // the place is that of Keeping, too
		decode(&marking)
		f.w.note("%s: %s", f.name, m.Kind)
		f.w.note("%s: %s for place %d", f.name, m.Kind, marking.Place)
		if m.Kind == wire.Keep {
			f.say(wire.Kept, nil)
		}
	case wire.Restore:
		var restored wire.Restoration
		decode(&restored)
		f.w.note("%s: restore %s: %s", f.name, f.w.nameOf(restored.ProcessID), restored.Reason)
	case wire.Gone:
		decode(&id)
		f.w.note("%s: gone %s", f.name, f.w.nameOf(id))
	case wire.Down:
		decode(&down)
		f.w.note("%s: down %s: %s", f.name, down.Group, down.Reason)
	case wire.Report:
		if f.follows(wire.Report) {
			f.say(wire.Figures, []wire.GroupFigures{{Group: "a", Waiting: f.pid}})
			return
		}
		f.w.note("%s: report", f.name)
	case wire.Stop:
		decode(&stop)
		last := ""
		if stop.Last {
			last = "the last one"
		}
		f.w.note("%s: stop %s", f.name, stop.Reason+last)
		if f.follows(wire.Stop) {
			f.exit(spawn.Exit{})
		}
	}
}

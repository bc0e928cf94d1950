package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/gophersnake/gophersnake/internal/control"
	"github.com/gophersnake/gophersnake/internal/daemon"
	"github.com/gophersnake/gophersnake/internal/front"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/procgroup"
	"github.com/gophersnake/gophersnake/internal/ring"
	"github.com/gophersnake/gophersnake/internal/server"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// serverOrders is what the parent tells a server to do.
type serverOrders struct {
	role   *role
	groups map[string]*daemon.Group // by name; not changed any more
	serve  chan struct{}            // closed when connections are to be accepted
	begin  func()                   // closes serve
	stop   func()

	mu        sync.Mutex
	processes map[int]*attached // by pid
}

func newServerOrders(r *role) *serverOrders {
	serve := make(chan struct{})
	return &serverOrders{
		role: r, groups: map[string]*daemon.Group{}, processes: map[int]*attached{},
		serve: serve, begin: sync.OnceFunc(func() { close(serve) }),
	}
}

// applications are those of the plan: each serves in its group or here.
func (s *serverOrders) applications() ([]front.Application, error) {
	plan := &s.role.plan
	var apps []front.Application
	for i, a := range plan.Applications {
		number := plan.Number(i)
		if a.ProcessGroup == "" {
			h := s.role.here[number]
			apps = append(apps, front.Application{App: h.app, Group: h.group})
			continue
		}
		interpreter, err := s.role.applicationGroup(a)
		if err != nil {
			return nil, err
		}
		app := s.groups[a.ProcessGroup].App(daemon.Script{Index: uint32(number), Path: cmp.Or(a.Path, a.Module)})
		app = front.LimitWrites(app, s.patience(plan.Group(a.ProcessGroup)))
		apps = append(apps, front.Application{App: app, Group: interpreter})
	}
	return apps, nil
}

// patience is how long clients may take nothing of the responses of a group; 0 is
// that of the server.
func (s *serverOrders) patience(g *procgroup.Options) time.Duration {
	if d := g.ResponseLimit(0); d != s.role.socketTimeout() {
		return d
	}
	return 0
}

// group returns a process group by its name.
func (s *serverOrders) group(name string) (*daemon.Group, error) {
	if g := s.groups[name]; g != nil {
		return g, nil
	}
	return nil, fmt.Errorf("follow an order of the parent: there is no process group %q", name)
}

// attached is a daemon that the server gives requests to.
type attached struct {
	id      wire.ProcessID
	group   *daemon.Group
	process *daemon.Process
	conn    *control.Conn
	// followed is closed when nothing more comes from the process, removed when the
	// parent has said that it has ended.
	followed, removed chan struct{}
}

var _ server.Host = (*serverOrders)(nil)

// hear follows orders until the parent is gone; then the server ends, too.
func (s *serverOrders) hear() {
	defer s.stop()
	for {
		m, err := s.role.in.Control().Receive()
		if err != nil && !errors.Is(err, io.EOF) {
			s.role.log(logs.Error, "hear from the parent: %v", err)
		}
		if err != nil && !errors.Is(err, control.ErrNoDescriptor) {
			return
		}
		if err := s.obey(&m); err != nil {
			s.role.log(logs.Error, "%v", err)
		}
		m.Close()
	}
}

func (s *serverOrders) obey(m *control.Message) error {
	var process wire.Process
	var id wire.ProcessID
	var gone wire.Departure
	var restored wire.Restoration
	var down wire.Unavailable
	var stopping wire.Stopping
	switch m.Kind {
	case wire.Attach:
		if err := m.Decode(&process); err != nil {
			return err
		}
		err := s.attach(process, m)
		if err != nil { // nobody else would give it up
			s.tell(wire.Broken, wire.Breach{ProcessID: process.ProcessID, Reason: err.Error()})
		}
		return err
	case wire.Detach:
		if err := m.Decode(&id); err != nil {
			return err
		}
		s.detach(id)
	case wire.Gone:
		if err := m.Decode(&gone); err != nil {
			return err
		}
		s.remove(gone)
	case wire.Restore:
		if err := m.Decode(&restored); err != nil {
			return err
		}
		s.restore(restored)
	case wire.Down:
		if err := m.Decode(&down); err != nil {
			return err
		}
		g, err := s.group(down.Group)
		if err != nil {
			return err
		}
		g.SetDown(down.Reason)
	case wire.Report:
		return s.role.in.Control().Send(wire.Figures, s.figures())
	case wire.Serve:
		s.begin()
	case wire.Stop:
		if err := m.Decode(&stopping); err != nil {
			return err
		}
		if stopping.Last {
			s.role.listener.Last()
		}
		s.stop()
	}
	return nil
}

// attach makes the memory for a process, sends it and begins to use it.
func (s *serverOrders) attach(p wire.Process, m *control.Message) error {
	g, err := s.group(p.Group)
	if err != nil {
		return err
	}
	if len(m.Files) != 1 {
		return fmt.Errorf("attach process %d: %d files came with it, not 1", p.PID, len(m.Files))
	}
	sock := m.Files[0]
	m.Files = nil
	conn, err := control.Open(sock)
	if err != nil {
		return err
	}
	memory, err := s.shareMemory(p, conn)
	if err != nil {
		return errors.Join(fmt.Errorf("attach process %d: %w", p.PID, err), conn.Close())
	}
	a := &attached{id: p.ProcessID, group: g, conn: conn, followed: make(chan struct{}), removed: make(chan struct{})}
	a.process = g.Add(daemon.ProcessOptions{
		PID: p.PID, Threads: p.Threads, Ring: memory, MaxRequests: p.Limit, Early: p.Early,
	})
	s.mu.Lock()
	s.processes[p.PID] = a
	s.mu.Unlock()
	go s.follow(a)
	return nil
}

// environSize is the room for an environ. Heads are limited to less than a
// fourth of it (front.Options), and memory that is not used costs nothing.
const environSize = 1 << 20

// shareMemory makes the memory for a process and sends it.
func (s *serverOrders) shareMemory(p wire.Process, conn *control.Conn) (*ring.Server, error) {
	region, err := ring.Create(daemon.Slots(p.Threads), environSize)
	if err != nil {
		return nil, err
	}
	memory, err := ring.NewServer(region)
	if err != nil {
		return nil, errors.Join(err, region.Close())
	}
	memory.OnMisuse(func(err error) {
		s.role.log(logs.Crit, "process %d: %v; nothing was changed. This is a fault of Gophersnake: please report it", p.PID, err)
	})
	if err := conn.Send(wire.Memory, nil, region.File(), memory.Event()); err != nil {
		return nil, errors.Join(err, memory.Close())
	}
	return memory, nil
}

// detach takes a process out of service and says when no request is left in
// it.
func (s *serverOrders) detach(id wire.ProcessID) {
	a := s.find(id)
	if a == nil {
		s.tell(wire.Idle, id)
		return
	}
	empty := a.group.Drain(a.process)
	go func() { // ends with the requests, or with the process
		select {
		case <-empty:
			s.tell(wire.Idle, id)
		case <-a.removed:
		}
	}()
}

// restore has a process serve on whose replacement could not start.
func (s *serverOrders) restore(r wire.Restoration) {
	a := s.find(r.ProcessID)
	if a == nil || !a.group.Restore(a.process) {
		return
	}
	s.role.log(logs.Error, "process %d of group %s serves on with the code from before the last change, as its replacement could not start (%s); when the script changes again that is tried again",
		r.PID, r.Group, r.Reason)
}

// remove forgets a process that has ended.
func (s *serverOrders) remove(gone wire.Departure) {
	a := s.find(gone.ProcessID)
	if a == nil {
		return
	}
	s.mu.Lock()
	delete(s.processes, gone.PID)
	s.mu.Unlock()
	close(a.removed)
	a.conn.Close()
	<-a.followed
	if gone.Stuck {
		a.group.RemoveStuck(a.process, gone.Cause)
		return
	}
	a.group.Remove(a.process, gone.Cause)
}

// figures is what the parent is told of the groups.
func (s *serverOrders) figures() []wire.GroupFigures {
	var all []wire.GroupFigures
	for i := range s.role.plan.Groups {
		name := s.role.plan.Groups[i].Name
		all = append(all, figuresOf(name, s.groups[name].Snapshot()))
	}
	return all
}

func figuresOf(name string, snapshot daemon.Snapshot) wire.GroupFigures {
	figures := wire.GroupFigures{
		Group: name, Waiting: snapshot.Waiting,
		Rejected: int(snapshot.Rejected), TimedOut: int(snapshot.TimedOut),
	}
	for _, p := range snapshot.Processes {
		figures.Processes = append(figures.Processes, wire.ProcessFigures{
			PID: p.PID, Threads: p.Threads, Running: p.Running, Queued: p.Queued, Served: p.Served,
		})
	}
	return figures
}

// newProcessGroup returns the server's side of a process group.
func (s *serverOrders) newProcessGroup(g *procgroup.Options) *daemon.Group {
	name := wire.GroupName{Group: g.Name}
	id := func(p *daemon.Process) wire.ProcessID { return wire.ProcessID{Group: g.Name, PID: p.PID()} }
	return daemon.NewGroup(daemon.Options{
		Name: g.Name, Log: s.role.logs.errors,
		Backlog: g.ListenBacklog, QueueTimeout: g.QueueTimeout, ConnectTimeout: g.ConnectTimeout,
		SocketTimeout: g.SocketLimit(s.role.socketTimeout()), HeaderBufferSize: g.HeaderBufferSize,
		OnStale: func() { s.tell(wire.Stale, name) },
		OnLimit: func(p *daemon.Process) { s.tell(wire.Limit, id(p)) },
		OnBroken: func(p *daemon.Process, err error) {
			s.tell(wire.Broken, wire.Breach{ProcessID: id(p), Reason: err.Error()})
		},
	})
}

func (s *serverOrders) find(id wire.ProcessID) *attached {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.processes[id.PID]
}

// tell sends the parent something about a process.
func (s *serverOrders) tell(kind string, payload any) {
	if err := s.role.in.Control().Send(kind, payload); err != nil {
		s.role.log(logs.Error, "%v", err)
	}
}

// Close gives up the memory of the daemons, which the parent ends, and ends the
// applications in this process.
func (s *serverOrders) Close(ctx context.Context) error {
	for _, g := range s.groups {
		g.Close()
	}
	if s.role.python != nil {
		if s.role.front.Cut() {
			s.role.python.Abandon()
		}
		return s.role.python.Close(ctx)
	}
	return nil
}

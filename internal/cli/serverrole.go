package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/signal"
	"sync"
	"syscall"

	"github.com/gophersnake/gophersnake/internal/account"
	"github.com/gophersnake/gophersnake/internal/control"
	"github.com/gophersnake/gophersnake/internal/daemon"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/ring"
	"github.com/gophersnake/gophersnake/internal/server"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// serve runs a server process: it answers HTTP and gives requests to the
// daemons that the parent tells it of.
func (r *role) serve() int {
	setCollector()
	orders := &serverOrders{role: r, processes: map[int]*attached{}}
	if err := r.prepareServer(orders); err != nil {
		return r.fail(err)
	}
	// Only the parent ends a server.
	signal.Ignore(syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGTERM, syscall.SIGINT)
	stop, cancel := context.WithCancel(context.Background())
	defer cancel()
	orders.stop = cancel
	heard := make(chan struct{})
	go func() { defer close(heard); orders.hear() }()
	if err := r.in.Control().Send(wire.Ready, wire.Readiness{}); err != nil {
		return statusFailure
	}
	err := server.Run(stop, context.Background(), server.Options{
		Listener: r.listener, Front: r.front, Host: orders, Log: r.logs.errors,
		Graceful: orNone(r.o.Group.GracefulTimeout), Shutdown: orNone(r.o.Group.ShutdownTimeout),
	})
	if err != nil {
		r.log(logs.Error, "%v", err)
		return statusFailure
	}
	return statusOK
}

// prepareServer drops rights and makes ready to answer.
func (r *role) prepareServer(orders *serverOrders) (err error) {
	l, err := net.FileListener(r.in.Files()[fileMain])
	if err != nil {
		return fmt.Errorf("take over the listening socket: %w", err)
	}
	r.listener = l.(*net.TCPListener)
	if err := account.Become(r.account); err != nil {
		return err
	}
	if err := r.setGroup(); err != nil {
		return err
	}
	orders.group = orders.newProcessGroup()
	r.front, err = r.newFront(orders.group.App(daemon.Script{Path: r.script().Path}))
	return err
}

// serverOrders is what the parent tells a server to do.
type serverOrders struct {
	role  *role
	group *daemon.Group
	stop  func()

	mu        sync.Mutex
	processes map[int]*attached // by pid
}

// attached is a daemon that the server gives requests to.
type attached struct {
	id      wire.ProcessID
	process *daemon.Process
	conn    *control.Conn
	// followed is closed when nothing more comes from the process.
	followed chan struct{}
}

var _ server.Host = (*serverOrders)(nil)

// hear follows orders until the parent is gone; then the server ends, too.
func (s *serverOrders) hear() {
	defer s.stop()
	for {
		m, err := s.role.in.Control().Receive()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				s.role.log(logs.Error, "hear from the parent: %v", err)
			}
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
	var down wire.Unavailable
	switch m.Kind {
	case wire.Attach:
		if err := m.Decode(&process); err != nil {
			return err
		}
		return s.attach(process, m)
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
	case wire.Down:
		if err := m.Decode(&down); err != nil {
			return err
		}
		s.group.SetDown(down.Reason)
	case wire.Report:
		return s.role.in.Control().Send(wire.Figures, s.figures())
	case wire.Stop:
		s.stop()
	}
	return nil
}

// attach makes the memory for a process, sends it and begins to use it.
func (s *serverOrders) attach(p wire.Process, m *control.Message) error {
	if len(m.Files) != 1 {
		return fmt.Errorf("attach process %d: %d files came with it, not 1", p.PID, len(m.Files))
	}
	sock := m.Files[0]
	m.Files = nil
	conn, err := control.Open(sock)
	if err != nil {
		return err
	}
	memory, err := shareMemory(p, conn)
	if err != nil {
		return errors.Join(fmt.Errorf("attach process %d: %w", p.PID, err), conn.Close())
	}
	a := &attached{id: p.ProcessID, conn: conn, followed: make(chan struct{})}
	a.process = s.group.Add(daemon.ProcessOptions{
		PID: p.PID, Threads: p.Threads, Ring: memory, MaxRequests: p.Limit, Early: p.Early,
	})
	s.mu.Lock()
	s.processes[p.PID] = a
	s.mu.Unlock()
	go a.follow()
	return nil
}

// environSize is the room for an environ. Heads are limited to less than a
// fourth of it (front.Options), and memory that is not used costs nothing.
const environSize = 1 << 20

// shareMemory makes the memory for a process and sends it.
func shareMemory(p wire.Process, conn *control.Conn) (*ring.Server, error) {
	region, err := ring.Create(daemon.Slots(p.Threads), environSize)
	if err != nil {
		return nil, err
	}
	memory, err := ring.NewServer(region)
	if err != nil {
		return nil, errors.Join(err, region.Close())
	}
	if err := conn.Send(wire.Memory, nil, region.File(), memory.Event()); err != nil {
		return nil, errors.Join(err, memory.Close())
	}
	return memory, nil
}

// follow passes on the files that a daemon answers with.
func (a *attached) follow() {
	defer close(a.followed)
	for {
		m, err := a.conn.Receive()
		if err != nil {
			return // the daemon is gone; the parent will say why
		}
		if m.Kind == control.SlotFile {
			a.process.Deliver(int(m.Slot), ring.GenerationOf(m.State), m.Files[0])
			continue
		}
		m.Close()
	}
}

// detach takes a process out of service and says when no request is left in
// it.
func (s *serverOrders) detach(id wire.ProcessID) {
	a := s.find(id)
	if a == nil {
		s.tell(wire.Idle, id)
		return
	}
	empty := s.group.Drain(a.process)
	go func() { // ends with the requests, or with the process
		select {
		case <-empty:
			s.tell(wire.Idle, id)
		case <-a.followed:
		}
	}()
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
	a.conn.Close()
	<-a.followed
	s.group.Remove(a.process, gone.Cause)
}

// figures is what the parent is told of the group.
func (s *serverOrders) figures() []wire.GroupFigures {
	snapshot := s.group.Snapshot()
	figures := wire.GroupFigures{
		Group: s.role.o.Group.Name, Waiting: snapshot.Waiting,
		Rejected: int(snapshot.Rejected), TimedOut: int(snapshot.TimedOut),
	}
	for _, p := range snapshot.Processes {
		figures.Processes = append(figures.Processes, wire.ProcessFigures{
			PID: p.PID, Threads: p.Threads, Running: p.Running, Queued: p.Queued, Served: p.Served,
		})
	}
	return []wire.GroupFigures{figures}
}

// newProcessGroup is the application of a server, and the group behind it.
func (s *serverOrders) newProcessGroup() *daemon.Group {
	g := s.role.o.Group
	name := wire.GroupName{Group: g.Name}
	id := func(p *daemon.Process) wire.ProcessID { return wire.ProcessID{Group: g.Name, PID: p.PID()} }
	return daemon.NewGroup(daemon.Options{
		Name: g.Name, Log: s.role.logs.errors,
		Backlog: g.ListenBacklog, QueueTimeout: g.QueueTimeout, ConnectTimeout: g.ConnectTimeout,
		SocketTimeout: g.SocketTimeout, HeaderBufferSize: g.HeaderBufferSize,
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

// Close gives up the memory of the daemons, which the parent ends.
func (s *serverOrders) Close(context.Context) error {
	s.group.Close()
	return nil
}

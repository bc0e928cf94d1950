package parent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/gophersnake/gophersnake/internal/control"
	"github.com/gophersnake/gophersnake/internal/spawn"
	"github.com/gophersnake/gophersnake/internal/supervise"
	"github.com/gophersnake/gophersnake/internal/timeout"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// StartError is why a process could not start.
type StartError struct {
	wire.Failure
	Exit spawn.Exit // zero while it has not ended
}

func (e *StartError) Error() string { return e.Reason }

// server is the process that answers HTTP. What it says is told to the owner,
// one thing at a time.
type server struct {
	process Process
	owner   serverOwner
	ready   chan struct{} // closed when it is, or has failed
	failure error         // valid then

	distrusted bool // guarded by nothing: only one goroutine at a time calls a listener

	mu      sync.Mutex
	figures []chan []wire.GroupFigures // who asked for them, in turn

	done sync.WaitGroup
}

// serverOwner is told what a server says.
type serverOwner interface {
	stale(group string)
	limit(id wire.ProcessID)
	idle(id wire.ProcessID)
	broken(b wire.Breach)
	distrust(reason string)
	serverEnded(s *server, exit spawn.Exit)
}

// followServer follows a process until its end.
func followServer(process Process, owner serverOwner) *server {
	s := &server{process: process, owner: owner, ready: make(chan struct{})}
	s.done.Go(s.follow)
	return s
}

// lastMessages is how long a process may have been dead while something that
// it has started still holds the connection.
const lastMessages = time.Second

// listen passes on what a process says, until it has ended and everything has
// been heard.
func listen(p Process, l listener) spawn.Exit {
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		hearAll(p.Control(), l)
	}()
	awaitEnd(p, heard, l)
	timer := time.NewTimer(lastMessages)
	defer timer.Stop()
	select {
	case <-heard:
	case <-timer.C:
	}
	p.Control().Close()
	<-heard
	return p.Wait()
}

// wait blocks until the server is ready; an error says why it is not.
func (s *server) wait(ctx context.Context) error {
	select {
	case <-s.ready:
		return s.failure
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// follow hears what the process says until it has ended.
func (s *server) follow() {
	exit := listen(s.process, s)
	s.settle(&StartError{Failure: wire.Failure{Reason: "the server process ended: " + supervise.Exit(exit).String()}, Exit: exit})
	s.owner.serverEnded(s, exit)
}

// settle says once what became of the start.
func (s *server) settle(err error) {
	select {
	case <-s.ready:
	default:
		s.failure = err
		close(s.ready)
	}
}

// hear implements listener.
func (s *server) hear(m *control.Message) error {
	var id wire.ProcessID
	var group wire.GroupName
	var failure wire.Failure
	var breach wire.Breach
	var figures []wire.GroupFigures
	switch {
	case m.Kind == wire.Ready:
		s.settle(nil)
	case m.Kind == wire.Failed && m.Decode(&failure) == nil:
		s.settle(&StartError{Failure: failure})
	case m.Kind == wire.Stale && m.Decode(&group) == nil:
		s.owner.stale(group.Group)
	case m.Kind == wire.Limit && m.Decode(&id) == nil:
		s.owner.limit(id)
	case m.Kind == wire.Idle && m.Decode(&id) == nil:
		s.owner.idle(id)
	case m.Kind == wire.Broken && m.Decode(&breach) == nil:
		s.owner.broken(breach)
	case m.Kind == wire.Figures && m.Decode(&figures) == nil:
		s.answer(figures)
	default:
		return misunderstood(m)
	}
	return nil
}

// distrust says so, once: the server is heard on, as its next message is whole.
func (s *server) distrust(reason string) {
	if !s.distrusted {
		s.distrusted = true
		s.owner.distrust(reason)
	}
}

// deaf says that the server cannot be told anything any more; it is killed when it
// is to stop.
func (s *server) deaf() { s.distrust(closedSocket) }

// send tells the server something; one that has ended need not know.
func (s *server) send(kind string, payload any, files ...*os.File) error {
	err := s.process.Control().Send(kind, payload, files...)
	if errors.Is(err, os.ErrClosed) || ended(s.process) {
		return nil
	}
	return err
}

// report asks the server for its figures.
func (s *server) report(ctx context.Context) ([]wire.GroupFigures, error) {
	answer := make(chan []wire.GroupFigures, 1)
	if err := s.ask(answer); err != nil {
		return nil, err
	}
	select {
	case figures := <-answer:
		return figures, nil
	case <-s.process.Done():
		return nil, fmt.Errorf("ask the server for its figures: it has ended")
	case <-ctx.Done():
		return nil, fmt.Errorf("ask the server for its figures: %w", context.Cause(ctx))
	}
}

// ask sends a question whose answer goes to a channel with room for it. Answers
// come in the order of the questions, also for those who no longer wait.
func (s *server) ask(answer chan []wire.GroupFigures) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.send(wire.Report, nil); err != nil {
		return err
	}
	s.figures = append(s.figures, answer)
	return nil
}

func (s *server) answer(figures []wire.GroupFigures) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.figures) > 0 {
		s.figures[0] <- figures
		s.figures = s.figures[1:]
	}
}

// serverEnd is how long a server may take for its end beside what an option
// limits.
const serverEnd = 3 * time.Second

// serverLimits are the limits of a server's end. It keeps them itself, if it can.
type serverLimits struct {
	graceful timeout.Limit
	shutdown timeout.Limit // of applications in its process
	embedded bool          // there are some
}

func (p *Parent) serverLimits() serverLimits {
	return serverLimits{graceful: p.o.Graceful, shutdown: p.o.Shutdown, embedded: p.o.Serves}
}

// all is the time after which a server that has not ended never will.
func (l serverLimits) all() timeout.Limit {
	all := l.graceful.Plus(timeout.Limit(serverEnd))
	if l.embedded {
		all = all.Plus(l.shutdown)
	}
	return all
}

// String names the options.
func (l serverLimits) String() string {
	text := fmt.Sprintf("graceful-timeout=%v", l.graceful)
	if l.embedded {
		text += fmt.Sprintf(" and shutdown-timeout=%v", l.shutdown)
	}
	return text
}

// stop tells the server to end and waits for it. When its limits are over, or ctx
// is done, it is killed: it may be stopped, or stuck. One that cannot be told is killed
// at once, as it would go on serving. Of one that has ended before there is nothing to
// tell.
func (s *server) stop(ctx context.Context, order wire.Stopping, limits serverLimits) error {
	if ended(s.process) {
		s.done.Wait()
		return nil
	}
	late := fmt.Errorf("the server process %d did not end within %v: killed", s.process.Pid(), limits)
	patience, cancel := timeout.Until(ctx, limits.all().After(time.Now()), late)
	defer cancel()
	untold := make(chan error, 1)
	s.done.Go(func() {
		if err := s.send(wire.Stop, order); err != nil {
			untold <- err
		}
	})
	var why error // it is killed
	select {
	case <-s.process.Done():
	case <-patience.Done():
		why = late
		if ctx.Err() != nil {
			why = errors.New("the server process was killed")
		}
	case err := <-untold:
		why = fmt.Errorf("the server process %d was killed: it %s: %w", s.process.Pid(), cannotBeTold, err)
	}
	if why != nil && s.process.Signal(syscall.SIGKILL) != nil {
		why = nil // it has ended meanwhile
	}
	s.done.Wait()
	exit := supervise.Exit(s.process.Wait())
	switch {
	case why != nil && exit.Signal == syscall.SIGKILL:
		return why
	case exit.Status != 0:
		return fmt.Errorf("the server process %v", exit)
	}
	return nil
}

package cli

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/server"
)

// stops turns signals into contexts: stop is done at the first SIGTERM or
// SIGINT, force at the second. A restart also begins with stop; a signal during
// it makes it an end.
type stops struct {
	stop, force context.Context
	cancelStop  context.CancelFunc
	cancelForce context.CancelCauseFunc
	signals     chan os.Signal
	done        chan struct{}
	wg          sync.WaitGroup

	mu      sync.Mutex
	restart bool // stop was asked for by begin
	ended   bool
	last    func() // called when the program is to end, before stop is done
}

// holdSignals keeps SIGHUP and SIGUSR1 from ending the program while it
// prepares to serve; SIGTERM and SIGINT still do. The caller calls end.
func holdSignals(ctx context.Context) *stops {
	s := &stops{signals: make(chan os.Signal, 8), done: make(chan struct{})}
	s.stop, s.cancelStop = context.WithCancel(ctx)
	s.force, s.cancelForce = context.WithCancelCause(context.WithoutCancel(ctx))
	signal.Notify(s.signals, syscall.SIGHUP, syscall.SIGUSR1)
	return s
}

// obey begins to act on signals, also on those held. SIGHUP and SIGUSR1 reopen
// the logs.
func (s *stops) obey(l *logFiles) {
	signal.Notify(s.signals, syscall.SIGTERM, syscall.SIGINT)
	s.wg.Go(func() {
		for {
			select {
			case <-s.done:
				return
			case sig := <-s.signals:
				s.take(sig, l)
			}
		}
	})
}

func (s *stops) take(sig os.Signal, l *logFiles) {
	if sig == syscall.SIGHUP || sig == syscall.SIGUSR1 {
		if l.reopen() { // else the log says which was not
			l.errors.Log(logs.Record{Level: logs.Notice, Module: "core", Message: "log files reopened"})
		}
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop.Err() != nil && !s.restart {
		s.cancelForce(server.ErrForced)
		return
	}
	s.restart = false
	l.errors.Log(logs.Record{Level: logs.Notice, Module: "core",
		Message: "caught " + sig.String() + ", stopping when running requests are done"})
	if s.last != nil {
		s.last()
	}
	s.cancelStop()
}

// beforeEnd has f called when a signal ends the program, before stop is done; at
// once if that has happened. f must not call methods of s.
func (s *stops) beforeEnd(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = f
	if s.stop.Err() != nil && !s.restart {
		f()
	}
}

// begin begins a restart, unless the server has been told to stop.
func (s *stops) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop.Err() == nil {
		s.restart = true
		s.cancelStop()
	}
}

// end stops taking signals and reports whether the program is to be run again.
// Then SIGHUP and SIGUSR1 are ignored, also by what is run. A second call
// reports false.
func (s *stops) end() (restart bool) {
	s.mu.Lock()
	ended := s.ended
	s.ended, restart = true, s.restart
	s.mu.Unlock()
	if ended {
		return false
	}
	if restart {
		signal.Ignore(syscall.SIGHUP, syscall.SIGUSR1)
	}
	signal.Stop(s.signals)
	close(s.done)
	s.wg.Wait()
	s.cancelStop()
	s.cancelForce(nil)
	return s.stillRestart()
}

// stillRestart looks for a stop among the signals that nobody has taken.
func (s *stops) stillRestart() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		select {
		case sig := <-s.signals:
			if sig == syscall.SIGTERM || sig == syscall.SIGINT {
				s.restart = false
			}
		default:
			return s.restart
		}
	}
}

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
// SIGINT, force at the second.
type stops struct {
	stop, force context.Context
	cancelStop  context.CancelFunc
	cancelForce context.CancelCauseFunc
	signals     chan os.Signal
	done        chan struct{}
	wg          sync.WaitGroup
}

// watchSignals begins to take signals. SIGHUP and SIGUSR1 reopen the logs. The
// caller calls end.
func watchSignals(ctx context.Context, l *logFiles) *stops {
	s := &stops{signals: make(chan os.Signal, 8), done: make(chan struct{})}
	s.stop, s.cancelStop = context.WithCancel(ctx)
	s.force, s.cancelForce = context.WithCancelCause(context.WithoutCancel(ctx))
	signal.Notify(s.signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1)
	s.wg.Go(func() { s.run(l) })
	return s
}

func (s *stops) run(l *logFiles) {
	for {
		select {
		case <-s.done:
			return
		case sig := <-s.signals:
			s.take(sig, l)
		}
	}
}

func (s *stops) take(sig os.Signal, l *logFiles) {
	switch {
	case sig == syscall.SIGHUP || sig == syscall.SIGUSR1:
		l.reopen()
		l.errors.Log(logs.Record{Level: logs.Notice, Module: "core", Message: "log files reopened"})
	case s.stop.Err() == nil:
		l.errors.Log(logs.Record{Level: logs.Notice, Module: "core",
			Message: "caught " + sig.String() + ", stopping when running requests are done"})
		s.cancelStop()
	default:
		s.cancelForce(server.ErrForced)
	}
}

// end stops taking signals.
func (s *stops) end() {
	signal.Stop(s.signals)
	close(s.done)
	s.wg.Wait()
	s.cancelStop()
	s.cancelForce(nil)
}

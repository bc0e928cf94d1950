package cli

import (
	"fmt"
	"time"

	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/python"
)

// When a script that does not come to its end while it loads is looked at: first
// for a server that it has started, which would never end, and then to log where
// it is. Both come sooner when startup-timeout is short.
const (
	serverLook = 3 * time.Second
	stackLook  = 10 * time.Second
)

// hungError is a script that starts a server of its own while it is loaded.
type hungError struct{ python.Loading }

func (e *hungError) Error() string {
	return fmt.Sprintf("load %s: %s starts a server of its own, which does not return", e.Script, e.Server)
}

// preload loads an application, and watches over it. Of one that has started a
// server the error is a *hungError; the thread that loads it is left behind, and
// the process is to end.
func (s *serving) preload(app *python.App, group string) error {
	loaded := make(chan error, 1)
	go func() { loaded <- app.Preload(group) }() // if it hangs, it ends with the process
	began := s.loading                           // startup-timeout has begun shortly before
	for _, look := range s.looks() {
		timer := time.NewTimer(time.Until(began.Add(look)))
		select {
		case err := <-loaded:
			timer.Stop()
			return err
		case <-timer.C:
		}
		if err := s.lookAtLoading(group, time.Since(began)); err != nil {
			return err
		}
	}
	return <-loaded
}

// looks are when a script that still loads is looked at, after the start of Python.
func (s *serving) looks() []time.Duration {
	first, second := serverLook, stackLook
	for i := range s.plan.Groups {
		if limit := s.plan.Groups[i].StartupTimeout; limit > 0 {
			first, second = min(first, limit/3), min(second, 2*limit/3)
		}
	}
	return []time.Duration{first, second}
}

// lookAtLoading finds out what a script does that has been loading for a time.
func (s *serving) lookAtLoading(group string, since time.Duration) error {
	l, ok := s.python.Loading(group)
	if !ok {
		return nil
	}
	if l.Server != "" {
		s.logLoading(logs.Error, "%s does not finish loading: %s starts a server of its own; it is at\n%s", l.Script, l.Server, l.Stack)
		return &hungError{l}
	}
	if since >= s.looks()[1] {
		s.logLoading(logs.Warn, "%s is still being loaded after %v; it is at\n%s", l.Script, since.Round(100*time.Millisecond), l.Stack)
	}
	return nil
}

func (s *serving) logLoading(level logs.Level, format string, args ...any) {
	s.logs.errors.Log(logs.Record{Level: level, Module: "wsgi", Message: fmt.Sprintf(format, args...)})
}

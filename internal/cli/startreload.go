package cli

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gophersnake/gophersnake/internal/listen"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/watch"
)

// cwdVariable tells a program that replaced itself where it was started first,
// because relative paths among its arguments start there.
const cwdVariable = "GOPHERSNAKE_CWD"

// watchSources has the server stop when a source file changes, if that is
// asked for. What it returns is called when the server has ended: it runs this
// program again on the same socket, where connections have been waiting, or
// does nothing if no file has changed.
func (s *serving) watchSources(stops *stops) (after func() error, err error) {
	if !s.o.ReloadOnChanges {
		return func() error { return nil }, nil
	}
	bequest, err := listen.Bequeath(s.listener)
	if err != nil {
		return nil, err
	}
	var changed string
	var wg sync.WaitGroup
	wg.Go(func() {
		w := watch.Watcher{Files: s.sourceFiles, Interval: time.Second}
		if changed = w.Wait(stops.stop); changed == "" {
			return
		}
		s.logs.errors.Log(logs.Record{Level: logs.Notice, Module: "core",
			Message: fmt.Sprintf("%s has changed: restarting when running requests are done", changed)})
		stops.cancelStop()
	})
	return func() error {
		wg.Wait()
		if changed == "" {
			return bequest.Close()
		}
		if err := s.logs.Close(); err != nil {
			return errors.Join(err, bequest.Close())
		}
		return bequest.Exec(cwdVariable + "=" + s.o.startedIn)
	}, nil
}

// sourceFiles lists what a restart depends on.
func (s *serving) sourceFiles() []string {
	files := s.python.SourceFiles()
	if s.o.Script != "" {
		files = append(files, s.o.Script)
	}
	return files
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/gophersnake/gophersnake/internal/listen"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/server"
	"github.com/gophersnake/gophersnake/internal/watch"
)

// cwdVariable tells a program that replaced itself where it was started first,
// because relative paths among its arguments start there.
const cwdVariable = "GOPHERSNAKE_CWD"

// writtenVariable tells it which files made it do so by having been written
// while they were loaded, a line each with their digest. An application may
// write them itself, each time, and the program must not restart for ever.
const writtenVariable = "GOPHERSNAKE_WRITTEN"

// maxWritten is how often in a row it restarts for such files.
const maxWritten = 10

// reload runs this program again on the same socket when a source file has
// changed. It is also the host as the server sees it, because watching takes
// the GIL and must be over before Python ends.
type reload struct {
	s       *serving
	bequest *listen.Bequest
	watched chan struct{} // closed when nobody watches any more
	changed *watch.Change // valid once watched is closed
	written []string      // the lines of writtenVariable
}

var _ server.Host = (*reload)(nil)

// watchSources has the server restart when a source file changes, if that is
// asked for. The caller calls end when the server has ended.
func (s *serving) watchSources(stops *stops) (*reload, error) {
	r := &reload{s: s, watched: make(chan struct{})}
	if !s.o.ReloadOnChanges {
		close(r.watched)
		return r, nil
	}
	var err error
	if r.bequest, err = listen.Bequeath(s.listener); err != nil {
		return nil, err
	}
	if text := os.Getenv(writtenVariable); text != "" {
		r.written = strings.Split(text, "\n")
		os.Unsetenv(writtenVariable) // not for the processes that applications start
	}
	w := r.watcher()
	go func() {
		defer close(r.watched)
		if r.changed = w.Wait(stops.stop); r.changed != nil {
			s.log(logs.Notice, "%s has changed: restarting when running requests are done", r.changed.Name)
			stops.begin()
		}
	}()
	return r, nil
}

func (r *reload) watcher() *watch.Watcher {
	w := &watch.Watcher{Files: r.s.sourceFiles, Interval: time.Second, Loading: r.s.loading, Read: make(map[string]string)}
	if len(r.written) >= maxWritten {
		w.Loading = time.Time{}
	}
	for _, line := range r.written {
		digest, name, _ := strings.Cut(line, " ")
		w.Read[name] = digest
	}
	return w
}

// forgo gives the socket up: no other run of the program comes.
func (r *reload) forgo() {
	if r.bequest != nil {
		_ = r.bequest.Close() // end closes it, too
	}
}

// Close ends Python when the watching, which ends with the stop, is over.
func (r *reload) Close(ctx context.Context) error {
	select {
	case <-r.watched:
		if r.s.front.Cut() {
			r.s.python.Abandon()
		}
		return r.s.python.Close(ctx)
	case <-ctx.Done():
		return fmt.Errorf("wait for the list of source files: %w", context.Cause(ctx))
	}
}

// end comes after the server, whose outcome is err, and its stops. To restart
// it runs this program again on the socket, where connections have been
// waiting, and returns only if that fails.
func (r *reload) end(restart bool, err error) error {
	if r.bequest == nil {
		return err
	}
	if !restart {
		return errors.Join(err, r.bequest.Close())
	}
	if err != nil {
		r.s.log(logs.Error, "%v", err)
	}
	environment := r.environment()
	if len(r.s.logs.files) > 0 {
		open, err := r.s.logs.bequeath()
		if err != nil {
			return errors.Join(err, r.bequest.Close())
		}
		environment = append(environment, open)
	}
	if err := r.s.logs.Close(); err != nil {
		return errors.Join(err, r.bequest.Close())
	}
	return r.bequest.Exec(environment...)
}

// environment is what the next run of the program is told.
func (r *reload) environment() []string {
	environment := []string{cwdVariable + "=" + r.s.o.startedIn}
	if r.changed.Digest != "" {
		lines := append(r.written, r.changed.Digest+" "+r.changed.Name)
		environment = append(environment, writtenVariable+"="+strings.Join(lines, "\n"))
	}
	return environment
}

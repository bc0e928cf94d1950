package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/status"
	"github.com/gophersnake/gophersnake/internal/supervise"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// statusOptions are the options of the command status.
type statusOptions struct {
	Port int // 0 for all
	JSON bool
}

const statusNotes = `Only the account that started the server, and root, are answered. A server in embedded mode has no daemon
processes and is not listed.
`

var statusTable = []option[statusOptions]{
	{"Server", "--port", "N", false, "all", "the server that listens on this port",
		number(1, 65535, func(o *statusOptions, n int64) { o.Port = int(n) })},
	{"Server", "--json", "", false, "", "print JSON",
		turnOn(func(o *statusOptions) *bool { return &o.JSON })},
}

// runStatus prints the figures of running servers.
func runStatus(ctx context.Context, s surroundings, args []string) int {
	o := &statusOptions{}
	positional, err := parse(statusTable, o, args)
	switch {
	case errors.Is(err, errHelp):
		printHelp(s.stdout, "status", statusTable, statusNotes)
		return statusOK
	case err == nil && len(positional) > 0:
		err = fmt.Errorf("no argument is expected, not %q", positional[0])
	}
	if err != nil {
		return reject(s, "status", err)
	}
	found, err := findServers(ctx, o)
	if err != nil {
		fmt.Fprintf(s.stderr, "gophersnake: %v\n", err)
	}
	if len(found) == 0 {
		fmt.Fprintln(s.stderr, "gophersnake: no server in daemon mode was found")
		return statusFailure
	}
	if err := printStatus(s.stdout, o, found); err != nil {
		fmt.Fprintf(s.stderr, "gophersnake: %v\n", err)
		return statusFailure
	}
	return statusOK
}

func findServers(ctx context.Context, o *statusOptions) ([]status.Snapshot, error) {
	if o.Port != 0 {
		one, err := status.Fetch(ctx, status.DefaultPath(o.Port))
		if err != nil {
			return nil, err
		}
		return []status.Snapshot{one}, nil
	}
	running, err := status.List(ctx)
	var found []status.Snapshot
	for _, r := range running {
		found = append(found, r.Snapshot)
	}
	return found, err
}

func printStatus(w io.Writer, o *statusOptions, found []status.Snapshot) error {
	if o.JSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(found)
	}
	for i, snapshot := range found {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := snapshot.WriteTable(w, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// reportTimeout is how long the server process may take to tell its figures.
const reportTimeout = 2 * time.Second

// startStatus answers the command status until stop is called. A server whose
// socket cannot be made goes on without.
func (p *parentMode) startStatus() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	started := time.Now()
	report := func() status.Snapshot { return p.snapshot(ctx, started) }
	refused := func(err error) { p.log(logs.Warn, "status: %v", err) }
	l, err := status.Listen(status.DefaultPath(p.listener.Addr().(*net.TCPAddr).Port), report, refused)
	if err != nil {
		cancel()
		p.log(logs.Warn, "`gophersnake status` will not see this server: %v", err)
		return func() {}
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := l.Serve(ctx); err != nil {
			p.log(logs.Error, "status: %v", err)
		}
	})
	return func() { cancel(); serving.Wait() }
}

// snapshot joins what the supervisor and the server know.
func (p *parentMode) snapshot(ctx context.Context, started time.Time) status.Snapshot {
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	s := status.Snapshot{PID: os.Getpid(), Version: Version(), Address: serverURL(p.serverName(), p.port()), Started: started}
	figures, err := p.parent.Figures(ctx)
	if err != nil {
		p.log(logs.Warn, "status: %v", err)
	}
	for _, g := range p.parent.Groups() {
		s.Groups = append(s.Groups, p.groupStatus(g, figures[g.Group]))
	}
	return s
}

func (p *parentMode) groupStatus(g *supervise.Status, f wire.GroupFigures) status.Group {
	out := status.Group{
		Name: g.Group, User: p.users[g.Group], Waiting: f.Waiting, Bound: p.plan.Group(g.Group).ListenBacklog,
		Rejected: uint64(f.Rejected + f.TimedOut),
	}
	if ready, ok := p.parent.Ready(g.Group); ok {
		out.Python = ready.Python
	}
	for _, place := range g.Places {
		for _, info := range place.Processes {
			process := processStatus(place, info, f)
			process.GILWait = p.gilWait(wire.ProcessID{Group: g.Group, PID: info.Pid})
			out.Processes = append(out.Processes, process)
		}
	}
	return out
}

// gilWait is how long requests of a process waited for Python's lock on average,
// nil if it has told nothing.
func (p *parentMode) gilWait(id wire.ProcessID) *time.Duration {
	v, ok := p.parent.Vitals(id)
	if !ok || v.Requests == 0 {
		return nil
	}
	return new(v.GILWait / time.Duration(v.Requests))
}

func processStatus(place supervise.PlaceStatus, info supervise.Info, f wire.GroupFigures) status.Process {
	out := status.Process{PID: info.Pid, State: info.State.String(), Restarts: uint64(place.Restarts), Started: info.Started}
	if info.NotLoaded != "" {
		out.NotLoaded = info.NotLoaded
		if info.State == supervise.InService || info.State == supervise.Retiring {
			out.State = "not loaded"
		}
	}
	if n := len(place.Endings); n > 0 {
		out.LastCause = place.Endings[n-1].String()
	}
	for _, p := range f.Processes {
		if p.PID == info.Pid {
			out.Threads, out.Busy, out.Queued, out.Served = p.Threads, p.Running, p.Queued, p.Served
		}
	}
	if resident, err := supervise.Resident(info.Pid); err == nil {
		out.Resident = resident
	}
	return out
}

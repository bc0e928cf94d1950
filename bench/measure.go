package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/gophersnake/gophersnake/bench/launch"
	"github.com/gophersnake/gophersnake/bench/procfs"
)

const (
	readyTimeout = 30 * time.Second
	warmUp       = time.Second
	grace        = 3 * time.Second // Apache's children of an embedded Python often need to be killed
)

// A measurement is one run over lineups.
type measurement struct {
	site     *site
	options  options
	progress io.Writer
}

// measure alternates: in every round, for every lineup and case, each peer is started, measured and stopped in turn, so
// that a disturbance of the machine meets all of them. Failures go into the results.
func (m *measurement) measure(ctx context.Context, lineups []*lineup) {
	for round := 1; round <= m.options.rounds; round++ {
		for _, l := range lineups {
			for _, c := range l.cases {
				m.measureCase(ctx, round, l, c)
			}
		}
	}
}

func (m *measurement) measureCase(ctx context.Context, round int, l *lineup, c testCase) {
	for _, p := range l.peers {
		if ctx.Err() != nil {
			return
		}
		if !p.serves(c) || l.results.without(p, c) {
			continue
		}
		fmt.Fprintf(m.progress, "round %d/%d: %s: %s\n", round, m.options.rounds, c.title, p.label())
		m.measurePeer(ctx, l, p, c)
	}
}

// measurePeer measures one peer with one case over all concurrencies.
func (m *measurement) measurePeer(ctx context.Context, l *lineup, p peer, c testCase) {
	if err := p.missing(m.site); err != nil {
		fmt.Fprintf(m.progress, "  missing: %v\n", err)
		l.results.miss(p, c, err)
		return
	}
	err := m.withServer(ctx, p, c, func(server *launch.Server, url string) error {
		return m.load(ctx, l, p, c, server, url)
	})
	if err != nil && ctx.Err() == nil {
		fmt.Fprintf(m.progress, "  failed: %v\n", err)
		l.results.fail(p, c, err)
	}
}

// withServer starts the peer, checks its answer, calls use, and stops it.
func (m *measurement) withServer(ctx context.Context, p peer, c testCase, use func(*launch.Server, string) error) error {
	host, port, err := launch.FreeAddress()
	if err != nil {
		return err
	}
	t := target{module: c.module, host: host, port: port,
		log: filepath.Join(m.site.work, fmt.Sprintf("%s-%s-%d.log", p.key, c.key, port))}
	command, err := p.command(m.site, p, t)
	if err != nil {
		return err
	}
	server, err := launch.Start(command)
	if err != nil {
		return err
	}
	defer server.Stop(grace)
	ready, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := server.Ready(ready, t.address()); err != nil {
		return err
	}
	url := "http://" + t.address() + c.path
	if err := verify(ready, url, c); err != nil {
		return fmt.Errorf("%w%s", err, server.LogTail())
	}
	return use(server, url)
}

// load warms up and measures each concurrency.
func (m *measurement) load(ctx context.Context, l *lineup, p peer, c testCase, server *launch.Server, url string) error {
	script := ""
	if c.post != "" {
		script = filepath.Join(m.site.apps, "post.lua")
	}
	if _, err := runWrk(ctx, url, script, slices.Max(l.concurrencies), warmUp); err != nil {
		return err
	}
	for _, connections := range l.concurrencies {
		before, err := procfs.Proc.Snapshot(server.PID())
		if err != nil {
			return err
		}
		seen, err := runWrk(ctx, url, script, connections, m.options.duration)
		if err != nil {
			return err
		}
		s, err := newSample(seen, before, server.PID(), p.least)
		if err != nil {
			return fmt.Errorf("%w%s", err, server.LogTail())
		}
		fmt.Fprintf(m.progress, "  %2d connections: %.0f requests/s, %.1f µs\n", connections, s.perSecond, s.cpu)
		l.results.add(p, c, connections, s)
	}
	return nil
}

// newSample reads what the server used since before. It is an error when the server has fewer than least processes: then
// some were not found, and a sample would praise it.
func newSample(seen load, before procfs.Snapshot, pid, least int) (sample, error) {
	after, err := procfs.Proc.Snapshot(pid)
	if err != nil {
		return sample{}, fmt.Errorf("server ended under load: %w", err)
	}
	if seen.requests == 0 {
		return sample{}, fmt.Errorf("no request was answered: %s", seen.socketErrors)
	}
	pids, err := procfs.Proc.Tree(pid)
	if err != nil {
		return sample{}, fmt.Errorf("server ended under load: %w", err)
	}
	if len(pids) < least {
		return sample{}, fmt.Errorf("the server has %s, at least %d are expected", plural(len(pids), "process"), least)
	}
	spent := after.Since(before)
	return sample{
		perSecond: seen.perSecond(),
		cpu:       float64(spent.CPU.Nanoseconds()) / 1000 / float64(seen.requests),
		p50:       float64(seen.p50.Nanoseconds()) / 1000,
		p99:       float64(seen.p99.Nanoseconds()) / 1000,
		memory:    float64(procfs.Proc.Usage(pids).Proportional) / (1 << 20),
		trouble:   trouble(seen, spent),
	}, nil
}

// method is the line under the machine that says how long it took.
func (m *measurement) method() string {
	quick := ""
	if m.options.quick {
		quick = " **A quick run: not to be quoted.**"
	}
	return fmt.Sprintf("Median of %s of %v, one thread of wrk.%s\n", plural(m.options.rounds, "round"), m.options.duration, quick)
}

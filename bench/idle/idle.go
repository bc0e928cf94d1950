package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gophersnake/gophersnake/bench/apps"
	"github.com/gophersnake/gophersnake/bench/launch"
	"github.com/gophersnake/gophersnake/bench/procfs"
)

const (
	stopGrace    = 15 * time.Second
	quietTimeout = 15 * time.Second
	warmUp       = 100 // connections that are opened, used and closed before the first reading, each ten times
	spareFiles   = 200 // descriptors for everything but the connections
)

// A finding is what one mode shows: its processes before and after.
type finding struct {
	mode          string
	before, after []launch.Process
	limits        map[int][2]string // soft and hard limit of descriptors, by process id
}

// raiseLimit raises this process's limit of descriptors, which the server's hard one comes from.
func raiseLimit(connections int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit of descriptors: %w", err)
	}
	hard := limit.Max
	limit.Max = max(limit.Max, uint64(connections+spareFiles))
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("raise the limit of descriptors from %d to %d: %w; choose fewer -connections, or raise it by `ulimit -Hn` as root",
			hard, limit.Max, err)
	}
	return nil
}

// measureMode starts the server, opens the connections and compares.
func (o *options) measureMode(ctx context.Context, mode string) (f finding, err error) {
	work, err := apps.NewDirectory()
	if err != nil {
		return f, err
	}
	defer os.RemoveAll(work)
	g := launch.Gophersnake{Program: o.gophersnake, Script: filepath.Join(work, "hello.py"), PythonHome: o.pythonHome,
		User: launch.Account(), Daemon: mode == "daemon", Processes: o.processes, Threads: o.threads, Files: o.files}
	server, address, err := g.Serve(ctx, work)
	if err != nil {
		return f, err
	}
	defer server.Stop(stopGrace)
	if f, err = o.compare(ctx, server.PID(), address); err != nil {
		return f, fmt.Errorf("%w; the server's log:%s", err, server.LogTail())
	}
	f.mode = mode
	return f, nil
}

// compare reads the server before and with the connections, and asks over each again at the end.
func (o *options) compare(ctx context.Context, pid int, address string) (f finding, err error) {
	if err := heat(ctx, address); err != nil {
		return f, fmt.Errorf("warm up: %w", err)
	}
	if f.before, err = settled(ctx, pid, func([]launch.Process) bool { return true }); err != nil {
		return f, err
	}
	all, err := open(ctx, address, o.connections)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, all.close()) }()
	if err := wait(ctx, o.rest); err != nil {
		return f, err
	}
	if f.after, err = settled(ctx, pid, func(now []launch.Process) bool { return serverFiles(now) >= serverFiles(f.before)+o.connections }); err != nil {
		return f, err
	}
	if held := serverFiles(f.after) - serverFiles(f.before); held < o.connections {
		return f, fmt.Errorf("the server holds %d connections of %d", held, o.connections)
	}
	f.limits = map[int][2]string{}
	for _, p := range f.after {
		soft, hard := procfs.Proc.FilesLimit(p.PID)
		f.limits[p.PID] = [2]string{soft, hard}
	}
	return f, all.askAll(ctx)
}

// heat uses the server a little, so that what it makes once is not counted for the connections.
func heat(ctx context.Context, address string) error {
	few, err := open(ctx, address, warmUp)
	if err != nil {
		return err
	}
	for range 9 {
		err = errors.Join(err, few.askAll(ctx))
	}
	return errors.Join(err, few.close())
}

// settled reads the server when done says so and no descriptor has come or gone for a second; after quietTimeout as it is.
func settled(ctx context.Context, pid int, done func([]launch.Process) bool) ([]launch.Process, error) {
	const calm = 10 // readings
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	timeout := time.NewTimer(quietTimeout)
	defer timeout.Stop()
	last := -1
	for same := 0; ; {
		now, err := launch.Processes(pid)
		if err != nil {
			return nil, err
		}
		same++
		if files := serverFiles(now); files != last {
			same, last = 0, files
		}
		if same >= calm && done(now) {
			return now, nil
		}
		select {
		case <-ticker.C:
		case <-timeout.C:
			return now, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// serverFiles are the descriptors of the process that answers HTTP.
func serverFiles(processes []launch.Process) int {
	for _, p := range processes {
		if p.Role == "server" {
			return p.Files
		}
	}
	return 0
}

// wait waits for d, or for the end of ctx.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

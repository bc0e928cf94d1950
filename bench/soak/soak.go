package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gophersnake/gophersnake/bench/apps"
	"github.com/gophersnake/gophersnake/bench/launch"
	"github.com/gophersnake/gophersnake/bench/procfs"
)

const (
	readyTimeout = 30 * time.Second
	stopGrace    = 15 * time.Second
	quietTimeout = 15 * time.Second
	readings     = 10 // after the first
)

// soak starts the server, runs the load with readings between, and prints them and the verdict.
func soak(ctx context.Context, o options, stdout io.Writer) (passed bool, err error) {
	work, err := os.MkdirTemp("", "gophersnake-soak-")
	if err != nil {
		return false, fmt.Errorf("make working directory: %w", err)
	}
	defer os.RemoveAll(work)
	if err := os.Chmod(work, 0o755); err != nil { // the server may drop to another user
		return false, fmt.Errorf("open working directory: %w", err)
	}
	if err := apps.WriteTo(work); err != nil {
		return false, err
	}
	server, address, err := startServer(ctx, o, work)
	if err != nil {
		return false, err
	}
	defer server.Stop(stopGrace)
	v, err := measure(ctx, o, server, newClient("http://"+address+"/", o), stdout)
	if err != nil {
		return false, fmt.Errorf("%w; the server's log:%s", err, server.LogTail())
	}
	v.clean = server.Stop(stopGrace)
	fmt.Fprint(stdout, v.text(o.growth))
	return v.passed(o.growth), nil
}

// startServer returns a server that accepts connections, and its address.
func startServer(ctx context.Context, o options, work string) (*launch.Server, string, error) {
	host, port, err := launch.FreeAddress()
	if err != nil {
		return nil, "", err
	}
	address := net.JoinHostPort(host, strconv.Itoa(port))
	server, err := launch.Start(launch.Command{
		Args: o.command(filepath.Join(work, "soak.py"), host, port), Log: filepath.Join(work, "log")})
	if err != nil {
		return nil, "", err
	}
	ready, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := server.Ready(ready, address); err != nil {
		server.Stop(stopGrace)
		return nil, "", err
	}
	return server, address, nil
}

// measure reads before any request, after the warm-up and at the end of each of the equal parts of the rest.
func measure(ctx context.Context, o options, server *launch.Server, c *client, stdout io.Writer) (verdict, error) {
	var v verdict
	start := time.Now()
	fmt.Fprintf(stdout, "%d requests and %d uploads of %d bytes over %d connections\n",
		o.requests, o.uploads, o.uploadSize, o.connections)
	idle, err := settledUsage(ctx, server.PID(), 0)
	if err != nil {
		return v, err
	}
	printReading(stdout, "started", idle, start)
	total, done := c.plan.total(), 0
	for i := range readings + 1 {
		end := o.warmUp + (total-o.warmUp)*i/readings
		if err := c.do(ctx, done, end); err != nil {
			return v, err
		}
		done = end
		c.rest()
		usage, err := settledUsage(ctx, server.PID(), v.baseline.Files)
		if err != nil {
			return v, err
		}
		if i == 0 {
			v.baseline = usage
		}
		v.last = usage
		printReading(stdout, fmt.Sprintf("after %d", done), usage, start)
	}
	return v, nil
}

// settledUsage reads the server's usage once the client's closed connections are gone: when no more than files
// descriptors are open, or their number stayed the same for a second. After quietTimeout it takes what there is:
// a leak is for the verdict.
func settledUsage(ctx context.Context, pid, files int) (procfs.Usage, error) {
	const calm = 10 // readings
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	timeout := time.NewTimer(quietTimeout)
	defer timeout.Stop()
	var last procfs.Usage
	for same := 0; ; {
		pids, err := procfs.Proc.Tree(pid)
		if err != nil {
			return last, fmt.Errorf("the server has ended: %w", err)
		}
		usage := procfs.Proc.Usage(pids)
		same++
		if usage.Files != last.Files {
			same = 0
		}
		last = usage
		if same >= calm && (files == 0 || usage.Files <= files) {
			return usage, nil
		}
		select {
		case <-ticker.C:
		case <-timeout.C:
			return usage, nil
		case <-ctx.Done():
			return usage, ctx.Err()
		}
	}
}

func printReading(w io.Writer, when string, u procfs.Usage, start time.Time) {
	fmt.Fprintf(w, "%-14s %7.1f MB resident, %3d descriptors, %3d threads, %4.0f s\n",
		when, megabytes(u.Resident), u.Files, u.Threads, time.Since(start).Seconds())
}

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/gophersnake/gophersnake/bench/apps"
	"github.com/gophersnake/gophersnake/bench/launch"
)

const (
	stopGrace    = 15 * time.Second
	quietTimeout = 15 * time.Second
	readings     = 10 // after the first
)

// soak starts the server, runs the load with readings between, and prints them and the verdict.
func soak(ctx context.Context, o options, stdout io.Writer) (passed bool, err error) {
	work, err := apps.NewDirectory()
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(work)
	server, address, err := o.program(filepath.Join(work, "soak.py")).Serve(ctx, work)
	if err != nil {
		return false, err
	}
	defer server.Stop(stopGrace)
	v, err := measure(ctx, o, server, newClient("http://"+address+"/", o), stdout)
	if err != nil {
		return false, fmt.Errorf("%w; the server's log:%s", err, server.LogTail())
	}
	v.clean = server.Stop(stopGrace)
	v.left = v.last.left()
	fmt.Fprint(stdout, v.text(o.growth))
	return v.passed(o.growth), nil
}

// measure reads before any request, after the warm-up and at the end of each of the equal parts of the rest.
func measure(ctx context.Context, o options, server *launch.Server, c *client, stdout io.Writer) (verdict, error) {
	var v verdict
	start := time.Now()
	fmt.Fprintf(stdout, "%d requests and %d uploads of %d bytes over %d connections\n",
		o.requests, o.uploads, o.uploadSize, o.connections)
	idle, err := settle(ctx, server.PID(), 0)
	if err != nil {
		return v, err
	}
	idle.print(stdout, "started", start)
	total, done := c.plan.total(), 0
	for i := range readings + 1 {
		end := o.warmUp + (total-o.warmUp)*i/readings
		if err := c.do(ctx, done, end); err != nil {
			return v, err
		}
		done = end
		c.rest()
		now, err := settle(ctx, server.PID(), v.baseline.files())
		if err != nil {
			return v, err
		}
		if i == 0 {
			v.baseline = now
		}
		v.last = now
		now.print(stdout, fmt.Sprintf("after %d", done), start)
	}
	return v, nil
}

// settle reads the server once the client's closed connections are gone: when no more than files descriptors are open,
// or their number stayed the same for a second. After quietTimeout it takes what there is: a leak is for the verdict.
func settle(ctx context.Context, pid, files int) (reading, error) {
	const calm = 10 // readings
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	timeout := time.NewTimer(quietTimeout)
	defer timeout.Stop()
	var last reading
	for same := 0; ; {
		processes, err := launch.Processes(pid)
		if err != nil {
			return nil, err
		}
		now := reading(processes)
		same++
		if now.files() != last.files() {
			same = 0
		}
		last = now
		if same >= calm && (files == 0 || now.files() <= files) {
			return now, nil
		}
		select {
		case <-ticker.C:
		case <-timeout.C:
			return now, nil
		case <-ctx.Done():
			return now, ctx.Err()
		}
	}
}

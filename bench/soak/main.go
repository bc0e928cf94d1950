// Command soak asks one Gophersnake for a million small answers and thousands of uploads, and checks that memory and
// descriptors of each of its processes return to where they were. It knows only what /proc shows.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gophersnake/gophersnake/bench/launch"
)

// options are the flags.
type options struct {
	gophersnake string
	pythonHome  string
	requests    int // GET
	uploads     int
	uploadSize  int
	warmUp      int // requests and uploads before the baseline
	connections int
	daemon      bool
	processes   int // of daemon mode
	threads     int
	growth      float64 // allowed for each process, in MB
	timeout     time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the exit status: 0 for PASS, 1 for FAIL or an error, 2 for a wrong command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	if status, ok := launch.Flags("soak", args, stderr, o.define, o.check); !ok {
		return status
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	passed, err := soak(ctx, o, stdout)
	if err != nil {
		fmt.Fprintln(stderr, "soak:", err)
	}
	if err != nil || !passed {
		return 1
	}
	return 0
}

// define declares the flags.
func (o *options) define(flags *flag.FlagSet) {
	flags.StringVar(&o.gophersnake, "gophersnake", "build/gophersnake", "the `PROGRAM` to test")
	flags.StringVar(&o.pythonHome, "python-home", "", "Python installation or virtual environment `DIR`; empty for the program's default")
	flags.IntVar(&o.requests, "requests", 1_000_000, "small requests")
	flags.IntVar(&o.uploads, "uploads", 20_000, "uploads, spread evenly among the requests")
	flags.IntVar(&o.uploadSize, "upload-size", 1<<20, "`BYTES` of an upload")
	flags.IntVar(&o.warmUp, "warm-up", 50_000, "requests and uploads before the first reading")
	flags.IntVar(&o.connections, "connections", 32, "connections of the client")
	flags.BoolVar(&o.daemon, "daemon", false, "daemon mode; else embedded mode")
	flags.IntVar(&o.processes, "processes", 1, "daemon processes")
	flags.IntVar(&o.threads, "threads", 5, "threads of the server, or of each daemon process")
	flags.Float64Var(&o.growth, "growth", 5, "allowed growth of the resident memory of each process in `MB`")
	flags.DurationVar(&o.timeout, "timeout", 30*time.Minute, "give up after this time")
}

// check refuses what cannot be run.
func (o *options) check() error {
	for name, value := range map[string]int{"requests": o.requests, "upload-size": o.uploadSize,
		"connections": o.connections, "threads": o.threads, "processes": o.processes, "warm-up": o.warmUp} {
		if value < 1 {
			return fmt.Errorf("-%s %d: at least 1", name, value)
		}
	}
	if o.uploads < 0 {
		return fmt.Errorf("-uploads %d: at least 0", o.uploads)
	}
	if total := o.requests + o.uploads; o.warmUp >= total {
		return fmt.Errorf("-warm-up %d: must be below the total of %d", o.warmUp, total)
	}
	return nil
}

// program is how the server is started; it drops to another user when root starts it.
func (o *options) program(script string) launch.Gophersnake {
	return launch.Gophersnake{Program: o.gophersnake, Script: script, PythonHome: o.pythonHome, User: launch.Account(),
		Daemon: o.daemon, Processes: o.processes, Threads: o.threads}
}

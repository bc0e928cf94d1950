// Command idle opens thousands of connections to one Gophersnake, makes one request over each and leaves them alone: what
// does the server hold for each of them? It knows only what /proc shows.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gophersnake/gophersnake/bench/launch"
	"github.com/gophersnake/gophersnake/bench/readme"
)

// options are the flags.
type options struct {
	gophersnake string
	pythonHome  string
	modes       string
	connections int
	rest        time.Duration
	files       int
	processes   int
	threads     int
	readme      string
}

var allModes = []string{"embedded", "daemon"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the exit status: 0, 1 for an error, 2 for a wrong command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	if status, ok := launch.Flags("idle", args, stderr, o.define, o.check); !ok {
		return status
	}
	if err := o.measure(ctx, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "idle:", err)
		return 1
	}
	return 0
}

// define declares the flags.
func (o *options) define(flags *flag.FlagSet) {
	flags.StringVar(&o.gophersnake, "gophersnake", "build/gophersnake", "the `PROGRAM` to measure")
	flags.StringVar(&o.pythonHome, "python-home", "", "Python installation or virtual environment `DIR`; empty for the program's default")
	flags.StringVar(&o.modes, "modes", strings.Join(allModes, ","), "modes to measure, by comma")
	flags.IntVar(&o.connections, "connections", 10_000, "connections to keep open")
	flags.DurationVar(&o.rest, "rest", 10*time.Second, "time that they are left alone before the reading")
	flags.IntVar(&o.files, "files", 1024, "soft limit of descriptors that the server is started with, as by a login")
	flags.IntVar(&o.processes, "processes", 1, "daemon processes")
	flags.IntVar(&o.threads, "threads", 5, "threads of the server, or of each daemon process")
	flags.StringVar(&o.readme, "update-readme", "", "put the result between the markers of `FILE`")
}

// longestRest leaves time to open all before the first are closed, which the server does after 75 s.
const longestRest = 45 * time.Second

// check refuses what cannot be run.
func (o *options) check() error {
	for name, value := range map[string]int{"connections": o.connections, "files": o.files, "processes": o.processes, "threads": o.threads} {
		if value < 1 {
			return fmt.Errorf("-%s %d: at least 1", name, value)
		}
	}
	if o.rest < 0 || o.rest > longestRest {
		return fmt.Errorf("-rest %v: from 0s to %v, or the server closes connections meanwhile", o.rest, longestRest)
	}
	for _, mode := range o.modeList() {
		if !slices.Contains(allModes, mode) {
			return fmt.Errorf("no mode %q; there are %s", mode, strings.Join(allModes, ", "))
		}
	}
	if o.readme == "" {
		return nil
	}
	return readme.Check(o.readme, readmePart)
}

func (o *options) modeList() []string { return strings.Split(o.modes, ",") }

// readmePart names the markers in the readme.
const readmePart = "idle"

// measure runs each mode and prints the table.
func (o *options) measure(ctx context.Context, stdout, stderr io.Writer) error {
	if err := raiseLimit(o.connections); err != nil {
		return err
	}
	var findings []finding
	for _, mode := range o.modeList() {
		fmt.Fprintf(stderr, "%s mode: %d connections\n", mode, o.connections)
		f, err := o.measureMode(ctx, mode)
		if err != nil {
			return fmt.Errorf("%s mode: %w", mode, err)
		}
		findings = append(findings, f)
	}
	report := o.head() + render(findings, o.connections)
	_, err := fmt.Fprint(stdout, report)
	if o.readme != "" {
		err = errors.Join(err, readme.Update(o.readme, readmePart, report))
	}
	return err
}

// Command bench compares WSGI servers on one machine in one run: requests per second, processor time per request,
// latency and memory. README.md says how it measures; it knows nothing of how a server works inside.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gophersnake/gophersnake/bench/launch"
	"github.com/gophersnake/gophersnake/bench/readme"
)

// options are the flags.
type options struct {
	rounds              int
	duration            time.Duration
	quick               bool
	modes, peers, cases string
	gophersnake         string
	python, venv        string
	setup               bool
	out, readme         string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the exit status: 0, 1 when a peer that is installed failed, 2 for a wrong command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	if status, ok := launch.Flags("bench", args, stderr, o.define, o.check); !ok {
		return status
	}
	failed, err := compare(ctx, o, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	if failed {
		return 1
	}
	return 0
}

// define declares the flags.
func (o *options) define(flags *flag.FlagSet) {
	flags.IntVar(&o.rounds, "rounds", 3, "measure each server `N` times, print the medians")
	flags.DurationVar(&o.duration, "duration", 4*time.Second, "length of one measurement, whole seconds")
	flags.BoolVar(&o.quick, "quick", false, "one round of 1s: to see that it works, not to quote")
	flags.StringVar(&o.modes, "modes", "", "only these modes, by comma: "+strings.Join(modeKeys(), ","))
	flags.StringVar(&o.peers, "peers", "", "only these peers, by comma: "+strings.Join(peerKeys(), ","))
	flags.StringVar(&o.cases, "cases", "", "only these cases, by comma: "+strings.Join(keys(allCases), ","))
	flags.StringVar(&o.gophersnake, "gophersnake", "build/gophersnake", "the `PROGRAM` to compare")
	flags.StringVar(&o.python, "python", "/usr/bin/python3", "the `PYTHON` of all peers; Apache's mod_wsgi is bound to Debian's")
	flags.StringVar(&o.venv, "venv", "build/bench/venv", "virtual environment of the peers, made when missing")
	flags.BoolVar(&o.setup, "setup", true, "install what is missing before measuring")
	flags.StringVar(&o.out, "out", "", "write the result to `FILE` too")
	flags.StringVar(&o.readme, "update-readme", "", "put the result of each mode between its markers in `FILE`")
}

// check completes the flags and refuses what cannot be measured. wrk knows whole seconds only.
func (o *options) check() error {
	if o.quick {
		o.rounds, o.duration = 1, time.Second
	}
	switch {
	case o.rounds < 1:
		return fmt.Errorf("-rounds %d: at least 1", o.rounds)
	case o.duration < time.Second || o.duration%time.Second != 0:
		return fmt.Errorf("-duration %v: whole seconds, at least 1s", o.duration)
	}
	modes, err := o.choose()
	if err != nil || o.readme == "" {
		return err
	}
	return readme.Check(o.readme, keys(modes)...)
}

func (o *options) choose() ([]mode, error) { return chooseModes(o.modes, o.peers, o.cases) }

// compare sets up, measures and prints. It reports whether a peer that is installed failed.
func compare(ctx context.Context, o options, stdout, stderr io.Writer) (failed bool, err error) {
	modes, _ := o.choose() // checked with the flags
	var lineups []*lineup
	for _, m := range modes {
		lineups = append(lineups, m.lineups...)
	}
	s, err := newSite(ctx, o, stderr)
	if err != nil {
		return false, err
	}
	m := &measurement{site: s, options: o, progress: stderr}
	head := describeMachine(ctx, s) + m.method()
	start := time.Now()
	m.measure(ctx, lineups)
	if ctx.Err() != nil {
		s.remove()
		return false, errors.New("interrupted")
	}
	fmt.Fprintf(stderr, "bench: measured in %v\n", time.Since(start).Round(time.Second))
	failed = slices.ContainsFunc(lineups, func(l *lineup) bool { return l.results.failed })
	if failed {
		fmt.Fprintln(stderr, "bench: a server failed; logs are in", s.work)
	} else {
		s.remove()
	}
	return failed, publish(head, modes, o, stdout)
}

// publish prints the report of each mode and writes it where the flags ask for it.
func publish(head string, modes []mode, o options, stdout io.Writer) error {
	var all strings.Builder
	var errs []error
	for _, m := range modes {
		report := head + renderMode(m)
		fmt.Fprintf(&all, "## %s mode\n\n%s\n", m.key, report)
		if o.readme != "" {
			errs = append(errs, readme.Update(o.readme, m.key, report))
		}
	}
	fmt.Fprint(stdout, all.String())
	if o.out != "" {
		errs = append(errs, writeResult(o.out, all.String()))
	}
	return errors.Join(errs...)
}

func writeResult(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

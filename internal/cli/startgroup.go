package cli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gophersnake/gophersnake/internal/procgroup"
)

// embeddedToo are the options of a process group that mean something in
// embedded mode as well.
var embeddedToo = []string{"--threads", "--graceful-timeout", "--shutdown-timeout", "--switch-interval"}

// withoutEffect are options that are accepted for the sake of old command lines:
// requests go through shared memory and not through a socket, and the front
// decides when a response is flushed.
var withoutEffect = []string{
	"--send-buffer-size", "--receive-buffer-size", "--response-buffer-size", "--response-flush-delay", "--response-socket-timeout",
}

// idleOptions returns the options that were given and change nothing.
func (o *StartOptions) idleOptions() []string {
	var idle []string
	for _, name := range o.daemonOnly {
		if slices.Contains(withoutEffect, name) {
			idle = append(idle, name)
		}
	}
	return idle
}

// groupRows are the options of start-server that set one of the process group.
func groupRows() []option[StartOptions] {
	var rows []option[StartOptions]
	for _, row := range procgroup.Table() {
		if row.Flag == "" {
			continue
		}
		byDefault := row.FlagDefault()
		if byDefault == "" {
			byDefault = row.Without
		}
		rows = append(rows, option[StartOptions]{
			group: row.Heading, name: row.Flag, metavar: row.Metavar(), byDef: byDefault, help: row.Help,
			set: func(o *StartOptions, args []string) error {
				if !slices.Contains(embeddedToo, row.Flag) {
					o.daemonOnly = append(o.daemonOnly, row.Flag)
				}
				return row.Set(o.Group, args[0])
			},
		})
	}
	return rows
}

// completeGroup settles what the process group takes from other options.
func (o *StartOptions) completeGroup() error {
	if o.EmbeddedMode && len(o.daemonOnly) > 0 {
		return fmt.Errorf("option %s is about daemon processes, and --embedded-mode has none: leave one of them out", o.daemonOnly[0])
	}
	g := o.Group
	if g.Threads == 0 {
		return errors.New("option --threads: 0 is not between 1 and 65533")
	}
	g.PythonHome, g.PythonPath = o.PythonHome, o.PythonPath
	if g.Home == "" {
		g.Home = o.WorkingDirectory
	}
	return nil
}

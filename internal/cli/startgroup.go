package cli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gophersnake/gophersnake/internal/procgroup"
)

// embeddedToo are the options of a process group that mean something in
// embedded mode as well.
var embeddedToo = []string{"--threads", "--daemon-backlog", "--queue-timeout", "--graceful-timeout", "--shutdown-timeout", "--switch-interval"}

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
		o := option[StartOptions]{
			group: row.Heading, name: row.Flag, metavar: row.Metavar(), byDef: byDefault, help: row.Help,
			set: func(o *StartOptions, args []string) error {
				if !slices.Contains(embeddedToo, row.Flag) {
					o.daemonOnly = append(o.daemonOnly, row.Flag)
				}
				return row.Set(o.Group, args[0])
			},
		}
		if row.Switch() {
			o = switchOn(o)
		}
		rows = append(rows, o)
	}
	return rows
}

// switchOn makes a flag without a value of an option that is On or Off.
func switchOn(o option[StartOptions]) option[StartOptions] {
	set := o.set
	o.metavar, o.byDef = "", ""
	o.set = func(s *StartOptions, _ []string) error { return set(s, []string{"On"}) }
	return o
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

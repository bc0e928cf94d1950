package launch

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// Flags parses the command line args of the program name, which has flags only: define
// declares them, and check refuses their values. Help and errors are printed to stderr. When the program is not to go on, ok
// is false and status its exit status: 0 after help, 2 for a wrong command line.
func Flags(name string, args []string, stderr io.Writer, define func(*flag.FlagSet), check func() error) (status int, ok bool) {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	define(flags)
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0, false
	} else if err != nil {
		return 2, false
	}
	if len(flags.Args()) > 0 {
		fmt.Fprintf(stderr, "%s: unexpected argument %q\n", name, flags.Arg(0))
		return 2, false
	}
	if err := check(); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return 2, false
	}
	return 0, true
}

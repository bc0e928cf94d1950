package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gophersnake/gophersnake/internal/suggest"
)

// option is one row of a table of options that sets something in a T.
type option[T any] struct {
	group   string // heading in the help
	name    string // with its dashes
	metavar string // names of its arguments, separated by blanks; "" for a switch
	repeat  bool   // may be given more than once, all of them count
	byDef   string // the default as the help shows it
	help    string
	set     func(o *T, args []string) error
}

// arity returns how many arguments the option takes.
func (o option[T]) arity() int { return len(strings.Fields(o.metavar)) }

// errHelp is the outcome of --help.
var errHelp = errors.New("help was asked for")

// parse reads args by the rules of Python's optparse and returns the
// positional ones: options and positional arguments may be mixed, an option's
// argument follows it or an equals sign, a prefix stands for an option if there
// is only one it can mean, and "--" ends the options. Of an option given twice
// the last counts, unless its row says that it repeats.
func parse[T any](table []option[T], target *T, args []string) (positional []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return append(positional, args...), nil
		case arg == "-h":
			return nil, errHelp
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			positional = append(positional, arg)
			continue
		case !strings.HasPrefix(arg, "--"):
			return nil, unknownOption(table, arg)
		}
		if args, err = parseLong(table, target, arg, args); err != nil {
			return nil, err
		}
	}
	return positional, nil
}

// parseLong applies one long option and returns the arguments left.
func parseLong[T any](table []option[T], target *T, arg string, rest []string) ([]string, error) {
	name, value, hasValue := strings.Cut(arg, "=")
	row, err := match(table, name)
	if err != nil {
		return nil, err
	}
	n := row.arity()
	switch {
	case hasValue && n == 0:
		return nil, fmt.Errorf("option %s takes no argument, not even %q", row.name, value)
	case hasValue:
		rest = append([]string{value}, rest...)
	}
	if len(rest) < n {
		return nil, fmt.Errorf("option %s needs %d argument(s): %s", row.name, n, row.metavar)
	}
	if err := row.set(target, rest[:n]); err != nil {
		return nil, fmt.Errorf("option %s: %w", row.name, err)
	}
	return rest[n:], nil
}

// match finds the row of an option by its name or an unambiguous prefix.
func match[T any](table []option[T], name string) (option[T], error) {
	var starting []option[T]
	for _, row := range withHelp(table) {
		if row.name == name {
			return row, nil
		}
		if strings.HasPrefix(row.name, name) {
			starting = append(starting, row)
		}
	}
	switch len(starting) {
	case 0:
		return option[T]{}, unknownOption(table, name)
	case 1:
		return starting[0], nil
	}
	var names []string
	for _, row := range starting {
		names = append(names, row.name)
	}
	slices.Sort(names)
	return option[T]{}, fmt.Errorf("option %s is ambiguous: it could be %s", name, strings.Join(names, ", "))
}

// withHelp adds the option that every command has.
func withHelp[T any](table []option[T]) []option[T] {
	return append(slices.Clip(table), option[T]{
		group: "Other", name: "--help", help: "print this text and exit; also -h",
		set: func(*T, []string) error { return errHelp },
	})
}

func unknownOption[T any](table []option[T], name string) error {
	var names []string
	for _, row := range withHelp(table) {
		names = append(names, row.name)
	}
	bare := strings.TrimLeft(name, "-")
	if len(bare) < 2 {
		return fmt.Errorf("unknown option %s; options are written out, with two dashes", name)
	}
	typed := "--" + bare
	if near := suggest.Nearest(typed, names); near != "" {
		return fmt.Errorf("unknown option %s; did you mean %s?", name, near)
	}
	return fmt.Errorf("unknown option %s", name)
}

package procgroup

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gophersnake/gophersnake/internal/suggest"
)

// Error is an option that cannot be used.
type Error struct {
	Text   string // mod_wsgi's sentence for it, with its full stop
	Option string // "" when it is the definition as a whole
	Value  string
	Err    error // what is wrong, and what to do; may be nil
}

func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return e.Text
	case e.Option == "":
		return fmt.Sprintf("%s %v", e.Text, e.Err)
	}
	return fmt.Sprintf("%s %s=%s: %v", e.Text, e.Option, e.Value, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Parse reads the arguments of WSGIDaemonProcess: the name of a group and its
// options as name=value, the quotes taken off. Of an option given twice the
// last counts. It asks the system for accounts, directories and locales. All
// errors are of type *Error.
func Parse(name string, options []string) (*Options, error) {
	if name == "" {
		return nil, &Error{Text: "Name of WSGI daemon process not supplied."}
	}
	o := Defaults()
	o.Name = name
	for _, option := range options {
		key, value, found := strings.Cut(option, "=")
		if !found || key == "" {
			return nil, invalid(fmt.Errorf("%q is not of the form name=value", option))
		}
		if err := o.Set(key, value); err != nil {
			return nil, err
		}
	}
	if err := o.Check(); err != nil {
		return nil, err
	}
	return o, nil
}

// Set stores the value of one option, named as in WSGIDaemonProcess. Errors
// are of type *Error.
func (o *Options) Set(option, value string) error {
	for _, row := range table {
		if row.Name != option {
			continue
		}
		if err := row.Set(o, value); err != nil {
			return o.fail(option, value, err)
		}
		return nil
	}
	return invalid(unknownOption(option))
}

func unknownOption(option string) error {
	var names []string
	for _, row := range table {
		names = append(names, row.Name)
	}
	if near := suggest.Nearest(option, names); near != "" {
		return fmt.Errorf("there is no option %q; did you mean %s?", option, near)
	}
	return fmt.Errorf("there is no option %q", option)
}

func invalid(cause error) *Error {
	return &Error{Text: "Invalid option to WSGI daemon process definition.", Err: cause}
}

// fail puts mod_wsgi's words before what is wrong with a value.
func (o *Options) fail(option, value string, cause error) *Error {
	e := &Error{Option: option, Value: value, Err: cause}
	if excuse, ok := errors.AsType[*excuse](cause); ok {
		e.Text = excuse.text
		return e
	}
	for _, row := range table {
		if row.Name == option {
			e.Text = "Invalid " + row.thing + " for WSGI daemon process."
		}
	}
	return e
}

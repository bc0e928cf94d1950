package spawn

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Options say what is started.
type Options struct {
	// Role is one word of lower case letters, as RoleOf returns it there.
	Role string
	// Name is what ps shows as the command; "" stands for this process's.
	Name string
	// Settings are encoded as JSON, of any size.
	Settings any
	// Files are inherited in this order. They stay the caller's, and in the
	// mode, blocking or not, in which they are.
	Files []*os.File
	// Env is the environment; nil stands for this process's.
	Env []string
	// Output gets each line that the process, or what it has started itself,
	// writes to its standard output or error, without the line's end, one at
	// a time. Long lines come in pieces. nil: the lines are dropped.
	Output func(line string)
}

// check returns the settings as they cross the pipe.
func (o *Options) check() ([]byte, error) {
	if !validRole(o.Role) {
		return nil, fmt.Errorf("role %q is not a word of lower case letters", o.Role)
	}
	if strings.ContainsRune(o.Name, 0) {
		return nil, fmt.Errorf("name %q holds a zero byte", o.Name)
	}
	settings, err := json.Marshal(envelope[any]{Files: len(o.Files), Settings: o.Settings})
	if err != nil {
		return nil, fmt.Errorf("encode settings: %w", err)
	}
	return settings, nil
}

// argv is the command line: nothing but the name and the role.
func (o *Options) argv() []string {
	name := o.Name
	if name == "" {
		name = os.Args[0]
	}
	return []string{name, string(roleMark) + o.Role}
}

func (o *Options) environ() []string {
	if o.Env == nil {
		return os.Environ()
	}
	return o.Env
}

// descriptors returns the numbers here of files, which are to have 0, 1, ... in
// the process. They must stay open. Unlike
// os.File.Fd it leaves them in their mode.
func descriptors(files ...*os.File) ([]uintptr, error) {
	fds := make([]uintptr, len(files))
	for i, f := range files {
		if f == nil {
			return nil, fmt.Errorf("inherit descriptor %d: %w", i, os.ErrInvalid)
		}
		raw, err := f.SyscallConn()
		if err == nil {
			err = raw.Control(func(fd uintptr) { fds[i] = fd })
		}
		if err != nil {
			return nil, fmt.Errorf("inherit descriptor %d from %s: %w", i, f.Name(), err)
		}
	}
	return fds, nil
}

// closeAll closes what is not nil.
func closeAll(files ...*os.File) error {
	var errs []error
	for _, f := range files {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

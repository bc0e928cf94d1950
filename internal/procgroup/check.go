package procgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Check finds what is wrong with the options together, and directories that do
// not exist. Parse calls it; who sets options one by one must. The error is of
// type *Error.
func (o *Options) Check() error {
	if o.ScriptUser != "" && o.ScriptGroup != "" {
		return o.fail("script-group", o.ScriptGroup, fmt.Errorf("it excludes script-user=%s; leave one of them out", o.ScriptUser))
	}
	if o.Chroot != "" {
		if err := isDirectory(o.Chroot); err != nil {
			return o.fail("chroot", o.Chroot, err)
		}
	}
	if o.Home != "" {
		if err := isDirectory(filepath.Join(o.Chroot, o.Home)); err != nil {
			return o.fail("home", o.Home, err)
		}
	}
	return nil
}

func isDirectory(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w; create it or name another", err)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", path)
	}
	return nil
}

// Warnings returns what is allowed and probably not meant, one sentence each.
func (o *Options) Warnings() []string {
	var warnings []string
	if o.Threads > manyThreads {
		warnings = append(warnings, fmt.Sprintf(
			"threads=%d of process group %q: above %d, threads of one process mostly wait for each other in Python; more processes with fewer threads are faster",
			o.Threads, o.Name, manyThreads))
	}
	if o.SocketUser != "" {
		warnings = append(warnings, fmt.Sprintf(
			"socket-user=%s of process group %q has no effect: processes are reached without a socket file", o.SocketUser, o.Name))
	}
	for _, buffer := range []struct {
		option string
		size   int
	}{{"send-buffer-size", o.SendBufferSize}, {"receive-buffer-size", o.ReceiveBufferSize}} {
		if buffer.size != 0 {
			warnings = append(warnings, fmt.Sprintf(
				"%s=%d of process group %q has no effect: requests and responses go through shared memory, and not through a socket",
				buffer.option, buffer.size, o.Name))
		}
	}
	return warnings
}

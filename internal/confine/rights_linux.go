package confine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// needed are the capabilities (capabilities(7)) that a server started as root
// uses.
var needed = []uintptr{
	unix.CAP_CHOWN,            // gives log files to an account
	unix.CAP_DAC_OVERRIDE,     // opens logs in directories of other accounts
	unix.CAP_KILL,             // stops processes of other accounts
	unix.CAP_SETGID,           // becomes an account
	unix.CAP_SETUID,           //
	unix.CAP_NET_BIND_SERVICE, // listens on ports below 1024
	unix.CAP_SYS_CHROOT,       // chroot of a process group
	unix.CAP_SYS_NICE,         // cpu-priority below that of the server
}

// LeastRights leaves a process of root's the capabilities in needed, and makes
// sure that no program that it or a child of it runs gets more (PR_SET_NO_NEW_PRIVS).
// Both belong to threads, and those of Go cannot be told one by one: so it runs
// this program again, with the same arguments and environ, and does not return
// unless there is nothing left to do or it fails. An environ that differs from that
// of this process, in whatever order, is something to do: it must be one that the
// program, run again, asks for as well. It is called early, before
// anything is opened. Without root's rights it does nothing. Who lacks the right to
// take capabilities away (CAP_SETPCAP) keeps those that it has.
func LeastRights(environ []string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	runtime.LockOSThread()
	again, err := shedRights()
	if err != nil {
		return fmt.Errorf("give up rights that are not needed: %w", err)
	}
	if !again && sameEntries(environ, os.Environ()) {
		runtime.UnlockOSThread()
		showProgram()
		return nil
	}
	err = syscall.Exec("/proc/self/exe", os.Args, environ)
	return fmt.Errorf("give up rights that are not needed: run this program again: %w", err)
}

func sameEntries(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// shedRights changes what the calling thread hands on to the program that it
// executes, and reports whether there was anything to change.
func shedRights() (changed bool, err error) {
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, c, 0, 0, 0)
		if err != nil || has == 0 || isNeeded(c) {
			continue // an error is one that this kernel does not know
		}
		switch err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); {
		case err == nil:
			changed = true
		case !errors.Is(err, unix.EPERM):
			return false, fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
	inherits, err := dropInheritable()
	if err != nil {
		return false, err
	}
	none, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	if err != nil {
		return false, fmt.Errorf("read no_new_privs: %w", err)
	}
	if none == 0 {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return false, fmt.Errorf("set no_new_privs: %w", err)
		}
	}
	return changed || inherits || none == 0, nil
}

func isNeeded(c uintptr) bool {
	for _, n := range needed {
		if n == c {
			return true
		}
	}
	return false
}

// dropInheritable takes away what a program would get beyond the bounding set
// (inheritable capabilities, and with them ambient ones), and reports whether there
// was anything.
func dropInheritable() (bool, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false, fmt.Errorf("read capabilities: %w", err)
	}
	if data[0].Inheritable == 0 && data[1].Inheritable == 0 {
		return false, nil
	}
	data[0].Inheritable, data[1].Inheritable = 0, 0
	if err := unix.Capset(&header, &data[0]); err != nil {
		return false, fmt.Errorf("drop inheritable capabilities: %w", err)
	}
	return true, nil
}

// showProgram makes tools show the name of the program again, which was executed
// as "exe". Without it nothing is wrong.
func showProgram() {
	const name = "/proc/self/comm"
	if text, err := os.ReadFile(name); err == nil && string(text) == "exe\n" {
		_ = os.WriteFile(name, []byte(filepath.Base(os.Args[0])), 0)
	}
}

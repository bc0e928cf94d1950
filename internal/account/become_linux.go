package account

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// Become makes this process, all its threads, the account for good: group
// first, then supplementary groups, then user. Only root can; a process that
// is the account already has nothing to do. Core dumps stay possible, and with
// them what debuggers of the account do: a daemon is the application's own.
func Become(a Account) error { return change(a, true) }

// BecomeHidden is Become for a process whose memory and environment other
// processes of the account are not to read or write, by ptrace(2) or
// /proc/PID/mem: from now on if it is the account already, else at any moment.
// There are no core dumps of it.
func BecomeHidden(a Account) error { return change(a, false) }

func change(a Account, dumpable bool) error {
	if syscall.Geteuid() == int(a.UID) && syscall.Getegid() == int(a.GID) {
		if dumpable {
			return nil
		}
		return setDumpable(a, false)
	}
	if a.UID == 0 {
		return ErrRoot
	}
	groups := []int{int(a.GID)}
	for _, g := range a.Groups {
		if g != a.GID {
			groups = append(groups, int(g))
		}
	}
	if err := syscall.Setgid(int(a.GID)); err != nil {
		return fmt.Errorf("become group %d: %w", a.GID, err)
	}
	if err := syscall.Setgroups(groups); err != nil {
		return fmt.Errorf("take groups of %s: %w", a.Name, err)
	}
	if err := syscall.Setuid(int(a.UID)); err != nil {
		return fmt.Errorf("become %s: %w", a.Name, err)
	}
	return setDumpable(a, dumpable)
}

// setDumpable settles what the kernel has just set by fs.suid_dumpable (proc(5)).
func setDumpable(a Account, dumpable bool) error {
	doing, value := "forbid", uintptr(0)
	if dumpable {
		doing, value = "allow", 1
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, value, 0, 0, 0); err != nil {
		return fmt.Errorf("%s core dumps of %s: %w", doing, a.Name, err)
	}
	return nil
}

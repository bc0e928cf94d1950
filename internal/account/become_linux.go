package account

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// Become makes this process, all its threads, the account for good: group
// first, then supplementary groups, then user. Only root can; a process that
// is the account already has nothing to do. Core dumps stay possible.
func Become(a Account) error {
	if syscall.Geteuid() == int(a.UID) && syscall.Getegid() == int(a.GID) {
		return nil
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
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("allow core dumps of %s: %w", a.Name, err)
	}
	return nil
}

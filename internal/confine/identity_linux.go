package confine

import (
	"fmt"
	"syscall"

	"github.com/gophersnake/gophersnake/internal/account"
)

// changeRoot makes a directory the root, and the current directory.
func changeRoot(p Plan) error {
	if p.Chroot == "" {
		return nil
	}
	err := syscall.Chroot(p.Chroot)
	if err == nil {
		err = syscall.Chdir("/")
	}
	if err != nil {
		return &StepError{"chroot", fmt.Sprintf("change root directory to %q", p.Chroot), err,
			repair(err, "only root can: start as root or leave chroot out", "name a directory that exists")}
	}
	return nil
}

// becomeAccount gives up the account for good: group, supplementary groups,
// user. Go's system calls do it for all threads.
func becomeAccount(p Plan) error {
	if p.Account == nil {
		return nil
	}
	if err := account.Become(*p.Account); err != nil {
		return &StepError{"user", fmt.Sprintf("run as %s", p.Account.Name), err,
			repair(err, "only root can change its account: start as root or leave user and group out", "name another account with user")}
	}
	return nil
}

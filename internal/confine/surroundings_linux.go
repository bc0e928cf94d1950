package confine

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gophersnake/gophersnake/internal/account"
)

// changeDirectory is done by the account itself: it must be let in.
func changeDirectory(p Plan) error {
	if p.Directory == "" {
		return nil
	}
	err := os.Chdir(p.Directory)
	if err == nil {
		return nil
	}
	return &StepError{"home", "change to home directory", explain(err, p.Directory, p.Account),
		repair(err, "let the account in, or name another directory with home", "name a directory that exists with home")}
}

// explain puts the element of a path that refuses into a permission error.
func explain(err error, path string, as *account.Account) error {
	if as == nil || !errors.Is(err, os.ErrPermission) {
		return err
	}
	if refusal := account.Refusal(path, *as); refusal != nil {
		return fmt.Errorf("%w: %w", err, refusal)
	}
	return err
}

func setUmask(p Plan) error {
	if p.Umask != nil {
		syscall.Umask(int(*p.Umask))
	}
	return nil
}

func setEnvironment(p Plan) error {
	for _, name := range slices.Sorted(maps.Keys(p.Environment)) {
		if err := os.Setenv(name, p.Environment[name]); err != nil {
			return &StepError{"", fmt.Sprintf("set %s=%q", name, p.Environment[name]), err, "take NUL and = out of it"}
		}
	}
	return nil
}

func checkWritable(p Plan) error {
	for _, dir := range p.Writable {
		if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
			return &StepError{"python-eggs", fmt.Sprintf("write in %q", dir), err,
				repair(err, "let the account write in it", "create it")}
		}
	}
	return nil
}

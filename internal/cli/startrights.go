package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/gophersnake/gophersnake/internal/account"
	"github.com/gophersnake/gophersnake/internal/confine"
	"github.com/gophersnake/gophersnake/internal/listen"
)

// shedRights leaves a server that root starts the rights that it needs, and in
// embedded mode, where the application runs in this process, of root's
// environment what is handed on. It runs the program again for this if either is
// still to be done. What can only be found out with more rights is found out
// before: who has the address.
func shedRights(o *StartOptions) error {
	if os.Geteuid() != 0 {
		return nil
	}
	who, err := account.Choose(o.User, o.UserGroup)
	if err != nil {
		return err
	}
	if err := o.checkAddress(); err != nil {
		return err
	}
	environ := os.Environ()
	if o.EmbeddedMode {
		more := slices.Concat(o.PassEnv, inherits, named(os.Args))
		environ = account.Environ(environ, who, more, account.OwnEnviron())
	}
	return confine.LeastRights(environ)
}

// inherits are the variables about sockets that systemd passes on
// (sd_listen_fds(3)): they are used and removed later.
var inherits = []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}

// checkAddress fails if the address is taken. Sockets that were passed on are not
// looked at.
func (o *StartOptions) checkAddress() error {
	if o.Port == 0 || os.Getenv("LISTEN_PID") != "" {
		return nil
	}
	l, err := listen.Open(o.Host, o.Port)
	if err != nil {
		return err
	}
	return l.Close()
}

// named are the variables that arguments hold: they are put in again when the
// program is run again.
func named(args []string) []string {
	var names []string
	expandAll(args, func(name string) (string, bool) {
		names = append(names, name)
		return "", false
	})
	return names
}

// environ is the environment of a process that runs as who: this process's if it
// has not been started as root.
func (p *parentMode) environ(who account.Account) []string {
	if os.Geteuid() != 0 {
		return nil
	}
	return account.Environ(os.Environ(), who, p.o.PassEnv, account.OwnEnviron())
}

// addPassEnv takes the name of a variable.
func addPassEnv(o *StartOptions, args []string) error {
	switch {
	case args[0] == "":
		return errEmpty
	case strings.ContainsAny(args[0], "=\x00"):
		return fmt.Errorf("%q is no name of a variable: its value is that of the environment", args[0])
	}
	o.PassEnv = append(o.PassEnv, args[0])
	return nil
}

package procgroup

import (
	"errors"
	"strings"
	"time"

	"github.com/gophersnake/gophersnake/internal/account"
	"github.com/gophersnake/gophersnake/internal/confine"
)

// Title returns the name of the processes in ps; "" keeps the program's.
func (o *Options) Title() string {
	return strings.ReplaceAll(o.DisplayName, "%{GROUP}", "(wsgi:"+o.Name+")")
}

// Plan returns what a process of the group is to do to itself before it starts
// Python; server is the account of the server. It looks accounts up, which a
// process behind a chroot no longer can.
func (o *Options) Plan(server account.Account) (confine.Plan, error) {
	return o.plan(account.Current(), server)
}

func (o *Options) plan(now, server account.Account) (confine.Plan, error) {
	a, err := o.identity(now, server)
	if err != nil {
		return confine.Plan{}, err
	}
	if o.Chroot != "" && now.UID != 0 {
		return confine.Plan{}, o.fail("chroot", o.Chroot, errors.New("only root can; leave the option out or start as root"))
	}
	directory, err := o.directory(a, server)
	if err != nil {
		return confine.Plan{}, err
	}
	plan := confine.Plan{
		DisplayName:  o.Title(),
		Priority:     o.CPUPriority,
		Chroot:       o.Chroot,
		Account:      &a,
		Directory:    directory,
		Umask:        o.Umask,
		Environment:  o.environment(),
		CPUTime:      o.CPUTimeLimit,
		CPUGrace:     o.ShutdownTimeout,
		Data:         o.MemoryLimit,
		AddressSpace: o.VirtualMemoryLimit,
	}
	if o.PythonEggs != "" {
		plan.Writable = []string{o.PythonEggs}
	}
	return plan, nil
}

// CPUKill is the processor time at which the kernel kills a process of the
// group, because SIGXCPU did not end it; 0 if cpu-time-limit and shutdown-timeout set
// no such limit.
func (o *Options) CPUKill() time.Duration {
	return confine.Plan{CPUTime: o.CPUTimeLimit, CPUGrace: o.ShutdownTimeout}.CPUKill()
}

// directory is home, or else the user's own when it is not the server's user;
// "" leaves the processes where the server is.
func (o *Options) directory(a, server account.Account) (string, error) {
	switch {
	case o.Home != "":
		return o.Home, nil
	case a.UID == server.UID:
		return "", nil
	case a.Home == "":
		return "", o.fail("user", o.User, errors.New("this account has no home directory; name a directory with home="))
	}
	return a.Home, nil
}

// environment is what the processes get beyond the server's.
func (o *Options) environment() map[string]string {
	all := map[string]string{}
	for name, value := range map[string]string{"LANG": o.Lang, "LC_ALL": o.Locale, "PYTHON_EGG_CACHE": o.PythonEggs} {
		if value != "" {
			all[name] = value
		}
	}
	return all
}

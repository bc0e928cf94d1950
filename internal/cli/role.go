package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/gophersnake/gophersnake/internal/account"
	"github.com/gophersnake/gophersnake/internal/hosting"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/pyhome"
	"github.com/gophersnake/gophersnake/internal/python"
	"github.com/gophersnake/gophersnake/internal/spawn"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// roleSettings is what a process is told that the parent starts. It reads the
// arguments of start-server again for what concerns the server as a whole: one
// source for what all processes do. What is hosted is in the plan.
type roleSettings struct {
	Args      []string // after variables were put in
	StartedIn string
	Port      string
	Account   account.Account // of the server
	Places    []pyhome.Place  // where a Python is looked for, unless one is named
	// Plan is all of it for a server, and Only one group for a daemon.
	Plan hosting.Plan
	// ForeignSocket says of the listening socket that others keep it.
	ForeignSocket bool `json:",omitempty"`
	// ServerPID is the server that a daemon serves.
	ServerPID int `json:",omitempty"`
	// NotLoaded is what the last process of the group could not load, and has logged;
	// without Stamps.
	NotLoaded *wire.NotLoaded `json:",omitempty"`
}

// Inherited files of both roles, by number.
const (
	fileMain   = iota // of a server the listening socket, of a daemon its socket to the server
	fileErrors        // error log
	fileAccess        // access log, of a server that writes one
)

// role is a process that the parent has started, while it is put together.
type role struct {
	*serving
	in       *spawn.Inherited
	settings roleSettings

	scriptOwner *python.Owner // of a daemon; nil: its scripts may be anyone's
	firstThread chan func()   // of a service: what is to run on the first thread of the process
}

// runRole is what a process does that the parent has started, and returns its
// exit status.
func runRole(name string, stderr io.Writer) int {
	in, err := spawn.Inherit()
	if err != nil {
		fmt.Fprintf(stderr, "gophersnake: %v\n", err)
		return statusFailure
	}
	go exitWithParent(in) // ends with the process
	r, err := newRole(in)
	if err != nil {
		in.Control().Send(wire.Failed, wire.Failure{Reason: err.Error()})
		return statusFailure
	}
	switch name {
	case wire.RoleServer:
		return r.serve()
	case wire.RoleDaemon:
		return r.daemon()
	case wire.RoleService:
		return r.service()
	}
	fmt.Fprintf(stderr, "gophersnake: there is no role %q\n", name)
	return statusUsage
}

// exitWithParent ends the process at once when its parent is gone. The kernel has
// been told to do so, too, but forgets it at a change of account, and is told again
// only afterwards (dieWithParent).
func exitWithParent(in *spawn.Inherited) {
	<-in.ParentGone()
	os.Exit(statusFailure)
}

func newRole(in *spawn.Inherited) (*role, error) {
	r := &role{in: in}
	if err := in.Settings(&r.settings); err != nil {
		return nil, err
	}
	o := defaultStartOptions()
	positional, err := parse(startTable(), o, r.settings.Args)
	if err == nil {
		err = o.complete(positional, r.settings.StartedIn)
	}
	if err != nil {
		return nil, fmt.Errorf("read the options again: %w", err)
	}
	files := in.Files()
	r.serving = &serving{o: o, plan: r.settings.Plan, account: r.settings.Account, places: r.settings.Places, toldPort: r.settings.Port}
	r.logs = &logFiles{errors: logs.NewErrorLog(files[fileErrors], o.LogLevel)}
	if len(files) > fileAccess {
		r.logs.access = logs.NewAccess(files[fileAccess], o.AccessLogFormat, r.logs.errors)
	}
	return r, nil
}

// fail tells the parent why this process cannot start.
func (r *role) fail(err error) int {
	failure := wire.Failure{Reason: err.Error(), Repair: repairOf(err)}
	if err := r.in.Control().Send(wire.Failed, failure); err != nil {
		fmt.Fprintf(os.Stderr, "gophersnake: %s\n", failure.Reason)
	}
	return statusFailure
}

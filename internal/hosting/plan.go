// Package hosting says what a server hosts, as data that any configuration can
// fill: its process groups, its applications, and which application runs in
// which group. It finds what contradicts itself; it starts nothing, and knows
// neither HTTP nor Python nor where the data come from.
package hosting

import (
	"slices"

	"github.com/gophersnake/gophersnake/internal/procgroup"
	"github.com/gophersnake/gophersnake/internal/timeout"
)

// Plan is what one server hosts. It can be sent as JSON. Nobody changes it once
// it is in use.
type Plan struct {
	// Groups have different names, none of them empty.
	Groups []procgroup.Options
	// Applications are asked in this order: the first whose MountPoint covers
	// the path of a request serves it.
	Applications []Application
	// Services are what groups without threads do; each has one.
	Services []Service
}

// Service is a script that each process of a group runs in place of serving
// requests. When it has come to its end, the process has, and another one is
// started.
type Service struct {
	ProcessGroup string // the name of one of Plan.Groups
	Path         string // of the script, absolute; inside the chroot of the group
	Importable   bool   // as that of an Application
}

// Application is a WSGI application: where it is found by clients and on disk,
// and where it runs.
type Application struct {
	MountPoint string // path of URLs; "/" and "" are the root of the site
	// Path is that of the script, absolute; inside the chroot of its group if
	// that has one. "" stands for a page that says that the server works.
	Path string
	// Module is imported in place of a script, if it is not empty; then Path is
	// empty.
	Module   string
	Callable string // name of the application in the script
	// Importable has the application that imports its own script get the one that
	// serves, and not a second copy.
	Importable bool
	// ApplicationGroup names the interpreter, as it was configured:
	// "%{GLOBAL}" is the main one.
	ApplicationGroup string
	// ProcessGroup is the name of one of Plan.Groups; "" has the application
	// run in the server's own process.
	ProcessGroup string
}

// Group returns the group of a name, nil if there is none.
func (p *Plan) Group(name string) *procgroup.Options {
	for i := range p.Groups {
		if p.Groups[i].Name == name {
			return &p.Groups[i]
		}
	}
	return nil
}

// In returns the applications of a group, "" for those in the server's process.
// Processes of the group know each by its number in this list.
func (p *Plan) In(group string) []Application {
	var all []Application
	for _, a := range p.Applications {
		if a.ProcessGroup == group {
			all = append(all, a)
		}
	}
	return all
}

// Number returns the number that Applications[i] has in its group.
func (p *Plan) Number(i int) int {
	number := 0
	for _, a := range p.Applications[:i] {
		if a.ProcessGroup == p.Applications[i].ProcessGroup {
			number++
		}
	}
	return number
}

// Only returns the part of the plan that a process of one group has to know.
func (p *Plan) Only(group string) Plan {
	only := Plan{Applications: p.In(group)}
	if g := p.Group(group); g != nil {
		only.Groups = []procgroup.Options{*g}
	}
	for _, s := range p.Services {
		if s.ProcessGroup == group {
			only.Services = append(only.Services, s)
		}
	}
	return only
}

// Embedded reports whether an application runs in the server's process.
func (p *Plan) Embedded() bool {
	return slices.ContainsFunc(p.Applications, func(a Application) bool { return a.ProcessGroup == "" })
}

// Graceful returns how long running requests of the server may take when it is
// to end: the longest graceful-timeout of the groups.
func (p *Plan) Graceful() timeout.Limit {
	return p.longest(func(g *procgroup.Options) timeout.Limit { return g.GracefulTimeout })
}

// Shutdown returns the longest shutdown-timeout of the groups.
func (p *Plan) Shutdown() timeout.Limit {
	return p.longest(func(g *procgroup.Options) timeout.Limit { return g.ShutdownTimeout })
}

func (p *Plan) longest(of func(*procgroup.Options) timeout.Limit) timeout.Limit {
	var limits []timeout.Limit
	for i := range p.Groups {
		limits = append(limits, of(&p.Groups[i]))
	}
	return timeout.Longest(limits...)
}

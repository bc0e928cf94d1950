package cli

import (
	"github.com/gophersnake/gophersnake/internal/hosting"
	"github.com/gophersnake/gophersnake/internal/procgroup"
)

// hosting is what start-server hosts: one application, in the one process group
// or in the server's process.
func (o *StartOptions) hosting() hosting.Plan {
	a := hosting.Application{
		MountPoint: o.MountPoint, Path: o.Script, Module: o.Module, Callable: o.CallableObject,
		ApplicationGroup: o.ApplicationGroup, Importable: true,
	}
	if o.EmbeddedMode {
		return hosting.Plan{Applications: []hosting.Application{a}}
	}
	a.ProcessGroup = o.Group.Name
	plan := hosting.Plan{Groups: []procgroup.Options{*o.Group}, Applications: []hosting.Application{a}}
	for _, s := range o.Services {
		g := o.serviceGroup(s)
		plan.Groups = append(plan.Groups, *g)
		plan.Services = append(plan.Services, hosting.Service{ProcessGroup: g.Name, Path: s.Script, Importable: true})
	}
	return plan
}

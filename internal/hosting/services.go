package hosting

import (
	"errors"
	"fmt"

	"github.com/gophersnake/gophersnake/internal/procgroup"
)

// checkServices finds services in groups that cannot run them, and groups
// without threads that would do nothing.
func (p *Plan) checkServices() error {
	var errs []error
	scripts := map[string]int{}
	for _, s := range p.Services {
		errs = append(errs, p.checkService(s))
		if scripts[s.ProcessGroup]++; scripts[s.ProcessGroup] == 2 {
			errs = append(errs, fmt.Errorf("process group %q has two service scripts, and a process runs one: define a group for each", s.ProcessGroup))
		}
	}
	for i := range p.Groups {
		if g := &p.Groups[i]; g.Threads == 0 && scripts[g.Name] == 0 && !p.has(g.Name) {
			errs = append(errs, &procgroup.Error{Text: "Invalid thread count for WSGI daemon process.", Option: "threads", Value: "0",
				Err: fmt.Errorf("process group %q would do nothing; give it threads, or a script to run", g.Name)})
		}
	}
	return errors.Join(errs...)
}

func (p *Plan) checkService(s Service) error {
	g := p.Group(s.ProcessGroup)
	switch {
	case g == nil:
		return fmt.Errorf("service script %s is to run in process group %q, and there is none of that name; define it or name another", s.Path, s.ProcessGroup)
	case g.Threads != 0:
		return fmt.Errorf("service script %s is to run in process group %q, which serves requests; give that threads=0, or name another", s.Path, s.ProcessGroup)
	case s.Path == "":
		return fmt.Errorf("the service of process group %q has no script; name one", s.ProcessGroup)
	}
	return nil
}

// has reports whether an application is to run in a group.
func (p *Plan) has(group string) bool { return len(p.In(group)) > 0 }

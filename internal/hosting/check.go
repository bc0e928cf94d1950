package hosting

import (
	"errors"
	"fmt"

	"github.com/gophersnake/gophersnake/internal/account"
	"github.com/gophersnake/gophersnake/internal/procgroup"
	"github.com/gophersnake/gophersnake/internal/suggest"
)

// errNothing is a plan with nothing to serve.
var errNothing = errors.New("there is no application: mount one")

// Check finds what cannot be: groups without a name or with the same one,
// options of a group that contradict each other or the system, accounts that
// this process cannot become, applications in groups that do not exist. server
// is the account of the server. It returns all that it finds, joined; what is
// about a group is a *procgroup.Error.
func (p *Plan) Check(server account.Account) error {
	var errs []error
	if len(p.Applications) == 0 {
		errs = append(errs, errNothing)
	}
	seen := map[string]bool{}
	for i := range p.Groups {
		g := &p.Groups[i]
		errs = append(errs, checkName(g.Name, seen), checkGroup(g, server))
		seen[g.Name] = true
	}
	for _, a := range p.Applications {
		errs = append(errs, p.checkApplication(a))
	}
	errs = append(errs, p.checkServices())
	return errors.Join(errs...)
}

func checkName(name string, seen map[string]bool) error {
	switch {
	case name == "":
		return &procgroup.Error{Text: "Name of WSGI daemon process not supplied."}
	case seen[name]:
		return &procgroup.Error{Text: "Name duplicates previous WSGI daemon definition.",
			Err: fmt.Errorf("two process groups are called %q; rename one of them", name)}
	}
	return nil
}

func checkGroup(g *procgroup.Options, server account.Account) error {
	if err := g.Check(); err != nil {
		return fmt.Errorf("process group %q: %w", g.Name, err)
	}
	if _, err := g.Identity(server); err != nil {
		return fmt.Errorf("process group %q: %w", g.Name, err)
	}
	return nil
}

func (p *Plan) checkApplication(a Application) error {
	if a.ProcessGroup == "" {
		return nil
	}
	g := p.Group(a.ProcessGroup)
	switch {
	case g == nil:
		return &procgroup.Error{Text: fmt.Sprintf("No WSGI daemon process called '%s' has been configured.", a.ProcessGroup), Err: p.near(a)}
	case g.Threads == 0:
		return &procgroup.Error{Text: "Invalid thread count for WSGI daemon process.", Option: "threads", Value: "0",
			Err: fmt.Errorf("process group %q would serve no request, and %s is mounted at %q; give it threads or another group", g.Name, a.name(), a.MountPoint)}
	}
	return nil
}

// near says which group was probably meant.
func (p *Plan) near(a Application) error {
	var names []string
	for i := range p.Groups {
		names = append(names, p.Groups[i].Name)
	}
	if near := suggest.Nearest(a.ProcessGroup, names); near != "" {
		return fmt.Errorf("%s is to run in it; did you mean %q?", a.name(), near)
	}
	return fmt.Errorf("%s is to run in it; define the group or name another", a.name())
}

func (a Application) name() string {
	switch {
	case a.Module != "":
		return a.Module
	case a.Path == "":
		return "the application without a script"
	}
	return a.Path
}

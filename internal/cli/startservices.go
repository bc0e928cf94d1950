package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gophersnake/gophersnake/internal/account"
	"github.com/gophersnake/gophersnake/internal/procgroup"
)

// ServiceOptions are what --service-script and the like say of one service.
type ServiceOptions struct {
	Name        string
	Script      string // "" until it is named
	User, Group string // "" for those of the server
	LogFile     string // "" for the error log
}

// addService takes a name and a script.
func addService(o *StartOptions, args []string) error {
	if args[1] == "" {
		return errEmpty
	}
	s, err := o.service(args[0])
	if err != nil {
		return err
	}
	if s.Script != "" {
		return fmt.Errorf("service %s runs %s already", s.Name, s.Script)
	}
	s.Script = args[1]
	return nil
}

// ofService takes a name and what a field is to be.
func ofService(field func(*ServiceOptions) *string) func(*StartOptions, []string) error {
	return func(o *StartOptions, args []string) error {
		if args[1] == "" {
			return errEmpty
		}
		s, err := o.service(args[0])
		if err != nil {
			return err
		}
		*field(s) = args[1]
		return nil
	}
}

// service returns the one of a name, which is new perhaps.
func (o *StartOptions) service(name string) (*ServiceOptions, error) {
	if name == "" || strings.ContainsAny(name, "/\x00") {
		return nil, fmt.Errorf("%q is no name for a service", name)
	}
	for i := range o.Services {
		if o.Services[i].Name == name {
			return &o.Services[i], nil
		}
	}
	o.Services = append(o.Services, ServiceOptions{Name: name})
	return &o.Services[len(o.Services)-1], nil
}

// group is the name of its process group.
func (s *ServiceOptions) group() string { return "service:" + s.Name }

// completeServices finds services without a script.
func (o *StartOptions) completeServices(cwd string) error {
	for i := range o.Services {
		s := &o.Services[i]
		if s.Script == "" {
			return fmt.Errorf("service %s has no script: name one with --service-script %s FILE", s.Name, s.Name)
		}
		if o.EmbeddedMode {
			return errors.New("option --service-script is about processes beside the server, and --embedded-mode has none: leave one of them out")
		}
		makeAbsolute(&s.Script, cwd)
		makeAbsolute(&s.LogFile, cwd)
	}
	return nil
}

// serviceGroup is the process group of a service: it has what the application
// sees of its surroundings, and no limits.
func (o *StartOptions) serviceGroup(s ServiceOptions) *procgroup.Options {
	g := procgroup.Defaults()
	g.Name, g.DisplayName = s.group(), "%{GROUP}"
	g.Threads, g.User, g.Group = 0, s.User, s.Group
	g.Home, g.PythonHome, g.PythonPath = o.Group.Home, o.Group.PythonHome, o.Group.PythonPath
	g.Lang, g.Locale, g.PythonEggs = o.Group.Lang, o.Group.Locale, o.Group.PythonEggs
	g.ShutdownTimeout = o.Group.ShutdownTimeout
	return g
}

// openServiceLog opens the log of a service that is to have one of its own.
func (p *parentMode) openServiceLog(group string, who account.Account) error {
	for i := range p.o.Services {
		if s := &p.o.Services[i]; s.group() == group && s.LogFile != "" {
			return p.logs.openOwn(group, s.LogFile, who)
		}
	}
	return nil
}

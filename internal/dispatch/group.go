package dispatch

import (
	"fmt"
	"os"
	"strings"
)

// defaultGroup is the application group of mod_wsgi where none is configured.
const defaultGroup = "%{RESOURCE}"

// Server is the configured name of a site, from which the names of
// interpreters are built: never from what a client sends.
type Server struct {
	Name   string
	Port   string // "" stands for the usual one
	Script string // SCRIPT_NAME of the application
}

// name is the site as group names show it.
func (s Server) name() string { return join(s.Name, s.Port) }

func join(host, port string) string {
	if port == "" || port == "80" || port == "443" {
		return host
	}
	return host + ":" + port
}

// Group expands the configured name of an application group. It is immutable
// and safe for concurrent use.
type Group struct {
	fixed  string
	byHost bool
}

// GroupOptions is what a Group is made of.
type GroupOptions struct {
	// Text is the configured name: a literal, %{GLOBAL}, %{SERVER},
	// %{RESOURCE}, %{HOST} or %{ENV:var}; "" stands for %{RESOURCE}.
	Text   string
	Server Server
	// Lookup finds the variable of %{ENV:var}; nil stands for os.LookupEnv.
	Lookup func(string) (string, bool)
	// Unset is told of a variable that is not set, for which the default
	// group is used; nil is allowed.
	Unset func(variable string)
}

// NewGroup returns the group for o. A text that begins with "%{" and is none of
// the known ones is an error.
func NewGroup(o GroupOptions) (*Group, error) {
	text := o.Text
	if text == "" {
		text = defaultGroup
	}
	if name, ok := variable(text); ok {
		lookup := o.Lookup
		if lookup == nil {
			lookup = os.LookupEnv
		}
		value, set := lookup(name)
		switch _, again := variable(value); {
		case set && !again:
			text = value
		case set:
			return nil, fmt.Errorf("expand application group %q: variable %s holds %q, and is expanded only once", o.Text, name, value)
		default:
			text = defaultGroup
			if o.Unset != nil {
				o.Unset(name)
			}
		}
	}
	return expand(text, o)
}

// variable returns the name within "%{ENV:name}".
func variable(text string) (name string, ok bool) {
	name, ok = strings.CutPrefix(text, "%{ENV:")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(name, "}")
}

func expand(text string, o GroupOptions) (*Group, error) {
	switch text {
	case "%{GLOBAL}":
		return &Group{}, nil
	case "%{SERVER}":
		return &Group{fixed: o.Server.name()}, nil
	case "%{RESOURCE}":
		return &Group{fixed: o.Server.name() + "|" + o.Server.Script}, nil
	case "%{HOST}":
		return &Group{fixed: o.Server.name(), byHost: true}, nil
	}
	if strings.HasPrefix(text, "%{") {
		return nil, fmt.Errorf("expand application group %q: not %%{GLOBAL}, %%{SERVER}, %%{RESOURCE}, %%{HOST} or %%{ENV:name}", text)
	}
	return &Group{fixed: text}, nil
}

// Fixed returns the name that every request gets; ok is false when names differ
// by request.
func (g *Group) Fixed() (name string, ok bool) {
	if g.byHost {
		return "", false
	}
	return g.fixed, true
}

// Name returns the application group of a request; "" is the main interpreter.
// host and port are those of its Host header, host "" without one; only
// %{HOST} looks at them.
func (g *Group) Name(host, port string) string {
	if g == nil {
		return ""
	}
	if !g.byHost || host == "" {
		return g.fixed
	}
	return join(host, port)
}

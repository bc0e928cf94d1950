package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gophersnake/gophersnake/internal/account"
	"github.com/gophersnake/gophersnake/internal/dispatch"
	"github.com/gophersnake/gophersnake/internal/hosting"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/pyhome"
	"github.com/gophersnake/gophersnake/internal/python"
)

// hosted is an application that runs in this process.
type hosted struct {
	hosting.Application
	group *dispatch.Group
	app   *python.App
}

// embed makes the applications run in this process that the plan wants in the
// server's: it goes to their directory, starts Python and loads them. The
// account has been chosen for good.
func (s *serving) embed(ctx context.Context) (err error) {
	apps := s.plan.In("")
	if err := s.checkScripts(apps); err != nil {
		return err
	}
	if err := s.goHome(); err != nil {
		return err
	}
	if s.home, err = s.findPython(ctx, s.o.PythonHome); err != nil {
		return err
	}
	s.pythonName = fmt.Sprintf("%s (%s)", s.home.Version, s.home.Home)
	o := s.pythonOptions()
	o.KeepsProcessors = replaceProcessors()
	return s.startPython(o, apps, nil)
}

// goHome goes to the directory of applications in the server's process.
func (s *serving) goHome() error {
	if err := os.Chdir(s.o.WorkingDirectory); err != nil {
		if refusal := account.Refusal(s.o.WorkingDirectory, account.Current()); refusal != nil {
			err = refusal
		}
		return fmt.Errorf("go to the working directory: %w; name another one with --working-directory", err)
	}
	return nil
}

// checkScripts makes sure that this process can read scripts. It is an error if
// that is true of none; otherwise those that can be read are served.
func (s *serving) checkScripts(apps []hosting.Application) error {
	var refused []error
	for _, a := range apps {
		if err := s.checkScript(a.Path); err != nil {
			refused = append(refused, err)
		}
	}
	if len(refused) == len(apps) {
		return errors.Join(refused...)
	}
	for _, err := range refused {
		s.log(logs.Error, "%v", err)
	}
	return nil
}

// checkScript is for one. A script that does not exist may come later.
func (s *serving) checkScript(path string) error {
	if path == "" {
		return nil
	}
	err := unix.Access(path, unix.R_OK)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrNotExist):
		s.log(logs.Warn, "there is no script %s: requests for it will be answered with 404", path)
		return nil
	}
	if refusal := account.Refusal(path, account.Current()); refusal != nil {
		err = refusal
	}
	return fmt.Errorf("read script: %w; open it for that account or choose another with --user", err)
}

// findPython returns the Python in home, or, if that is "", the first one that
// the account can use, of those that whoever runs the command would get.
func (s *serving) findPython(ctx context.Context, home string) (*pyhome.Installation, error) {
	if home != "" {
		return pyhome.Find(ctx, home)
	}
	found, skipped, err := pyhome.DefaultOf(ctx, s.places)
	for _, c := range skipped {
		s.log(skippedLevel(c), "not using Python in %s (%s): %v", c.Home, c.Source, c.Err)
	}
	return found, err
}

// skippedLevel is how much the user is to be told of a Python that was passed
// over: an active virtual environment was certainly meant.
func skippedLevel(c pyhome.Candidate) logs.Level {
	switch c.Source {
	case "VIRTUAL_ENV":
		return logs.Warn
	case "PATH":
		return logs.Info
	}
	return logs.Debug
}

// pythonOptions is how Python is started in the server's process.
func (s *serving) pythonOptions() python.Options {
	return python.Options{
		Library:        s.home.Library,
		Program:        s.home.Executable,
		Threads:        s.o.Group.Threads,
		Backlog:        s.o.Group.ListenBacklog,
		QueueTimeout:   s.o.Group.QueueTimeout,
		PythonPath:     s.o.PythonPath,
		Home:           s.o.WorkingDirectory,
		ServerSoftware: serverSoftware(),
		Log:            s.logs.errors,

		NotLoaded: s.unloaded.note,

		PerInterpreterGIL: s.perInterpreterGIL(),
		SwitchInterval:    s.o.Group.SwitchInterval,
	}
}

// perInterpreterGIL tells of a Python that cannot do what is asked for.
func (s *serving) perInterpreterGIL() bool {
	if !s.o.PerInterpreterGIL || s.home.Version.AtLeast(3, 12) {
		return s.o.PerInterpreterGIL
	}
	s.logs.errors.Log(logs.Record{Level: logs.Warn, Module: "core", Message: fmt.Sprintf(
		"WSGI0198: --per-interpreter-gil has no effect: it needs Python 3.12, and this is %s", s.home.Version)})
	return false
}

// startPython starts Python and loads applications; change adapts each script.
func (s *serving) startPython(o python.Options, apps []hosting.Application, change func(*python.Script)) (err error) {
	s.loading = time.Now()
	if s.python, err = python.Start(o); err != nil {
		return fmt.Errorf("start Python %s in %s: %w", s.home.Version, s.home.Home, err)
	}
	for _, a := range apps {
		h, err := s.host(a, change)
		if err != nil {
			return err
		}
		s.here = append(s.here, h)
	}
	return nil
}

// host loads an application, unless requests have to come first.
func (s *serving) host(a hosting.Application, change func(*python.Script)) (h hosted, err error) {
	script := s.script(a)
	if change != nil {
		change(&script)
	}
	h = hosted{Application: a, app: s.python.App(script)}
	if h.group, err = s.applicationGroup(a); err != nil {
		return h, err
	}
	if group, fixed := h.group.Fixed(); fixed && !missing(a.Path) {
		return h, s.preload(h.app, group)
	}
	return h, nil
}

// applicationGroup finds out which application group requests belong to.
func (s *serving) applicationGroup(a hosting.Application) (*dispatch.Group, error) {
	g, err := dispatch.NewGroup(dispatch.GroupOptions{
		Text:   a.ApplicationGroup,
		Server: dispatch.Server{Name: s.serverName(), Port: s.port(), Script: scriptName(a.MountPoint)},
		Unset: func(name string) {
			s.log(logs.Warn, "--application-group: variable %s is not set; using the default group", name)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("--application-group: %w", err)
	}
	return g, nil
}

// missing reports a script that cannot be loaded yet.
func missing(path string) bool {
	if path == "" {
		return false
	}
	info, err := os.Stat(path)
	return err != nil || info.IsDir()
}

// script is an application as Python is told of it.
func (s *serving) script(a hosting.Application) python.Script {
	script := python.Script{
		Path:       a.Path,
		Module:     a.Module,
		Importable: a.Importable,
		Callable:   a.Callable,
		Reloading:  true,
		Environ: []python.EnvironVar{
			{Name: "DOCUMENT_ROOT", Value: s.o.DocumentRoot},
			{Name: "CONTEXT_DOCUMENT_ROOT", Value: s.o.DocumentRoot},
			{Name: "CONTEXT_PREFIX", Value: ""},
			{Name: "SERVER_ADMIN", Value: "[no address given]"},
		},
	}
	if a.Path == "" && a.Module == "" {
		script.Name, script.Source, script.Callable = "welcome.py", welcomeSource, "application"
	}
	return script
}

// sourceFiles lists what a restart depends on.
func (s *serving) sourceFiles() []string {
	files := s.python.SourceFiles()
	for _, h := range s.here {
		if h.Path != "" {
			files = append(files, h.Path)
		}
	}
	return append(files, s.unloaded.files()...)
}

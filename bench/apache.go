package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/gophersnake/gophersnake/bench/launch"
)

// apacheModules is where Debian keeps them.
const apacheModules = "/usr/lib/apache2/modules"

// apacheConfiguration loads what serves the application and nothing else, writes no access log, and never ends a
// connection or a process by itself.
var apacheConfiguration = template.Must(template.New("httpd.conf").Parse(`ServerRoot "{{.Work}}"
ServerName localhost
DefaultRuntimeDir "{{.Work}}"
PidFile "{{.Work}}/httpd-{{.Port}}.pid"
ErrorLog "{{.Log}}"
LogLevel warn
Listen {{.Address}}
LoadModule mpm_event_module {{.Modules}}/mod_mpm_event.so
LoadModule authz_core_module {{.Modules}}/mod_authz_core.so
LoadModule wsgi_module {{.Modules}}/mod_wsgi.so
{{- if .User}}
User {{.User}}
Group {{.User}}
{{- end}}
ServerLimit {{.FrontProcesses}}
StartServers {{.FrontProcesses}}
ThreadLimit {{.FrontThreads}}
ThreadsPerChild {{.FrontThreads}}
MaxRequestWorkers {{.FrontWorkers}}
MinSpareThreads 1
MaxSpareThreads {{.FrontWorkers}}
MaxConnectionsPerChild 0
KeepAlive On
KeepAliveTimeout 75
MaxKeepAliveRequests 0
{{- if .Daemon}}
WSGISocketPrefix "{{.Work}}/wsgi-{{.Port}}"
WSGIRestrictEmbedded On
WSGIDaemonProcess bench processes={{.Processes}} threads={{.Threads}} python-home="{{.Venv}}" python-path="{{.Apps}}"
WSGIProcessGroup bench
{{- else}}
WSGIPythonHome "{{.Venv}}"
WSGIPythonPath "{{.Apps}}"
{{- end}}
WSGIApplicationGroup %{GLOBAL}
WSGIScriptAlias / "{{.Apps}}/{{.Module}}.py"
<Directory "{{.Apps}}">
    Require all granted
</Directory>
`))

// workers are processes x threads.
type workers struct{ processes, threads int }

// apacheFront is what reads and writes HTTP before the daemons: a thread for each of 32 connections even if all of them
// fall to one process, as in embedded mode.
var apacheFront = workers{processes: 2, threads: 32}

// apacheMissing also refuses a mod_wsgi of another Python than the other peers use.
func apacheMissing(s *site) error {
	if _, err := apacheProgram(); err != nil {
		return err
	}
	module := filepath.Join(apacheModules, "mod_wsgi.so")
	if _, err := os.Stat(module); err != nil {
		return errors.New("mod_wsgi is not installed: package libapache2-mod-wsgi-py3")
	}
	if _, err := os.Stat(module + "-" + s.pythonVersion); err != nil {
		return fmt.Errorf("mod_wsgi is not built for Python %s, which the other peers use", s.pythonVersion)
	}
	return s.closedToServers()
}

// apacheProgram looks beyond the PATH: not every user has sbin there.
func apacheProgram() (string, error) {
	for _, name := range []string{"apache2", "/usr/sbin/apache2"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("apache2 is not installed")
}

func apacheCommand(s *site, p peer, t target) (launch.Command, error) {
	program, err := apacheProgram()
	if err != nil {
		return launch.Command{}, err
	}
	path := filepath.Join(s.work, fmt.Sprintf("httpd-%d.conf", t.port))
	if err := os.WriteFile(path, []byte(apacheText(s, p, t)), 0o644); err != nil {
		return launch.Command{}, fmt.Errorf("write Apache's configuration: %w", err)
	}
	return launch.Command{Args: []string{program, "-f", path, "-DFOREGROUND"}, Dir: s.work, Log: t.log}, nil
}

func apacheText(s *site, p peer, t target) string {
	user := ""
	if s.root {
		user = launch.ServerUser
	}
	front := apacheFront
	if p.mode != "daemon" { // who speaks HTTP runs the application
		front = workers{p.processes, p.threads}
	}
	var text strings.Builder
	values := map[string]any{
		"Work": s.work, "Apps": s.apps, "Venv": s.venv, "Modules": apacheModules, "User": user,
		"Module": t.module, "Address": t.address(), "Port": t.port, "Log": t.log,
		"FrontProcesses": front.processes, "FrontThreads": front.threads, "FrontWorkers": front.processes * front.threads,
		"Daemon": p.mode == "daemon", "Processes": p.processes, "Threads": p.threads,
	}
	_ = apacheConfiguration.Execute(&text, values) // a Builder does not fail, and a test executes it
	return text.String()
}

package cli

import (
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/gophersnake/gophersnake/internal/hosting"
	"github.com/gophersnake/gophersnake/internal/listen"
)

// printBanner says what is served and how, in the form of mod_wsgi-express,
// which programs may read.
func printBanner(w io.Writer, s *serving) {
	line := func(label, format string, args ...any) {
		fmt.Fprintf(w, "%-18s : %s\n", label, fmt.Sprintf(format, args...))
	}
	line("Server URL", "%s", serverURL(s.serverName(), s.port()))
	line("Error Log File", "%s (%s)", s.logs.errorName, s.o.LogLevel)
	if s.logs.name != "" {
		line("Access Log File", "%s", s.logs.name)
	}
	line("Operating Mode", "%s", operatingMode(&s.plan))
	line("Request Capacity", "%s", s.capacity())
	line("Server Backlog", "%d (connections)", listen.Backlog())
	line("Locale Setting", "UTF-8 mode")
	line("Python", "%s", s.pythonName)
	line("Running As", "%s", s.account.Name)
}

func operatingMode(p *hosting.Plan) string {
	switch {
	case len(p.Groups) == 0:
		return "embedded"
	case p.Embedded():
		return "daemon and embedded"
	}
	return "daemon"
}

// capacity is how many requests run at a time.
func (s *serving) capacity() string {
	total := 0
	var parts []string
	if s.plan.Embedded() {
		total += s.o.Group.Threads
		parts = append(parts, processesAndThreads(1, s.o.Group.Threads))
	}
	for i := range s.plan.Groups {
		g := &s.plan.Groups[i]
		if g.Threads == 0 {
			continue // a service
		}
		total += g.Processes * g.Threads
		parts = append(parts, processesAndThreads(g.Processes, g.Threads))
	}
	return fmt.Sprintf("%d (%s)", total, strings.Join(parts, " + "))
}

func processesAndThreads(processes, threads int) string {
	unit := "process"
	if processes != 1 {
		unit = "processes"
	}
	return fmt.Sprintf("%d %s * %d threads", processes, unit, threads)
}

// serverURL is where a browser on this machine finds the server.
func serverURL(host, port string) string {
	if host == "0.0.0.0" || host == "::" {
		host = "localhost"
	}
	address := net.JoinHostPort(host, port)
	return "http://" + strings.TrimSuffix(address, ":80") + "/"
}

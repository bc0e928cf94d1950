package cli

import (
	"fmt"
	"io"
	"net"
	"strings"

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
	line("Operating Mode", "%s", operatingMode(s.o))
	line("Request Capacity", "%s", capacity(s.o))
	line("Server Backlog", "%d (connections)", listen.Backlog())
	line("Locale Setting", "UTF-8 mode")
	line("Python", "%s", s.pythonName)
	line("Running As", "%s", s.account.Name)
}

func operatingMode(o *StartOptions) string {
	if o.EmbeddedMode {
		return "embedded"
	}
	return "daemon"
}

// capacity is how many requests run at a time.
func capacity(o *StartOptions) string {
	processes := 1
	if !o.EmbeddedMode {
		processes = o.Group.Processes
	}
	unit := "process"
	if processes != 1 {
		unit = "processes"
	}
	return fmt.Sprintf("%d (%d %s * %d threads)", processes*o.Group.Threads, processes, unit, o.Group.Threads)
}

// serverURL is where a browser on this machine finds the server.
func serverURL(host, port string) string {
	if host == "0.0.0.0" || host == "::" {
		host = "localhost"
	}
	address := net.JoinHostPort(host, port)
	return "http://" + strings.TrimSuffix(address, ":80") + "/"
}

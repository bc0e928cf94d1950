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
	line("Operating Mode", "embedded")
	line("Request Capacity", "%d (1 process * %d threads)", s.o.Threads, s.o.Threads)
	line("Server Backlog", "%d (connections)", listen.Backlog())
	line("Locale Setting", "UTF-8 mode")
	line("Python", "%s (%s)", s.home.Version, s.home.Home)
	line("Running As", "%s", s.account.Name)
}

// serverURL is where a browser on this machine finds the server.
func serverURL(host, port string) string {
	if host == "0.0.0.0" || host == "::" {
		host = "localhost"
	}
	address := net.JoinHostPort(host, port)
	return "http://" + strings.TrimSuffix(address, ":80") + "/"
}

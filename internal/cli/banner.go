package cli

import (
	"fmt"
	"io"
	"net"

	"github.com/gophersnake/gophersnake/internal/listen"
)

// printBanner says what is served and how, in the form of mod_wsgi-express,
// which programs may read.
func printBanner(w io.Writer, s *serving) {
	line := func(label, format string, args ...any) {
		fmt.Fprintf(w, "%-18s : %s\n", label, fmt.Sprintf(format, args...))
	}
	host, port := s.serverName(), s.port()
	if s.o.ServerName == "" && (s.o.Host == "0.0.0.0" || s.o.Host == "::") {
		host = "localhost"
	}
	url := "http://" + net.JoinHostPort(host, port) + "/"
	if port == "80" {
		url = "http://" + host + "/"
	}
	line("Server URL", "%s", url)
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

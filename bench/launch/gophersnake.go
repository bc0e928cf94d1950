package launch

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ServerUser is who servers become when root starts them.
const ServerUser = "www-data"

// Account is the User that the caller's servers need: ServerUser for root, "" for others.
func Account() string {
	if os.Geteuid() == 0 {
		return ServerUser
	}
	return ""
}

// Gophersnake is the program under test and how it is to serve a script.
type Gophersnake struct {
	Program, Script    string
	PythonHome         string // "" for the program's default
	User               string // account and group; "" for the caller's
	Daemon             bool   // daemon mode; else embedded mode, which has one process
	Processes, Threads int
	// Files is the soft limit of open descriptors that the program is started with; 0 for the caller's. The hard one is
	// the caller's.
	Files int
}

// Args is the command line.
func (g Gophersnake) Args(host string, port int) []string {
	args := []string{g.Program, "start-server", g.Script, "--host", host, "--port", strconv.Itoa(port),
		"--threads", strconv.Itoa(g.Threads), "--log-to-terminal"}
	if g.Daemon {
		args = append(args, "--processes", strconv.Itoa(g.Processes))
	} else {
		args = append(args, "--embedded-mode")
	}
	if g.PythonHome != "" {
		args = append(args, "--python-home", g.PythonHome)
	}
	if g.User != "" {
		args = append(args, "--user", g.User, "--group", g.User)
	}
	if g.Files == 0 {
		return args
	}
	return append([]string{"/bin/sh", "-c", "ulimit -S -n " + strconv.Itoa(g.Files) + ` && exec "$@"`, "sh"}, args...)
}

const (
	readyTimeout = 30 * time.Second
	stopGrace    = 15 * time.Second
)

// Serve starts the program at a free loopback address, with its log in directory work, and returns when it accepts
// connections. The caller must Stop the server.
func (g Gophersnake) Serve(ctx context.Context, work string) (server *Server, address string, err error) {
	host, port, err := FreeAddress()
	if err != nil {
		return nil, "", err
	}
	address = net.JoinHostPort(host, strconv.Itoa(port))
	server, err = Start(Command{Args: g.Args(host, port), Log: filepath.Join(work, "log")})
	if err != nil {
		return nil, "", err
	}
	ready, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := server.Ready(ready, address); err != nil {
		server.Stop(stopGrace)
		return nil, "", err
	}
	return server, address, nil
}

// Role names a process of the program by its command line: "server" (also of embedded mode, which has no other),
// "parent" or "daemon"; the program's name for what these have started.
func Role(command []string) string {
	switch {
	case len(command) == 0:
		return "ended"
	case len(command) > 1 && strings.HasPrefix(command[1], "@"):
		return command[1][1:]
	case len(command) > 1 && command[1] == "start-server" && !slices.Contains(command, "--embedded-mode"):
		return "parent"
	case len(command) > 1 && command[1] == "start-server":
		return "server"
	}
	return filepath.Base(command[0])
}

package listen

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Process is who holds a socket.
type Process struct {
	PID     int
	Command string // its arguments, as ps shows them
}

// stateListen is TCP_LISTEN in /proc/net/tcp.
const stateListen = "0A"

// holder finds the process that listens on port, nil if the system does not
// tell.
func holder(port int) *Process {
	sockets := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		addListening(sockets, table, port)
	}
	if len(sockets) == 0 {
		return nil
	}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*") // an unreadable process is one that cannot be known
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && sockets[target] {
			return processOf(link)
		}
	}
	return nil
}

// addListening adds the sockets in table that listen on port, by the name that
// links in /proc/PID/fd have.
func addListening(sockets map[string]bool, table string, port int) {
	f, err := os.Open(table)
	if err != nil {
		return
	}
	defer f.Close()
	suffix := fmt.Sprintf(":%04X", port)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 9 && strings.HasSuffix(fields[1], suffix) && fields[3] == stateListen {
			sockets["socket:["+fields[9]+"]"] = true
		}
	}
}

// processOf returns the process of a path /proc/PID/fd/N.
func processOf(link string) *Process {
	pid, err := strconv.Atoi(strings.Split(link, "/")[2])
	if err != nil {
		return nil
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return nil
	}
	return &Process{PID: pid, Command: string(bytes.TrimSpace(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))}
}

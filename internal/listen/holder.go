package listen

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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
// tell. Of several that share the socket it is the first.
func holder(port int) *Process {
	sockets := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		addListening(sockets, table, port)
	}
	if len(sockets) == 0 {
		return nil
	}
	for _, pid := range first(holders(sockets)) {
		if p := processOf(pid); p != nil {
			return p
		}
	}
	return nil
}

// holders returns the parent of each process that has one of the sockets open.
func holders(sockets map[string]bool) map[int]int {
	parents := map[int]int{}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*") // an unreadable process is one that cannot be known
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !sockets[target] {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(link, "/")[2])
		if err != nil {
			continue
		}
		if parent, err := parentOf(pid); err == nil {
			parents[pid] = parent
		}
	}
	return parents
}

// first returns the processes whose parent is none of them, in order: one that
// opened a socket, rather than those that inherited it, perhaps for the moment
// between fork and exec.
func first(parents map[int]int) []int {
	var pids []int
	for pid, parent := range parents {
		if _, inherited := parents[parent]; !inherited {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

func parentOf(pid int) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name before it may hold anything, parentheses too.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 2 {
		return 0, fmt.Errorf("read parent of process %d: %q", pid, text)
	}
	return strconv.Atoi(string(fields[1]))
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

// processOf returns nil for a process that has ended.
func processOf(pid int) *Process {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return nil
	}
	return &Process{PID: pid, Command: string(bytes.TrimSpace(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))}
}

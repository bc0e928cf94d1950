// Package launch starts a server as a process group, waits until it accepts connections, and ends it. It signals
// only groups it started, and knows nothing of what is measured. It knows Gophersnake's command line, and reads those of
// the programs that measure.
package launch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// A Command says how to start a server.
type Command struct {
	Args []string // program and arguments
	Dir  string   // working directory; "" is the caller's
	Env  []string // added to the caller's environment
	Log  string   // file that output and errors are appended to; it is made when missing
}

// A Server is a running process group. Its methods are for one goroutine.
type Server struct {
	command Command
	process *exec.Cmd
	ended   chan struct{} // closed when the first process has ended and status is set
	status  error
	gone    bool // the whole group has ended: its id may belong to others now
}

const poll = 20 * time.Millisecond

// Start starts the command and returns at once. The caller must Stop the server.
func Start(c Command) (*Server, error) {
	log, err := os.OpenFile(c.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open server log: %w", err)
	}
	defer log.Close() // the child has its own copy
	cmd := exec.Command(c.Args[0], c.Args[1:]...)
	cmd.Dir = c.Dir
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	s := &Server{command: c, process: cmd, ended: make(chan struct{})}
	go func() { // ends with the process; Stop waits for it
		s.status = cmd.Wait()
		close(s.ended)
	}()
	return s, nil
}

// PID is the id of the first process and of its group.
func (s *Server) PID() int { return s.process.Process.Pid }

// Ready waits until the server accepts connections at address. The error of a server that ended, or was not ready
// before ctx ended, holds the last lines of its log.
func (s *Server) Ready(ctx context.Context, address string) error {
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for {
		connection, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			return connection.Close()
		}
		select {
		case <-s.ended:
			return fmt.Errorf("server ended (%s)%s", exitText(s.status), s.LogTail())
		case <-ctx.Done():
			return fmt.Errorf("server not ready: %w%s", ctx.Err(), s.LogTail())
		case <-ticker.C:
		}
	}
}

func exitText(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

// Alive reports whether the first process still runs.
func (s *Server) Alive() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// LogTail returns the last lines of the log, each indented on a line of its own; "" for an empty log.
func (s *Server) LogTail() string {
	const keep = 15
	content, err := os.ReadFile(s.command.Log)
	if err != nil {
		return "\n    no log: " + err.Error()
	}
	text := strings.TrimSpace(string(content))
	if text == "" {
		return ""
	}
	lines := strings.Split(text, "\n")
	lines = lines[max(0, len(lines)-keep):]
	return "\n    " + strings.Join(lines, "\n    ")
}

// Stop asks the first process to end, waits for it and its group up to grace, then kills the group. It reports
// whether all ended by themselves. It may be called again, and does nothing then.
func (s *Server) Stop(grace time.Duration) bool {
	if s.gone {
		return true
	}
	defer func() { s.gone = true }()
	deadline := time.NewTimer(grace)
	defer deadline.Stop()
	if s.Alive() {
		_ = s.process.Process.Signal(syscall.SIGTERM) // it may have ended just now
	}
	if s.wait(deadline.C) {
		return true
	}
	_ = syscall.Kill(-s.PID(), syscall.SIGKILL)
	<-s.ended
	return false
}

// wait reports whether the whole group ended before timeout.
func (s *Server) wait(timeout <-chan time.Time) bool {
	select {
	case <-s.ended:
	case <-timeout:
		return false
	}
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for !errors.Is(syscall.Kill(-s.PID(), 0), syscall.ESRCH) {
		select {
		case <-ticker.C:
		case <-timeout:
			return false
		}
	}
	return true
}

// FreeAddress returns a loopback address whose port nobody listens on at the moment.
func FreeAddress() (host string, port int, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", 0, fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	return "127.0.0.1", listener.Addr().(*net.TCPAddr).Port, nil
}

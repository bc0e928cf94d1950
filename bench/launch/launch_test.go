package launch

import (
	"context"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func start(t *testing.T, script string) *Server {
	t.Helper()
	s, err := Start(Command{Args: []string{"/bin/sh", "-c", script}, Log: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop(0) })
	return s
}

func TestStartMissingProgram(t *testing.T) {
	_, err := Start(Command{Args: []string{"/no/such/program"}, Log: filepath.Join(t.TempDir(), "log")})
	if err == nil || !strings.Contains(err.Error(), "/no/such/program") {
		t.Errorf("error %v, want one that names the program", err)
	}
}

func TestReadyTellsTheLog(t *testing.T) {
	host, port, err := FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, "for i in $(seq 20); do echo line $i; done; echo no such module >&2; exit 3")
	err = s.Ready(t.Context(), net.JoinHostPort(host, strconv.Itoa(port)))
	if err == nil {
		t.Fatal("no error for a server that ended")
	}
	for _, part := range []string{"exit status 3", "line 20", "no such module"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
	if strings.Contains(err.Error(), "line 2\n") {
		t.Errorf("error %q holds more than the last lines", err)
	}
}

func TestReadyDeadline(t *testing.T) {
	host, port, err := FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, "exec sleep 60")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = s.Ready(ctx, net.JoinHostPort(host, strconv.Itoa(port)))
	if err == nil || !strings.Contains(err.Error(), "not ready") {
		t.Errorf("error %v, want not ready", err)
	}
}

func TestReady(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	s := start(t, "exec sleep 60")
	if err := s.Ready(t.Context(), listener.Addr().String()); err != nil {
		t.Error(err)
	}
}

func TestStop(t *testing.T) {
	tests := []struct {
		name, script string
		grace        time.Duration
		want         bool
	}{
		{"ends when asked", "echo ready; exec sleep 60", 10 * time.Second, true},
		{"has ended before", "exit 1", 10 * time.Second, true},
		{"does not listen", "trap '' TERM; echo ready; while :; do sleep 60; done", 100 * time.Millisecond, false},
		{"leaves a child behind", "sleep 60 & echo ready; exec sleep 60", 100 * time.Millisecond, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, test.script)
			settle(t, s)
			if got := s.Stop(test.grace); got != test.want {
				t.Errorf("Stop = %v, want %v", got, test.want)
			}
			if s.Alive() {
				t.Error("alive after Stop")
			}
		})
	}
}

// settle waits until the script says that it is ready, or has ended.
func settle(t *testing.T, s *Server) {
	t.Helper()
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for !strings.Contains(s.LogTail(), "ready") {
		select {
		case <-s.ended:
			return
		case <-t.Context().Done():
			t.Fatal("the script is not ready")
		case <-ticker.C:
		}
	}
}

package spawn

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gophersnake/gophersnake/internal/control"
)

// roles is what this test binary does as a child. A role returns its exit
// status.
var roles = map[string]func(*Inherited) int{
	"report":  report,
	"talk":    talk,
	"idle":    idle,
	"tied":    tied,
	"deaf":    deaf,
	"watch":   watchOnly,
	"parent":  parent,
	"adopter": adopter,
}

func TestMain(m *testing.M) {
	role, ok := RoleOf(os.Args)
	if !ok {
		os.Exit(m.Run())
	}
	in, err := Inherit()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
	os.Exit(roles[role](in))
}

// say sends a message to the parent, or ends this process.
func say(in *Inherited, kind string, payload any) {
	if err := in.Control().Send(kind, payload); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(98)
	}
}

// found is what the role "report" has found.
type found struct {
	Args, Env, Files []string
	Comm, Stdin      string
	Text             string // the settings
	CloseOnExec      bool
	Group            int
}

type text struct{ Text string }

func report(in *Inherited) int {
	var s text
	if err := in.Settings(&s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 97
	}
	comm, _ := os.ReadFile("/proc/self/comm")
	stdin, _ := os.Readlink("/proc/self/fd/0")
	f := found{Args: os.Args, Env: os.Environ(), Comm: strings.TrimSpace(string(comm)), Stdin: stdin, Group: unix.Getpgrp()}
	if len(s.Text) < 1000 {
		f.Text = s.Text
	} else {
		f.Text = fmt.Sprint(len(s.Text))
	}
	f.CloseOnExec = true
	for _, file := range in.Files() {
		b := make([]byte, 100)
		n, _ := file.Read(b)
		f.Files = append(f.Files, string(b[:n]))
		flags, err := unix.FcntlInt(file.Fd(), unix.F_GETFD, 0)
		f.CloseOnExec = f.CloseOnExec && err == nil && flags == unix.FD_CLOEXEC
	}
	say(in, "found", f)
	return 0
}

// speech is what the role "talk" does.
type speech struct {
	Lines  []string
	Status int
	Signal int  // to send to itself
	Leave  bool // behind, a process that holds the output
}

func talk(in *Inherited) int {
	var s speech
	if err := in.Settings(&s); err != nil {
		return 97
	}
	for i, l := range s.Lines {
		fmt.Fprint([]*os.File{os.Stdout, os.Stderr}[i%2], l)
	}
	if s.Leave {
		c := exec.Command("sh", "-c", "read wait; echo from behind")
		c.Stdin, c.Stdout = in.Files()[0], os.Stdout
		if c.Start() != nil {
			return 96
		}
	}
	if s.Signal != 0 {
		_ = unix.Kill(os.Getpid(), unix.Signal(s.Signal))
		_ = unix.Pause()
	}
	return s.Status
}

// idle waits for the end of the control connection.
func idle(in *Inherited) int {
	say(in, "ready", nil)
	_, _ = in.Control().Receive()
	return 0
}

// tied only lives until the kernel kills it with its parent: it changes its
// user first, which makes the kernel forget, and asks again.
func tied(in *Inherited) int {
	if unix.Getuid() == 0 {
		if err := unix.Setresuid(65534, 65534, 65534); err != nil {
			return 96
		}
	}
	if DieWithParent() != nil {
		return 95
	}
	return deaf(in)
}

// deaf looks at nothing.
func deaf(in *Inherited) int {
	say(in, "ready", nil)
	for {
		_ = unix.Pause()
	}
}

// watchOnly is not killed by the kernel, and ends when it sees its parent gone.
func watchOnly(in *Inherited) int {
	if unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0) != nil {
		return 96
	}
	say(in, "ready", nil)
	<-in.ParentGone()
	return 0
}

// parent starts a process in the role of its settings, and says its number.
func parent(in *Inherited) int {
	var s text
	if err := in.Settings(&s); err != nil {
		return 97
	}
	l, err := NewLauncher()
	if err != nil {
		return 96
	}
	p, err := l.Start(Options{Role: s.Text})
	if err != nil {
		return 95
	}
	if _, err := p.Control().Receive(); err != nil {
		return 94
	}
	say(in, "started", p.Pid())
	return idle(in)
}

// adopter makes an orphan, and children of its own in both ways, and says what
// became of them.
func adopter(in *Inherited) int {
	if Adopt() != nil {
		return 96
	}
	l, err := NewLauncher()
	if err != nil {
		return 95
	}
	ctx, cancel := context.WithCancel(context.Background())
	reaped := make(chan Orphan, 10)
	ended := make(chan struct{})
	go func() { defer close(ended); l.Reap(ctx, func(o Orphan) { reaped <- o }) }()
	status := adopt(in, l, reaped)
	cancel()
	<-ended
	if l.Close() != nil {
		return 92
	}
	return status
}

func adopt(in *Inherited, l *Launcher, reaped chan Orphan) int {
	own, err := l.Start(Options{Role: "talk", Settings: speech{Status: 7}})
	if err != nil {
		return 94
	}
	// The shell prints the number of a process that outlives it.
	out, err := exec.Command("sh", "-c", "sh -c 'exit 4' & wait $!; sh -c 'kill -STOP $$; exit 5' >&- 2>&- & echo $!").Output()
	if err != nil {
		return 93
	}
	orphan, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		return 91
	}
	// It may not have stopped itself yet: let it go on until it is seen.
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case o := <-reaped:
			say(in, "adopted", map[string]int{"own": own.Wait().Status, "orphan": orphan, "reaped": o.Pid})
			return 0
		case <-again.C:
			_ = unix.Kill(orphan, unix.SIGCONT)
		}
	}
}

// start starts a process that ends with the test.
func start(t *testing.T, o Options) *Process {
	t.Helper()
	l, err := NewLauncher()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return startWith(t, l, o)
}

func startWith(t *testing.T, l *Launcher, o Options) *Process {
	t.Helper()
	p, err := l.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Control().Close() })
	return p
}

// heard receives a message of kind, and decodes it into v unless that is nil.
func heard(t *testing.T, c *control.Conn, kind string, v any) {
	t.Helper()
	m, err := c.Receive()
	if err != nil || m.Kind != kind {
		t.Fatalf("received %+v (%v), want %q", m, err, kind)
	}
	if v != nil {
		if err := m.Decode(v); err != nil {
			t.Fatal(err)
		}
	}
}

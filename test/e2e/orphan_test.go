package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// orphans starts the program in daemon mode with a service, so that it has a child
// in each role. It is going to be killed.
func orphans(t *testing.T) launch {
	t.Helper()
	dir := appDir(t)
	write(t, dir, "clock.py", "import time\nprint('clock runs')\ntime.sleep(3600)\n")
	return launch{dir: dir, daemon: true, status: -1, args: []string{"--service-script", "clock", "clock.py", "app.py"}}
}

// killWithChildren kills the program and wants its children to end. It is stopped
// before, so that it has no others than those that are looked at.
func (p *process) killWithChildren() (n int) {
	p.t.Helper()
	p.signal(syscall.SIGSTOP)
	eventually(p.t, "the program is stopped", func() bool { return stateOf(p.pid()) == "T" })
	children := p.children()
	p.signal(syscall.SIGKILL)
	for _, pid := range children {
		eventually(p.t, fmt.Sprintf("the end of child %d", pid), func() bool { return strings.Trim(stateOf(pid), "ZX") == "" })
	}
	<-p.exited
	return len(children)
}

// TestKilledParent: a server, a daemon and a service end with the program, also
// if they are stopped or have work to do, and the port is free.
func TestKilledParent(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(*process){
		"idle":   func(*process) {},
		"frozen": func(p *process) { freezeAll(t, p.children()) },
		"busy": func(p *process) {
			c := p.send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
			if _, err := io.ReadFull(c, make([]byte, 1)); err != nil { // and no more
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := orphans(t)
			if err := os.Truncate(write(t, l.dir, "big", ""), 1<<30); err != nil {
				t.Fatal(err)
			}
			l.args = append(l.args, "--url-alias", "/big", "big", "--graceful-timeout", "0")
			p := l.start(t)
			p.stderr.await(t, "clock runs")
			before(p)
			if n := p.killWithChildren(); n != 3 {
				t.Errorf("%d children, want 3", n)
			}
			// The first thread of a process may have ended before the others.
			eventually(t, "the port is free", func() bool {
				free, err := net.Listen("tcp", p.addr)
				if err == nil {
					free.Close()
				}
				return err == nil
			})
		})
	}
}

// TestParentKilledDuringStart kills the program at moments of its start and of that
// of its children.
func TestParentKilledDuringStart(t *testing.T) {
	t.Parallel()
	l := orphans(t)
	seen := 0
	for round := range count(200, 15) {
		p := l.run(t, l.command()...)
		moment := time.NewTimer(time.Duration(20+round*37%180) * time.Millisecond)
		<-moment.C
		seen += p.killWithChildren()
	}
	if seen == 0 {
		t.Error("there never was a child")
	}
}

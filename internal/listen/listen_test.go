package listen

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func open(t *testing.T, host string, port int) *Listener {
	t.Helper()
	l, err := Open(host, port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestOpenChoosesPort(t *testing.T) {
	l := open(t, "127.0.0.1", 0)
	if port := l.Addr().(*net.TCPAddr).Port; port == 0 {
		t.Errorf("listening on %s", l.Addr())
	}
}

func TestInUseNamesProcess(t *testing.T) {
	l := open(t, "127.0.0.1", 0)
	port := l.Addr().(*net.TCPAddr).Port
	_, err := Open("127.0.0.1", port)
	var inUse *InUseError
	if !errors.As(err, &inUse) || !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("Open of a taken port: %v", err)
	}
	if inUse.Holder == nil || inUse.Holder.PID != os.Getpid() {
		t.Errorf("holder %+v, want this process, %d", inUse.Holder, os.Getpid())
	}
	for _, want := range []string{"127.0.0.1:" + strconv.Itoa(port), "process " + strconv.Itoa(os.Getpid()), "--port"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
}

func TestHolderUnknown(t *testing.T) {
	l := open(t, "127.0.0.1", 0)
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	if p := holder(port); p != nil {
		t.Errorf("holder of a free port: %+v", p)
	}
}

// Who inherited a socket is not who has to be stopped.
func TestFirstHolder(t *testing.T) {
	for _, c := range []struct {
		parents map[int]int
		want    []int
	}{
		{nil, nil},
		{map[int]int{9: 1}, []int{9}},
		{map[int]int{9: 1, 10: 9, 8: 9}, []int{9}},
		{map[int]int{9: 1, 10: 9, 5: 10}, []int{9}},
		{map[int]int{9: 1, 4: 1, 10: 9}, []int{4, 9}},
	} {
		if got := first(c.parents); !slices.Equal(got, c.want) {
			t.Errorf("of %v: %v, want %v", c.parents, got, c.want)
		}
	}
}

// A process that inherits the socket shares it, and its parent is named.
func TestHoldersKnowTheirParents(t *testing.T) {
	l := open(t, "127.0.0.1", 0)
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command("/bin/cat") // until its input ends
	cmd.ExtraFiles = []*os.File{f}
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	sockets := map[string]bool{}
	addListening(sockets, "/proc/net/tcp", port)
	parents := holders(sockets)
	if len(parents) != 2 || parents[cmd.Process.Pid] != os.Getpid() || parents[os.Getpid()] != os.Getppid() {
		t.Errorf("holders and their parents: %v; this is %d, child of %d, parent of %d", parents, os.Getpid(), os.Getppid(), cmd.Process.Pid)
	}
	if p := holder(port); p == nil || p.PID != os.Getpid() {
		t.Errorf("holder %+v, want this process, %d", p, os.Getpid())
	}
	if err := errors.Join(input.Close(), cmd.Wait()); err != nil {
		t.Error(err)
	}
}

func TestAddressThatIsNotHere(t *testing.T) {
	_, err := Open("192.0.2.1", 0)
	if err == nil || !strings.Contains(err.Error(), "listen on 192.0.2.1:0") {
		t.Errorf("error %v", err)
	}
}

// inheritor is set in the environment of the process that TestExec replaces.
const inheritor = "GOPHERSNAKE_TEST_INHERIT"

// TestMain plays the part of a program that runs itself again.
func TestMain(m *testing.M) {
	switch os.Getenv(inheritor) {
	case "":
		os.Exit(m.Run())
	case "first":
		replaceMyself()
	case "second":
		reportInherited()
	case "other":
		_, err := Open("127.0.0.1", 1)
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(0)
	}
}

// afterwards is what a replaced process is to do.
const afterwards = "GOPHERSNAKE_TEST_AFTERWARDS"

func replaceMyself() {
	l, err := Open("127.0.0.1", 0)
	if err != nil {
		panic(err)
	}
	b, err := Bequeath(l)
	if err != nil {
		panic(err)
	}
	l.Close()
	os.Stdout.WriteString(l.Addr().String() + "\n")
	next := os.Getenv(afterwards)
	os.Setenv(inheritor, next)
	panic(b.Exec("GOPHERSNAKE_TEST_EXTRA=extra"))
}

func reportInherited() {
	l, err := Open("127.0.0.1", 0)
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString(l.Addr().String() + "\n" + os.Getenv("GOPHERSNAKE_TEST_EXTRA") + "\n" + strconv.FormatBool(l.Foreign) + "\n")
	os.Exit(0)
}

// replaced returns what a process prints that replaces itself and then does next.
func replaced(t *testing.T, next string) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), inheritor+"=first", afterwards+"="+next)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.Split(string(out), "\n")
}

func TestExecPassesSocketOn(t *testing.T) {
	lines := replaced(t, "second")
	if len(lines) < 4 || lines[0] != lines[1] || lines[2] != "extra" || lines[3] != "false" {
		t.Errorf("before and after: %q", lines)
	}
}

// TestForeignName: a socket of systemd's stays that of others, whatever it is called
// (FileDescriptorName=), also when the program runs itself again.
func TestForeignName(t *testing.T) {
	l := open(t, "127.0.0.1", 0)
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, name := range []string{"gophersnake", "connection", ""} {
		cmd := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0"`, os.Args[0])
		cmd.Env = append(os.Environ(), inheritor+"=first", afterwards+"=second", "LISTEN_FDS=1", "LISTEN_FDNAMES="+name)
		cmd.ExtraFiles = []*os.File{f}
		out, err := cmd.CombinedOutput()
		want := []string{l.Addr().String(), l.Addr().String(), "extra", "true", ""}
		if got := strings.Split(string(out), "\n"); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestInheritedSocketForAnotherPort(t *testing.T) {
	lines := replaced(t, "other")
	if len(lines) < 2 || !strings.Contains(lines[1], "none is for port 1") || !strings.Contains(lines[1], lines[0]) {
		t.Errorf("printed %q", lines)
	}
}

func TestInheritedSocketOfAnotherProcessIsLeft(t *testing.T) {
	t.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()+1))
	t.Setenv("LISTEN_FDS", "1")
	if l, err := inherit(0); l != nil || err != nil {
		t.Errorf("inherit: %v, %v", l, err)
	}
}

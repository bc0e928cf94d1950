package spawn

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestWhatAChildGets(t *testing.T) {
	var files []*os.File
	for _, content := range []string{"first", "second"} {
		name := filepath.Join(t.TempDir(), content)
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, f)
	}
	p := start(t, Options{Role: "report", Name: "(wsgi:a name)", Settings: text{"hello"}, Files: files, Env: []string{"A=1"}})
	var f found
	heard(t, p.Control(), "found", &f)
	if want := []string{"(wsgi:a name)", "@report"}; !slices.Equal(f.Args, want) {
		t.Errorf("arguments %q, want %q", f.Args, want)
	}
	if !slices.Equal(f.Env, []string{"A=1"}) || f.Text != "hello" || f.Stdin != os.DevNull || f.Comm != "(wsgi:a name)" {
		t.Errorf("got %+v", f)
	}
	if !slices.Equal(f.Files, []string{"first", "second"}) || !f.CloseOnExec {
		t.Errorf("files %q, close-on-exec %v", f.Files, f.CloseOnExec)
	}
	if f.Group != p.Pid() {
		t.Errorf("process %d is in group %d", p.Pid(), f.Group)
	}
	if e := p.Wait(); e.Pid != p.Pid() || e.Status != 0 || e.Signal != 0 || e.CPU <= 0 || e.MaxRSS < 1<<20 {
		t.Errorf("exit %+v", e)
	}
}

// TestLongName: ps shows the whole of a name, also one that is longer than this
// program's own arguments.
func TestLongName(t *testing.T) {
	name := "(wsgi:" + strings.Repeat("a long name ", 1+len(strings.Join(os.Args, " "))/10) + ")"
	p := start(t, Options{Role: "idle", Name: name})
	heard(t, p.Control(), "ready", nil)
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.Pid()))
	if want := name + "\x00@idle\x00"; err != nil || string(line) != want {
		t.Errorf("cmdline %q (%v), want %q", line, err, want)
	}
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p.Pid()))
	if want := name[:15] + "\n"; err != nil || string(comm) != want {
		t.Errorf("comm %q (%v), want %q", comm, err, want)
	}
}

func TestDefaultsAndLargeSettings(t *testing.T) {
	p := start(t, Options{Role: "report", Settings: text{strings.Repeat("x", 1<<20)}})
	var f found
	heard(t, p.Control(), "found", &f)
	if f.Text != fmt.Sprint(1<<20) || f.Args[0] != os.Args[0] || !slices.Equal(f.Env, os.Environ()) {
		t.Errorf("text %s, arguments %q", f.Text, f.Args)
	}
	if strings.Contains(strings.Join(f.Args, " "), "x") != strings.Contains(os.Args[0], "x") {
		t.Errorf("settings are in the arguments: %.100q", f.Args)
	}
}

func TestUnknownSettingIsAnError(t *testing.T) {
	p := start(t, Options{Role: "report", Settings: map[string]int{"Txet": 1}})
	if e := p.Wait(); e.Status != 97 || !strings.Contains(strings.Join(e.Output, "\n"), `unknown field "Txet"`) {
		t.Errorf("exit %+v", e)
	}
	if _, err := p.Control().Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("receive after the end: %v", err)
	}
}

// TestSettingsOfOneWhoDies: a process that ends before it has read its settings
// leaves nothing behind here.
func TestSettingsOfOneWhoDies(t *testing.T) {
	l, err := NewLauncher()
	if err != nil {
		t.Fatal(err)
	}
	p := startWith(t, l, Options{Role: "report", Settings: text{strings.Repeat("x", 1<<20)}})
	if err := p.Signal(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if e := p.Wait(); e.Signal != unix.SIGKILL || e.Status != 0 {
		t.Errorf("exit %+v", e)
	}
	if err := l.Close(); err != nil { // waits for all goroutines
		t.Error(err)
	}
}

func TestOutput(t *testing.T) {
	var said []string
	var want []string
	s := speech{Status: 3}
	for i := range 30 {
		s.Lines = append(s.Lines, fmt.Sprintf("line %d\n", i))
		want = append(want, fmt.Sprintf("line %d", i))
	}
	s.Lines = append(s.Lines, "crlf\r\n", "\n", strings.Repeat("y", maxLine+1)+"\n", strings.Repeat("z", maxLine)+"\n", "last, without an end")
	want = append(want, "crlf", "", strings.Repeat("y", maxLine), "y", strings.Repeat("z", maxLine), "last, without an end")
	p := start(t, Options{Role: "talk", Settings: s, Output: func(l string) { said = append(said, l) }})
	e := p.Wait()
	if e.Status != 3 || !slices.Equal(e.Output, want[len(want)-keptLines:]) || !slices.Equal(p.LastLines(), e.Output) {
		t.Errorf("exit %+v", e)
	}
	if !slices.Equal(said, want) {
		t.Errorf("lines %.30q", said)
	}
}

func TestOutputOfWhatIsLeftBehind(t *testing.T) {
	r, w, err := pipe("go on", unix.O_WRONLY)
	if err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 10)
	p := start(t, Options{Role: "talk", Files: []*os.File{r}, Settings: speech{Leave: true, Lines: []string{"mine\n"}},
		Output: func(l string) { lines <- l }})
	r.Close()
	if e := p.Wait(); !slices.Equal(e.Output, []string{"mine"}) { // does not wait for the other one
		t.Errorf("exit %+v", e)
	}
	if got := <-lines; got != "mine" {
		t.Errorf("got %q", got)
	}
	w.Close()
	if got := <-lines; got != "from behind" {
		t.Errorf("got %q", got)
	}
}

func TestCloseDoesNotWaitForWhatIsLeftBehind(t *testing.T) {
	r, w, err := pipe("go on", unix.O_WRONLY)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	l, err := NewLauncher()
	if err != nil {
		t.Fatal(err)
	}
	p := startWith(t, l, Options{Role: "talk", Files: []*os.File{r}, Settings: speech{Leave: true}})
	r.Close()
	p.Wait()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestSignals(t *testing.T) {
	p := start(t, Options{Role: "talk", Settings: speech{Signal: int(unix.SIGTERM), Lines: []string{"oh\n"}}})
	e := p.Wait()
	if e.Signal != unix.SIGTERM || e.Status != 0 || !slices.Equal(e.Output, []string{"oh"}) {
		t.Errorf("exit %+v", e)
	}
	if err := p.Signal(unix.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("signal after the end: %v", err)
	}
}

func TestCloseKillsAndLeavesNothing(t *testing.T) {
	before := openDescriptors(t)
	l, err := NewLauncher()
	if err != nil {
		t.Fatal(err)
	}
	var processes []*Process
	for range 3 {
		p := startWith(t, l, Options{Role: "idle"})
		heard(t, p.Control(), "ready", nil)
		processes = append(processes, p)
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, p := range processes {
		if e := p.Wait(); e.Signal != unix.SIGKILL {
			t.Errorf("exit %+v", e)
		}
		p.Control().Close()
	}
	if _, err := l.Start(Options{Role: "idle"}); !errors.Is(err, ErrClosed) {
		t.Errorf("start after close: %v", err)
	}
	if after := openDescriptors(t); after != before {
		t.Errorf("%d descriptors are left", after-before)
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestNoOutliving kills a parent. Its child must end: killed by the kernel
// ("deaf"), also after it has changed its user ("tied"), or because it sees the
// end of the pipe ("watch").
func TestNoOutliving(t *testing.T) {
	for _, role := range []string{"deaf", "tied", "watch"} {
		t.Run(role, func(t *testing.T) {
			p := start(t, Options{Role: "parent", Settings: text{role}})
			var grandchild int
			heard(t, p.Control(), "started", &grandchild)
			end, err := unix.PidfdOpen(grandchild, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(end)
			if ended(t, end, 200*time.Millisecond) {
				t.Fatal("it has ended before its parent")
			}
			if err := p.Signal(unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			p.Wait()
			if !ended(t, end, 10*time.Second) {
				t.Errorf("process %d outlives its parent", grandchild)
				_ = unix.Kill(grandchild, unix.SIGKILL)
			}
		})
	}
}

// ended waits for the end of a process that is known by a descriptor.
func ended(t *testing.T, pidfd int, limit time.Duration) bool {
	t.Helper()
	until := time.Now().Add(limit)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, max(0, int(time.Until(until).Milliseconds())))
		if !errors.Is(err, syscall.EINTR) {
			if err != nil {
				t.Fatal(err)
			}
			return n == 1
		}
	}
}

func TestOrphansAreReaped(t *testing.T) {
	p := start(t, Options{Role: "adopter"})
	var got struct{ Own, Orphan, Reaped int }
	m, err := p.Control().Receive()
	if err != nil {
		t.Fatalf("%v: %+v", err, p.Wait())
	}
	if err := m.Decode(&got); err != nil || got.Own != 7 || got.Orphan == 0 || got.Reaped != got.Orphan {
		t.Errorf("got %+v (%v)", got, err)
	}
	if e := p.Wait(); e.Status != 0 {
		t.Errorf("exit %+v", e)
	}
}

func TestDeadChild(t *testing.T) {
	const rest = " -1 4228108 0 0 0 0 0 0 0 0 20 0 1 0 12345 0"
	for line, want := range map[string]bool{
		"7 (sh) Z 42 7 7 0" + rest:         true,
		"7 (a) Z 1 (b)) Z 42 7 7 0" + rest: true,
		"7 (sh) S 42 7 7 0" + rest:         false,
		"7 (sh) Z 43 7 7 0" + rest:         false,
		"7 (sh) Z 42":                      false,
		"7 (sh":                            false,
	} {
		if start, ok := deadChild(line, 42); ok != want || ok && start != 12345 {
			t.Errorf("%q: %d, %v", line, start, ok)
		}
	}
}

func TestStartRefuses(t *testing.T) {
	l, err := NewLauncher()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	closed, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	before := openDescriptors(t)
	for name, c := range map[string]struct {
		o    Options
		want string
	}{
		"no role":     {Options{}, `role ""`},
		"a sentence":  {Options{Role: "two words"}, `role "two words"`},
		"name":        {Options{Role: "idle", Name: "a\x00b"}, "zero byte"},
		"settings":    {Options{Role: "idle", Settings: make(chan int)}, "encode settings"},
		"closed file": {Options{Role: "idle", Files: []*os.File{closed}}, "descriptor 6 from /dev/null"},
		"nil file":    {Options{Role: "idle", Files: []*os.File{nil}}, "descriptor 6"},
		"environment": {Options{Role: "idle", Env: []string{"A=\x00"}}, "execute /proc/self/exe"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := l.Start(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one that says %q", err, c.want)
			}
		})
	}
	if after := openDescriptors(t); after != before {
		t.Errorf("%d descriptors are left", after-before)
	}
}

func TestRoleByHand(t *testing.T) {
	out, err := exec.Command("/proc/self/exe", "@idle").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 99 || !strings.Contains(string(out), "only for processes that the program starts itself") {
		t.Errorf("%v: %s", err, out)
	}
	for _, args := range [][]string{{}, {"x"}, {"x", ""}, {"x", "start-server"}} {
		if role, ok := RoleOf(args); ok {
			t.Errorf("%q is taken for role %q", args, role)
		}
	}
}

package procfs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const tail = " S 7 5 5 0 -1 4194304 100 0 0 0 250 50 9 9 20 0 1 0 12345 0 0"
	want := stat{parent: 7, group: 5, cpu: 3 * time.Second, waited: 180 * time.Millisecond}
	for _, command := range []string{"(python3)", "(a b)", "(evil) S 1 1)", "(new\nline)"} {
		got, err := parseStat("42 " + command + tail)
		if err != nil || got != want {
			t.Errorf("parseStat of %q: %+v, %v; want %+v", command, got, err, want)
		}
	}
	for _, line := range []string{"", "42 python3 S 7", "42 (python3) S 7 5", "42 (x) S a 5 5 0 -1 0 0 0 0 0 1 1 0 0", "42 (x) S 7 5 5 0 -1 0 0 0 0 0 1 1 0"} {
		if got, err := parseStat(line); err == nil {
			t.Errorf("parseStat(%q) = %+v, want an error", line, got)
		}
	}
}

func TestParseSchedstat(t *testing.T) {
	for line, want := range map[string]time.Duration{
		"1032565851 353394 31\n": 1032565851,
		"0 0 1":                  0,
		"":                       0,
		"none at all":            0,
	} {
		if got := parseSchedstat(line); got != want {
			t.Errorf("parseSchedstat(%q) = %d, want %d", line, got, want)
		}
	}
}

func TestParseKilobytes(t *testing.T) {
	const text = "560f5ad94000-7fff7fac9000 ---p 00000000 00:00 0  [rollup]\nRss:     1752 kB\nPss:      411 kB\nPss_Dirty: 112 kB\nBad:\n"
	for key, want := range map[string]int64{"Rss:": 1752 * 1024, "Pss:": 411 * 1024, "Bad:": 0, "None:": 0} {
		if got := parseKilobytes(text, key); got != want {
			t.Errorf("parseKilobytes(%q) = %d, want %d", key, got, want)
		}
	}
}

// fake is a proc file system in a directory.
type fake struct {
	t   *testing.T
	dir string
}

func (f fake) process(pid, parent, group, ticks int, threads ...int) {
	f.write(pid, "stat", fmt.Sprintf("%d (server) S %d %d 1 0 -1 0 0 0 0 0 %d 0 0 0", pid, parent, group, ticks))
	f.write(pid, "smaps_rollup", "Rss: 100 kB\nPss: 60 kB\n")
	f.write(pid, "fd/0", "")
	f.write(pid, "fd/1", "")
	for i, nanoseconds := range threads {
		f.write(pid, fmt.Sprintf("task/%d/schedstat", pid+i), fmt.Sprintf("%d 0 1\n", nanoseconds))
	}
}

func (f fake) write(pid int, name, content string) {
	f.t.Helper()
	path := filepath.Join(f.dir, strconv.Itoa(pid), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

func TestTree(t *testing.T) {
	f := fake{t, t.TempDir()}
	f.process(1, 0, 1, 0)
	f.process(10, 1, 10, 0)  // the server
	f.process(11, 10, 10, 0) // its child
	f.process(12, 11, 12, 0) // a grandchild with a group of its own
	f.process(13, 1, 10, 0)  // an orphan of the group
	f.process(20, 1, 20, 0)  // a stranger
	f.write(21, "stat", "")  // one that has just ended
	got, err := FS(f.dir).Tree(10)
	if want := []int{10, 11, 12, 13}; err != nil || !slices.Equal(got, want) {
		t.Errorf("Tree(10) = %v, %v; want %v", got, err, want)
	}
	if got, err := FS(f.dir).Tree(99); err == nil {
		t.Errorf("Tree(99) = %v, want an error", got)
	}
}

func TestTreeCircle(t *testing.T) {
	f := fake{t, t.TempDir()}
	f.process(10, 1, 10, 0)
	f.process(30, 31, 30, 0)
	f.process(31, 30, 31, 0)
	if got, err := FS(f.dir).Tree(10); err != nil || !slices.Equal(got, []int{10}) {
		t.Errorf("Tree(10) = %v, %v; want [10]", got, err)
	}
}

func TestSnapshotAndUsage(t *testing.T) {
	f := fake{t, t.TempDir()}
	f.process(10, 1, 10, 5, 40e6, 2e6)
	f.process(11, 10, 10, 7, 70e6)
	fs := FS(f.dir)
	got, err := fs.Snapshot(10)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Process{PID: 10, Ticks: 50 * time.Millisecond, Precise: 42 * time.Millisecond}); got[10] != want {
		t.Errorf("process 10: %+v, want %+v", got[10], want)
	}
	want := Usage{Resident: 200 * 1024, Proportional: 120 * 1024, Files: 4, Threads: 3}
	if got := fs.Usage([]int{10, 11, 99}); got != want {
		t.Errorf("Usage: %+v, want %+v", got, want)
	}
}

func TestSince(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name          string
		before, after Snapshot
		want          Spent
	}{
		{"nanoseconds win over ticks",
			Snapshot{1: {1, 10 * ms, 11 * ms, 0}}, Snapshot{1: {1, 130 * ms, 117 * ms, 0}}, Spent{CPU: 106 * ms}},
		{"a thread has ended: the ticks know",
			Snapshot{1: {1, 500 * ms, 505 * ms, 0}}, Snapshot{1: {1, 1500 * ms, 900 * ms, 0}}, Spent{CPU: 1000 * ms}},
		{"a kernel that counts no nanoseconds",
			Snapshot{1: {1, 100 * ms, 0, 0}}, Snapshot{1: {1, 700 * ms, 0, 0}}, Spent{CPU: 600 * ms}},
		{"a new process counts whole, an ended one is told",
			Snapshot{1: {1, 0, 0, 0}, 2: {2, 0, 0, 0}}, Snapshot{1: {1, 0, 5 * ms, 0}, 3: {3, 10 * ms, 7 * ms, 0}},
			Spent{CPU: 12 * ms, Ended: 1}},
		{"one came, worked and ended: who waited for it knows",
			Snapshot{1: {1, 0, 0, 300 * ms}}, Snapshot{1: {1, 0, 5 * ms, 900 * ms}}, Spent{CPU: 605 * ms}},
		{"an ended one counts from before on",
			Snapshot{1: {1, 0, 0, 300 * ms}, 2: {2, 400 * ms, 404 * ms, 0}}, Snapshot{1: {1, 0, 5 * ms, 1200 * ms}},
			Spent{CPU: 505 * ms, Ended: 1}},
		{"an ended one that had waited for others",
			Snapshot{1: {1, 0, 0, 0}, 2: {2, 400 * ms, 404 * ms, 200 * ms}}, Snapshot{1: {1, 0, 5 * ms, 700 * ms}},
			Spent{CPU: 105 * ms, Ended: 1}},
		{"an ended one that nobody waited for is lost",
			Snapshot{1: {1, 0, 0, 0}, 2: {2, 400 * ms, 404 * ms, 0}}, Snapshot{1: {1, 0, 5 * ms, 0}},
			Spent{CPU: 5 * ms, Ended: 1, Lost: true}},
	}
	for _, test := range tests {
		if got := test.after.Since(test.before); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

// burn uses d of processor time.
func burn(d time.Duration) {
	used := func() time.Duration {
		var usage syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // cannot fail with these arguments
		return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	for start := used(); used()-start < d; {
	}
}

// TestChildrenThatEnded holds the sums against the kernel: a child that appears and ends between two snapshots, and one
// that the first one saw.
func TestChildrenThatEnded(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := func(until io.Reader) *exec.Cmd {
		cmd := exec.Command(self, "-test.run=^TestHelperBurns$")
		cmd.Env = append(os.Environ(), "BURN=1")
		cmd.Stdin = until
		return cmd
	}
	end, started := io.Pipe()
	seen := child(end)
	if err := seen.Start(); err != nil {
		t.Fatal(err)
	}
	before, err := Proc.Snapshot(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := before[seen.Process.Pid]; !ok {
		t.Errorf("child %d is not in %v", seen.Process.Pid, before)
	}
	started.Close()
	if err := errors.Join(seen.Wait(), child(nil).Run()); err != nil {
		t.Fatal(err)
	}
	after, err := Proc.Snapshot(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if got := after.Since(before); got.CPU < 350*time.Millisecond || got.CPU > 10*time.Second || got.Ended != 1 || got.Lost {
		t.Errorf("%+v; want the 400 ms of two children, one of which was seen", got)
	}
}

// TestHelperBurns is the child: it uses 200 ms of processor time once its input has ended.
func TestHelperBurns(t *testing.T) {
	if os.Getenv("BURN") == "" {
		return
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	burn(200 * time.Millisecond)
}

func TestCommandAndLimits(t *testing.T) {
	f := fake{t, t.TempDir()}
	f.write(10, "cmdline", "server\x00--port\x00\x0080\x00")
	f.write(10, "limits", "Limit                     Soft Limit           Hard Limit           Units\n"+
		"Max processes             1                    2                    processes\nMax open files            1024                 unlimited            files\n")
	f.write(11, "cmdline", "")
	f.write(11, "limits", "Max open files\n")
	fs := FS(f.dir)
	if got, want := fs.Command(10), []string{"server", "--port", "", "80"}; !slices.Equal(got, want) {
		t.Errorf("Command = %q, want %q", got, want)
	}
	if soft, hard := fs.FilesLimit(10); soft != "1024" || hard != "unlimited" {
		t.Errorf("FilesLimit = %q, %q", soft, hard)
	}
	for _, pid := range []int{11, 99} {
		if got := fs.Command(pid); got != nil {
			t.Errorf("Command(%d) = %q, want nothing", pid, got)
		}
		if soft, hard := fs.FilesLimit(pid); soft != "" || hard != "" {
			t.Errorf("FilesLimit(%d) = %q, %q; want nothing", pid, soft, hard)
		}
	}
}

// TestOwnProcess holds the parsers against the kernel's own files.
func TestOwnProcess(t *testing.T) {
	pid := os.Getpid()
	before, err := Proc.Snapshot(pid)
	if err != nil {
		t.Fatal(err)
	}
	burn(100 * time.Millisecond)
	after, err := Proc.Snapshot(pid)
	if err != nil {
		t.Fatal(err)
	}
	if spent := after.Since(before); spent.CPU <= 0 || spent.CPU > 10*time.Second {
		t.Errorf("100 ms of work used %v", spent.CPU)
	}
	if u := Proc.Usage([]int{pid}); u.Resident <= 0 || u.Proportional <= 0 || u.Files < 3 || u.Threads < 1 {
		t.Errorf("Usage: %+v", u)
	}
}

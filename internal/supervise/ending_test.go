package supervise

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

func TestCause(t *testing.T) {
	for want, e := range map[string]Exit{
		"exited with status 0":                          {},
		"exited with status 3":                          {Status: 3},
		"killed by signal 11 (segmentation fault)":      {Signal: syscall.SIGSEGV},
		"killed by signal 6 (aborted), core dumped":     {Signal: syscall.SIGABRT, Core: true},
		"killed by signal 24 (CPU time limit exceeded)": {Signal: syscall.SIGXCPU},
		"killed by signal 40 (signal 40)":               {Signal: 40},
	} {
		if got := cause(e); got != want {
			t.Errorf("%+v: %q, want %q", e, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0.0K", 1536: "1.5K", 512 << 20: "512.0M", 3 << 30: "3.0G", 5000 << 40: "5000.0T"} {
		if got := size(n); got != want {
			t.Errorf("%d bytes are %s, want %s", n, got, want)
		}
	}
}

// tree is a root with files for an OOM.
type tree struct {
	t    *testing.T
	root string
}

func (tr tree) write(name, text string) {
	tr.t.Helper()
	file := filepath.Join(tr.root, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		tr.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		tr.t.Fatal(err)
	}
}

const (
	v2Events = "sys/fs/cgroup/web/memory.events"
)

func (tr tree) kills(n int) {
	tr.t.Helper()
	tr.write(v2Events, "low 0\noom 9\noom_kill "+strconv.Itoa(n)+"\noom_group_kill 0\n")
}

func TestOOMFindsTheCounter(t *testing.T) {
	for name, c := range map[string]struct{ cgroup, file, want string }{
		"version 2":          {"0::/web\n", v2Events, "oom_kill in memory.events of cgroup /web grew"},
		"below what is seen": {"0::/docker/1/web\n", "sys/fs/cgroup/docker/memory.events", "oom_kill in memory.events of cgroup /docker grew"},
		"version 1":          {"9:name=systemd:/\n4:cpu,memory:/web\n0::/\n", "sys/fs/cgroup/memory/web/memory.oom_control", "oom_kill in memory.oom_control of cgroup /web grew"},
		"both":               {"4:pids:/x\n0::/web\n", "sys/fs/cgroup/unified/web/memory.events", "oom_kill in memory.events of cgroup /web grew"},
		"a colon":            {"0::/a:b\n", "sys/fs/cgroup/a:b/memory.events", "oom_kill in memory.events of cgroup /a:b grew"},
	} {
		t.Run(name, func(t *testing.T) {
			tr := tree{t, t.TempDir()}
			tr.write("proc/7/cgroup", c.cgroup)
			tr.write(c.file, "under_oom 0\noom_kill 3\n")
			o, now := NewOOM(tr.root), time.Now()
			watched := o.Watch(7, now)
			if got := o.Claim(watched, now); got != "" {
				t.Errorf("nobody was killed: %q", got)
			}
			tr.write(c.file, "under_oom 0\noom_kill 4\n")
			if got := o.Claim(watched, now); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if got := o.Claim(watched, now); got != "" {
				t.Errorf("one kill was attributed twice: %q", got)
			}
		})
	}
}

func TestOOMWithoutAnything(t *testing.T) {
	tr := tree{t, t.TempDir()}
	o, now := NewOOM(tr.root), time.Now()
	if got := o.Watch(7, now); got != "" {
		t.Errorf("it watches %q", got)
	}
	tr.write("proc/7/cgroup", "junk\n0::/web\n")
	if got := o.Watch(7, now); got != "" {
		t.Errorf("it watches %q", got)
	}
	tr.write(v2Events, "oom_kill many\n")
	if got := o.Watch(7, now); got != "" {
		t.Errorf("it watches %q", got)
	}
	if got := o.Claim("", now); got != "" {
		t.Errorf("it claims %q", got)
	}
	tr.kills(1)
	watched := o.Watch(7, now)
	if err := os.Remove(filepath.Join(tr.root, v2Events)); err != nil {
		t.Fatal(err)
	}
	if got := o.Claim(watched, now); watched == "" || got != "" {
		t.Errorf("it watches %q, claims %q", watched, got)
	}
	o.Look(now)
}

func TestOOMOfOthersLongAgo(t *testing.T) {
	tr := tree{t, t.TempDir()}
	tr.write("proc/7/cgroup", "0::/web\n")
	tr.write("proc/8/cgroup", "0::/web\n")
	tr.kills(0)
	o, now := NewOOM(tr.root), time.Now()
	watched := o.Watch(7, now)
	tr.kills(5) // somebody, like what the process has started
	o.Look(now)
	if got := o.Claim(watched, now.Add(claimTime+1)); got != "" {
		t.Errorf("it is claimed later: %q", got)
	}
	tr.kills(6)
	o.Watch(8, now.Add(time.Minute)) // sees it, too, and forgets nothing
	if got := o.Claim(watched, now.Add(time.Minute+claimTime)); got == "" {
		t.Error("it is not claimed in time")
	}
}

func TestOOMKill(t *testing.T) {
	tr := tree{t, t.TempDir()}
	tr.kills(2)
	for pid := 101; pid < 110; pid++ {
		tr.write("proc/"+strconv.Itoa(pid)+"/cgroup", "0::/web\n")
	}
	o := usual(1)
	o.OOM = NewOOM(tr.root)
	scenario(t, o, func(t *testing.T, w *world) {
		w.memory[101] = 480 << 20
		w.run(40 * time.Second)
		w.notes = nil
		tr.kills(3)
		w.process(101).exit(Exit{Signal: syscall.SIGKILL, MaxRSS: 500 << 20})
		w.run(40 * time.Second)
		w.expect(`
			40s 101 down: killed by the kernel because memory ran out (oom_kill in memory.events of cgroup /web grew), resident when last looked: 480.0M, at most: 500.0M after 40s
			40s 102 start 1
			41s 102 up`)
		w.process(102).exit(Exit{Signal: syscall.SIGKILL})
		w.run(0)
		w.expect(`
			1m20s 102 down: killed by signal 9 (killed) after 40s
			1m20s 103 start 1`)
		w.run(time.Second)
		w.shutdown()
	})
}

// TestOverCPU: who was killed at its hard limit, as the kernel counts.
func TestOverCPU(t *testing.T) {
	killed := func(cpu time.Duration) Exit { return Exit{Signal: syscall.SIGKILL, CPU: cpu} }
	for name, c := range map[string]struct {
		e      Exit
		limit  time.Duration
		warned bool
		want   bool
	}{
		"at the limit":       {killed(10 * time.Second), 10 * time.Second, false, true},
		"a little early":     {killed(9500 * time.Millisecond), 10 * time.Second, false, true},
		"below":              {killed(9500*time.Millisecond - 1), 10 * time.Second, false, false},
		"below, but warned":  {killed(5 * time.Second), 10 * time.Second, true, true},
		"much below, warned": {killed(5*time.Second - 1), 10 * time.Second, true, false},
		"no limit":           {killed(time.Hour), 0, true, false},
		"it has exited":      {Exit{CPU: time.Hour}, 10 * time.Second, true, false},
		"by other signals":   {Exit{Signal: syscall.SIGSEGV, CPU: time.Hour}, 10 * time.Second, true, false},
	} {
		if got := overCPU(c.e, c.limit, c.warned); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	const want = "killed by the kernel because it used 9.5s of processor time, the hard limit that cpu-time-limit sets is 10s"
	if got := overCPU(killed(9520*time.Millisecond), 10*time.Second, false); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHardCPULimitInTheLog(t *testing.T) {
	o := usual(1)
	o.CPU = 8 * time.Second
	scenario(t, o, func(t *testing.T, w *world) {
		w.run(2 * time.Second)
		w.process(101).drained = nil
		w.process(101).asks("its request runs too long")
		w.process(101).spec.Events(Event{Kind: Asks, Reason: "it used up its processor time", CPU: true})
		w.run(2 * time.Second)
		w.process(101).exit(Exit{Signal: syscall.SIGKILL, CPU: 7 * time.Second})
		w.run(0)
		w.mustLog(`warn: group "app": process 1 (pid 101) ended: killed by the kernel because it used 7s of processor time, ` +
			`the hard limit that cpu-time-limit sets is 8s, after its request runs too long; it lived 4s`)
		w.shutdown()
	})
}

// TestBroken: what the owner kills says why, and somebody else takes its place.
func TestBroken(t *testing.T) {
	scenario(t, usual(1), func(t *testing.T, w *world) {
		w.run(2 * time.Second)
		w.notes = nil
		w.process(101).spec.Events(Event{Kind: Broken, Reason: "it wrote nonsense"})
		w.process(101).exit(Exit{Signal: syscall.SIGKILL})
		w.run(2 * time.Second)
		w.expect(`
			2s 101 down: killed, because it wrote nonsense after 2s
			2s 102 start 1
			3s 102 up`)
		w.shutdown()
	})
}

func TestExplainWithoutAnOOM(t *testing.T) {
	var none *OOM
	if got := none.Explain("", Exit{Signal: syscall.SIGKILL}, 0, time.Now()); got != "" {
		t.Errorf("got %q", got)
	}
	tr := tree{t, t.TempDir()}
	tr.write("proc/7/cgroup", "0::/web\n")
	tr.kills(0)
	o, now := NewOOM(tr.root), time.Now()
	watched := o.Watch(7, now)
	tr.kills(1)
	if got := o.Explain(watched, Exit{Signal: syscall.SIGSEGV}, 0, now); got != "" {
		t.Errorf("a segmentation fault is %q", got)
	}
	const want = "killed by the kernel because memory ran out (oom_kill in memory.events of cgroup /web grew), resident when last looked: 1.0M, at most: 2.0M"
	if got := o.Explain(watched, Exit{Signal: syscall.SIGKILL, MaxRSS: 2 << 20}, 1<<20, now); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

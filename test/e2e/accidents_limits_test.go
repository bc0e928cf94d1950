package e2e

import (
	"fmt"
	"os"
	"syscall"
	"testing"
)

const limitScript = `import os, time
try:
    import mod_wsgi
    mod_wsgi.subscribe_shutdown(lambda name, **about: print("ends:", about["shutdown_reason"]))
except ImportError:
    pass
def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/burn":
        until = time.thread_time() + 0.1
        while time.thread_time() < until:
            pass
    if path == "/sleep":
        print("falls asleep")
        time.sleep(3600)
    if path == "/loop":
        while True:
            pass
    start_response("200 OK", [("X-Pid", str(os.getpid())), ("X-Version", "1")])
    return [str(os.getpid()).encode()]
`

// limitServer serves limitScript in daemon mode.
func limitServer(t *testing.T, args ...string) *process {
	t.Helper()
	dir := tempDir(t)
	write(t, dir, "app.py", limitScript)
	return launch{dir: dir, daemon: true, args: append(args, "app.py")}.start(t)
}

// TestCPUTimeLimit: a process that has used up its processor time is drained and
// replaced; no request is lost.
func TestCPUTimeLimit(t *testing.T) {
	t.Parallel()
	p := limitServer(t, "--cpu-time-limit", "3", "--threads", "2", "--log-level", "info")
	l := p.startLoad("/burn")
	p.stderr.await(t, `process 1 \(pid [0-9]+\) is replaced: it used up its processor time \(cpu-time-limit\)`)
	p.stderr.await(t, `process 1 \(pid [0-9]+\) ended: exited with status 0, after it used up its processor time \(cpu-time-limit\); it lived `)
	p.stderr.await(t, `ends: cpu_time_limit`)
	l.await(10)
	l.endWithout502()
	if len(l.pids) < 2 {
		t.Errorf("answers came from %v, want several processes", l.pids)
	}
}

// TestHardCPUTimeLimit: one that does not come to an end is killed by the
// kernel, and the log says so.
func TestHardCPUTimeLimit(t *testing.T) {
	t.Parallel()
	p := limitServer(t, "--cpu-time-limit", "3", "--shutdown-timeout", "1", "--graceful-timeout", "100", "--request-timeout", "0",
		"--deadlock-timeout", "0", "--threads", "2")
	loop := p.ask("/loop")
	p.stderr.await(t, `is replaced: it used up its processor time`)
	const cause = `killed by the kernel because it used [0-9.]+s of processor time, the hard limit that cpu-time-limit sets is 5s`
	p.stderr.await(t, `\[core:warn\] .*process 1 \(pid [0-9]+\) ended: `+cause+`, after it used up its processor time \(cpu-time-limit\); it lived `)
	p.stderr.await(t, `\[wsgi:error\] .*ended while it served GET /loop, for [0-9.]+s: `+cause)
	checkPage(t, loop(), 502)
	p.expect("/", 200, "")
}

// TestMaximumRequestsEdge: with one client at a time, and a limit too small to be
// spread, each process serves exactly as many requests as are allowed.
func TestMaximumRequestsEdge(t *testing.T) {
	t.Parallel()
	for limit, processes := range map[int]int{1: 5, 2: 4} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			p := limitServer(t, "--maximum-requests", fmt.Sprint(limit), "--threads", "1")
			served := map[string]int{}
			for range limit * processes {
				r := p.get("/")
				if r.StatusCode != 200 {
					t.Errorf("%s %s", r.Status, r.body)
				}
				served[r.body]++
			}
			for pid, n := range served {
				if n != limit {
					t.Errorf("process %s served %d requests", pid, n)
				}
			}
			p.stderr.await(t, `is replaced: it is about to reach its limit of requests \(maximum-requests\)`)
			p.stderr.await(t, `ends: maximum_requests`)
		})
	}
}

// fakeCgroup shows the server, and nobody else, cgroups with counters of killed
// processes that the test writes.
const fakeCgroup = `mount -t tmpfs tmpfs /sys/fs/cgroup && mkdir /sys/fs/cgroup/memory &&
echo oom_kill 0 >/sys/fs/cgroup/memory.events && echo oom_kill 0 >/sys/fs/cgroup/memory/memory.oom_control && exec "$0" "$@"`

// TestOutOfMemory: when the kernel kills a process because memory runs out, the
// log says that in place of a signal. What the kernel does is done by the test
// here: it counts in the cgroup's file, and kills.
func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "app.py", limitScript)
	l := launch{dir: dir, daemon: true, args: []string{"--threads", "1", "app.py"}}
	cause := `killed by signal 9 \(killed\)` // of those who cannot mount
	if isRoot() {
		l.before = []string{"unshare", "-m", "sh", "-c", fakeCgroup}
		cause = `killed by the kernel because memory ran out \(oom_kill in memory\.(events|oom_control) of cgroup / grew\), .*at most: [0-9.]+M`
	}
	p := l.start(t)
	if isRoot() {
		root := fmt.Sprintf("/proc/%d/root/sys/fs/cgroup/", p.pid())
		for _, name := range []string{"memory.events", "memory/memory.oom_control"} {
			if err := os.WriteFile(root+name, []byte("oom_kill 1\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	asleep := p.ask("/sleep")
	p.stderr.await(t, `\] falls asleep$`)
	pid := p.onlyDaemon()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	checkPage(t, asleep(), 502)
	p.stderr.await(t, fmt.Sprintf(`process 1 \(pid %d\) ended: `, pid)+cause+`; it lived [0-9a-z.]+; another one is started at once`)
	p.stderr.await(t, `ended while it served GET /sleep, for [0-9a-z.]+: `+cause)
	p.expect("/", 200, "")
}

// ask sends a request, and returns what waits for the answer.
func (p *process) ask(path string) (answer func() response) {
	type result struct {
		r   response
		err error
	}
	done := make(chan result, 1)
	c := client(p.t)
	go func() {
		r, err := read(c.Get(p.url + path))
		done <- result{r, err}
	}()
	return func() response {
		p.t.Helper()
		got := <-done
		if got.err != nil {
			p.t.Fatalf("GET %s: %v", path, got.err)
		}
		return got.r
	}
}

// onlyDaemon returns the process of a group that has one.
func (p *process) onlyDaemon() int {
	p.t.Helper()
	pids := p.roleOf("daemon")
	if len(pids) != 1 {
		p.t.Fatalf("daemons %v, want one", pids)
	}
	return pids[0]
}

// TestOpenFiles: in a daemon, and in what it starts, the limit of open files is
// the one that the server was started with, which Go raises for itself.
func TestOpenFiles(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "app.py", `import resource, subprocess
def application(environ, start_response):
    below = subprocess.run("ulimit -Sn", shell=True, stdout=subprocess.PIPE, check=True).stdout.decode()
    start_response("200 OK", [])
    return [("%s %s" % (resource.getrlimit(resource.RLIMIT_NOFILE), below)).encode()]
`)
	p := launch{dir: dir, daemon: true, before: []string{"sh", "-c", `ulimit -Sn 700; ulimit -Hn 3000; exec "$0" "$@"`},
		args: []string{"app.py"}}.start(t)
	if got, want := p.get("/").body, "(700, 3000) 700\n"; got != want {
		t.Errorf("limits %q, want %q", got, want)
	}
}

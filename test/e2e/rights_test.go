package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rightsScript answers with its environment, or with what comes of an attempt to
// open a file, or /proc/PID/NAME of the process that answers HTTP.
const rightsScript = `import json, os
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    path = environ["PATH_INFO"]
    if path == "/environ":
        with open("/proc/self/environ", "rb") as f:
            first = f.read().decode()
        return [json.dumps({"Now": dict(os.environ), "First": first, "PID": os.getpid()}).encode()]
    name = "/proc/%s/%s" % (environ["mod_wsgi.server_pid"], path[1:])
    try:
        with open(name, "r+b" if path == "/mem" else "rb") as f:
            return [b"opened"]
    except OSError as e:
        return [type(e).__name__.encode()]
`

// rightsDir is a directory with rightsScript as app.py.
func rightsDir(t *testing.T) string {
	t.Helper()
	dir := tempDir(t)
	write(t, dir, "app.py", rightsScript)
	return dir
}

// threadFields are the values of a line of /proc/PID/task/*/status, each once.
func threadFields(t *testing.T, pid int, name string) []string {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(tasks) == 0 {
		t.Fatalf("process %d has threads %v, %v", pid, tasks, err)
	}
	values := map[string]bool{}
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue // it has ended
		}
		m := regexp.MustCompile(`(?m)^` + name + `:\s*(.*)$`).FindSubmatch(text)
		if m == nil {
			t.Fatalf("no %s in %s", name, text)
		}
		values[string(m[1])] = true
	}
	return slices.Sorted(maps.Keys(values))
}

// children are the processes that a process has started, by the role in their
// arguments.
func children(t *testing.T, pid int) map[string]int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	must(t, err)
	found := map[string]int{}
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) < 2 || fields[1] != strconv.Itoa(pid) {
			continue
		}
		line, err := os.ReadFile(filepath.Dir(stat) + "/cmdline")
		if err != nil {
			continue
		}
		if _, role, ok := strings.Cut(strings.TrimRight(string(line), "\x00"), "\x00@"); ok {
			found[role], err = strconv.Atoi(filepath.Base(filepath.Dir(stat)))
			must(t, err)
		}
	}
	return found
}

// capabilities is a mask as the kernel shows it.
func capabilities(numbers ...int) string {
	var mask uint64
	for _, n := range numbers {
		mask |= 1 << n
	}
	return fmt.Sprintf("%016x", mask)
}

// neededByParent are CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_KILL, CAP_SETGID,
// CAP_SETUID, CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_SYS_NICE.
var neededByParent = capabilities(0, 1, 5, 6, 7, 10, 18, 23)

// checkStatus wants all threads of a process to have these lines in
// /proc/PID/status.
func checkStatus(t *testing.T, who string, pid int, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := threadFields(t, pid, name); len(got) != 1 || got[0] != value {
			t.Errorf("%s: %s %q, want %s", who, name, got, value)
		}
	}
}

// Each process has the rights that it needs and no more, and no program that it
// starts gets more.
func TestLeastRights(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir := rightsDir(t)
	service := write(t, dir, "service.py", "import time\nprint('the service runs')\nwhile True:\n    time.sleep(3600)\n")
	p := launch{dir: dir, daemon: true, args: []string{"--service-script", "s", service, "app.py"}}.start(t)
	p.stderr.await(t, "the service runs")
	none := map[string]string{
		"CapInh": capabilities(), "CapPrm": capabilities(), "CapEff": capabilities(), "CapAmb": capabilities(),
		"CapBnd": neededByParent, "NoNewPrivs": "1", "Uid": "33\t33\t33\t33", "Gid": "33\t33\t33\t33",
	}
	checkStatus(t, "the parent", p.pid(), map[string]string{
		"CapInh": capabilities(), "CapPrm": neededByParent, "CapEff": neededByParent, "CapBnd": neededByParent, "CapAmb": capabilities(),
		"NoNewPrivs": "1", "Uid": "0\t0\t0\t0",
	})
	found := children(t, p.pid())
	found["service"], _ = strconv.Atoi(p.stderr.await(t, `"service:s": process 1 \(pid ([0-9]+)\) started`)[1]) // ps shows its name
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, []string{"daemon", "server", "service"}) {
		t.Fatalf("children in the roles %q", got)
	}
	for role, pid := range found {
		checkStatus(t, role, pid, none)
	}
	if comm := contents(t, fmt.Sprintf("/proc/%d/comm", p.pid())); comm != "gophersnake\n" {
		t.Errorf("the parent is shown as %q", comm)
	}
	p.stop()

	e := launch{dir: dir, args: []string{"app.py"}}.start(t)
	checkStatus(t, "the embedded server", e.pid(), none)
}

// What needs root's rights works with those that are left: a port below 1024, and
// to say who has it.
func TestLeastRightsAreEnough(t *testing.T) {
	t.Parallel()
	needRoot(t)
	port := 0
	for n := 1023; n > 512 && port == 0; n-- {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", n)); err == nil {
			l.Close()
			port = n
		}
	}
	p := launch{dir: appDir(t), daemon: true, args: []string{"--port", strconv.Itoa(port), "app.py"}}.start(t)
	p.expect("/", 200, "Hello World!\n")
	out := launch{dir: p.dir, daemon: true, args: []string{"--port", strconv.Itoa(port), "app.py"}}.fail(t, 1)
	if !strings.Contains(out, fmt.Sprintf("by process %d (", p.pid())) {
		t.Errorf("who has the port is not said: %q", out)
	}
}

// An application cannot read or write the memory of the process that answers
// HTTP, although that runs as the same account, whoever has started it.
func TestServerMemory(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for name, before := range map[string][]string{"root": nil, "another": asNobody()} {
		t.Run(name, func(t *testing.T) {
			p := launch{dir: rightsDir(t), daemon: true, before: before, args: []string{"app.py"}}.start(t)
			for _, path := range []string{"/mem", "/maps", "/auxv"} {
				p.expect(path, 200, "PermissionError")
			}
			if pid := children(t, p.pid())["server"]; pid == 0 {
				t.Error("there is no server process")
			}
		})
	}
}

// asNobody runs a program as an account that is not root.
func asNobody() []string {
	return []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"}
}

// environs are those of an application: at present, and as its process began.
func (p *process) environs() (now, first map[string]string) {
	p.t.Helper()
	var got struct {
		Now   map[string]string
		First string
		PID   int
	}
	r := p.do("GET", "/environ", nil, nil)
	if err := json.Unmarshal([]byte(r.body), &got); err != nil {
		p.t.Fatalf("%v in %q", err, r.body)
	}
	first = map[string]string{}
	for _, entry := range strings.Split(strings.TrimRight(got.First, "\x00"), "\x00") {
		name, value, _ := strings.Cut(entry, "=")
		first[name] = value
	}
	return got.Now, first
}

// Of root's environment an application gets what is on the list, and of its
// account what names it.
func TestRootsEnvironment(t *testing.T) {
	t.Parallel()
	needRoot(t)
	shed := []string{"setpriv", "--no-new-privs", "--inh-caps=-all", "--bounding-set",
		"-all,+chown,+dac_override,+kill,+setgid,+setuid,+net_bind_service,+sys_chroot,+sys_nice"}
	roots := []string{"SECRET=root's", "TMPDIR=/root", "TZ=UTC", "LC_TIME=C", "https_proxy=http://proxy.example/", "PASSED=yes", "USER=root", "LOGNAME=root"}
	for name, c := range map[string]struct {
		args   []string
		before []string
		secret bool
		home   string
	}{
		"root":           {nil, nil, false, "/var/www"},
		"named":          {[]string{"--passenv", "SECRET"}, nil, true, "/var/www"},
		"named home":     {[]string{"--passenv", "HOME"}, nil, false, os.Getenv("HOME")},
		"in an argument": {[]string{"--server-name", "${PASSED}.example"}, nil, false, "/var/www"},
		"no rights left": {nil, shed, false, "/var/www"}, // to give up: as a unit or a container can be set up
		"unit":           {nil, []string{"sh", "-c", `SYSTEMD_EXEC_PID=$$ exec "$@"`, "sh"}, true, "/var/www"},
	} {
		inBothModes(t, func(t *testing.T, mode launch) {
			t.Run(name, func(t *testing.T) {
				p := launch{dir: rightsDir(t), daemon: mode.daemon, env: roots, before: c.before,
					args: append([]string{"--passenv", "PASSED", "app.py"}, c.args...)}.start(t)
				now, first := p.environs()
				for _, got := range []map[string]string{now, first} {
					want := map[string]string{"HOME": c.home, "USER": "www-data", "LOGNAME": "www-data", "TZ": "UTC", "LC_TIME": "C",
						"https_proxy": "http://proxy.example/", "PASSED": "yes", "PATH": "/usr/local/bin:/usr/bin:/bin"}
					for name, value := range want {
						if got[name] != value {
							t.Errorf("%s is %q, want %q", name, got[name], value)
						}
					}
					if _, secret := got["SECRET"]; secret != c.secret {
						t.Errorf("SECRET is there: %v", secret)
					}
				}
			})
		})
	}
}

// Who is not root hands on everything, and programs of the application get the
// rights that they have.
func TestOtherEnvironment(t *testing.T) {
	t.Parallel()
	var before []string
	if isRoot() {
		before = asNobody()
	}
	inBothModes(t, func(t *testing.T, mode launch) {
		p := launch{dir: rightsDir(t), daemon: mode.daemon, env: []string{"SECRET=own", "USER=whoever"}, before: before, args: []string{"app.py"}}.start(t)
		now, _ := p.environs()
		if now["SECRET"] != "own" || now["USER"] != "whoever" || now["HOME"] != os.Getenv("HOME") {
			t.Errorf("environment %v", now)
		}
		checkStatus(t, "the program", p.pid(), map[string]string{"NoNewPrivs": "0"})
	})
}

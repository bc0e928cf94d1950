package procgroup

import (
	"math"
	"reflect"
	"testing"
	"time"
)

// edge is what an option takes and what it does not.
type edge struct {
	name                string
	field               func(*Options) any
	byDefault           any
	lower, upper        string // values at the edges, or two that differ
	wantLower           any
	wantUpper           any
	wrong, errorOfWrong string
}

const longest = time.Duration(math.MaxInt32) * time.Second

// timeLimit is the edge of an option in whole seconds.
func timeLimit(name, thing string, byDefault time.Duration, field func(*Options) any) edge {
	return edge{name, field, byDefault, "0", "2147483647", time.Duration(0), longest,
		"5m", "Invalid " + thing + ` for WSGI daemon process. ` + name + `=5m: "5m" is not a number of seconds; did you mean 300?`}
}

// byteLimit is the edge of an option in bytes.
func byteLimit(name, thing string, field func(*Options) any) edge {
	return edge{name, field, int64(0), "0", "9223372036854775807", int64(0), int64(math.MaxInt64),
		"8388608T", "Invalid " + thing + " for WSGI daemon process. " + name + `=8388608T: "8388608T" is not a size; it is a number of bytes, or one with K, M or G behind it`}
}

func edges(dir string) []edge {
	return []edge{
		{"user", func(o *Options) any { return o.User }, "", "#65534", "www-data", "#65534", "www-data",
			"root", "WSGI process blocked from running as root. user=root: applications are not run as root; name another account with user="},
		{"group", func(o *Options) any { return o.Group }, "", "#0", "nogroup", "#0", "nogroup",
			"www-dta", `bad group name www-dta. group=www-dta: look up group "www-dta": group: unknown group www-dta; did you mean www-data?`},
		{"supplementary-groups", func(o *Options) any { return o.SupplementaryGroups }, []string(nil),
			"www-data", "nogroup,www-data", []string{"www-data"}, []string{"nogroup", "www-data"},
			"nogroup,", `Invalid supplementary groups for WSGI daemon process. supplementary-groups=nogroup,: "nogroup," has an empty name; groups are separated by one comma`},
		{"script-user", func(o *Options) any { return o.ScriptUser }, "", "root", "#33", "root", "#33",
			"4000000000x", `bad user name 4000000000x. script-user=4000000000x: look up account "4000000000x": user: unknown user 4000000000x; create it or name another`},
		{"script-group", func(o *Options) any { return o.ScriptGroup }, "", "root", "#33", "root", "#33",
			"#4294967295", `bad group name #4294967295. script-group=#4294967295: look up group "#4294967295": group: unknown group #4294967295; create it or name another`},
		{"socket-user", func(o *Options) any { return o.SocketUser }, "", "root", "#33", "root", "#33",
			"", "Invalid socket user for WSGI daemon process. socket-user=: the value is empty"},

		{"processes", func(o *Options) any { return o.Processes }, 1, "1", "2147483647", 1, math.MaxInt32,
			"0", "Invalid process count for WSGI daemon process. processes=0: 0 is out of range; it can be 1 to 2147483647"},
		{"threads", func(o *Options) any { return o.Threads }, 15, "0", "65533", 0, 65533,
			"65534", "Invalid thread count for WSGI daemon process. threads=65534: 65534 is out of range; it can be 0 to 65533"},
		{"listen-backlog", func(o *Options) any { return o.ListenBacklog }, 100, "0", "2147483647", 0, math.MaxInt32,
			"-1", "Invalid listen backlog for WSGI daemon process. listen-backlog=-1: -1 is out of range; it can be 0 to 2147483647"},

		{"python-home", func(o *Options) any { return o.PythonHome }, "", "venv", "/srv/a b", "venv", "/srv/a b",
			"", "Invalid Python home for WSGI daemon process. python-home=: the value is empty"},
		{"python-path", func(o *Options) any { return o.PythonPath }, []string(nil), "/a", "/b:/a", []string{"/a"}, []string{"/b", "/a"},
			"/a::/b", `Invalid Python path for WSGI daemon process. python-path=/a::/b: "/a::/b" has an empty path; paths are separated by one colon`},
		{"python-eggs", func(o *Options) any { return o.PythonEggs }, "", "eggs", "/eggs", "eggs", "/eggs",
			"", "Invalid Python eggs directory for WSGI daemon process. python-eggs=: the value is empty"},
		{"switch-interval", func(o *Options) any { return o.SwitchInterval }, 0.0, "5e-324", "1.5", 5e-324, 1.5,
			"0", "Invalid switch interval for WSGI daemon process. switch-interval=0: 0 is out of range; it is a number of seconds above 0, such as 0.005"},
		{"stack-size", func(o *Options) any { return o.StackSize }, int64(0), "16384", "9223372036854775807", int64(16384), int64(math.MaxInt64),
			"16383", "Invalid stack size for WSGI daemon process. stack-size=16383: 16383 is out of range; a thread needs at least 16384 bytes"},
		{"server-metrics", func(o *Options) any { return o.ServerMetrics }, false, "off", "ON", false, true,
			"yes", `Invalid server metrics flag for WSGI daemon process. server-metrics=yes: "yes" is neither On nor Off`},

		{"home", func(o *Options) any { return o.Home }, "", "/", dir + "/", "/", dir,
			"srv", `Invalid home directory for WSGI daemon process. home=srv: "srv" is not an absolute path`},
		{"chroot", func(o *Options) any { return o.Chroot }, "", "/", dir, "/", dir,
			"./", `Invalid chroot directory for WSGI daemon process. chroot=./: "./" is not an absolute path`},
		{"umask", func(o *Options) any { return o.Umask }, (*uint32)(nil), "0", "0777", new(uint32(0)), new(uint32(0o777)),
			"1000", `Invalid umask for WSGI daemon process. umask=1000: "1000" is not an octal number from 0 to 0777, such as 0022`},
		{"lang", func(o *Options) any { return o.Lang }, "", "C", "C.UTF-8", "C", "C.UTF-8",
			"", "Invalid language for WSGI daemon process. lang=: the value is empty"},
		{"locale", func(o *Options) any { return o.Locale }, "", "POSIX", "C.utf8", "POSIX", "C.utf8",
			"", "Invalid locale for WSGI daemon process. locale=: the value is empty"},
		{"display-name", func(o *Options) any { return o.DisplayName }, "", "x", "%{GROUP}", "x", "%{GROUP}",
			"", "Invalid display name for WSGI daemon process. display-name=: the value is empty"},

		{"maximum-requests", func(o *Options) any { return o.MaximumRequests }, 0, "0", "2147483647", 0, math.MaxInt32,
			"2147483648", "Invalid request count for WSGI daemon process. maximum-requests=2147483648: 2147483648 is out of range; it can be 0 to 2147483647"},
		timeLimit("restart-interval", "restart interval", 0, func(o *Options) any { return o.RestartInterval }),
		byteLimit("restart-memory", "restart memory", func(o *Options) any { return o.RestartMemory }),
		timeLimit("startup-timeout", "startup timeout", 0, func(o *Options) any { return o.StartupTimeout }),
		timeLimit("shutdown-timeout", "shutdown timeout", 5*time.Second, func(o *Options) any { return time.Duration(o.ShutdownTimeout) }),
		timeLimit("graceful-timeout", "graceful timeout", 15*time.Second, func(o *Options) any { return time.Duration(o.GracefulTimeout) }),
		timeLimit("eviction-timeout", "eviction timeout", 0, func(o *Options) any { return time.Duration(o.EvictionTimeout) }),
		timeLimit("deadlock-timeout", "deadlock timeout", 300*time.Second, func(o *Options) any { return o.DeadlockTimeout }),
		timeLimit("inactivity-timeout", "inactivity timeout", 0, func(o *Options) any { return o.InactivityTimeout }),
		timeLimit("request-timeout", "request timeout", 0, func(o *Options) any { return o.RequestTimeout }),
		timeLimit("interrupt-timeout", "interrupt timeout", 0, func(o *Options) any { return o.InterruptTimeout }),

		timeLimit("connect-timeout", "connect timeout", 15*time.Second, func(o *Options) any { return o.ConnectTimeout }),
		{"queue-timeout", func(o *Options) any { return o.QueueTimeout }, time.Duration(0), "0", "2147483647", time.Duration(0), longest,
			"abc", `Invalid queue timeout for WSGI daemon process. queue-timeout=abc: "abc" is not a whole number; it can be 0 to 2147483647`},
		timeLimit("socket-timeout", "socket timeout", 0, func(o *Options) any { return o.SocketTimeout }),
		timeLimit("response-socket-timeout", "response socket timeout", 0, func(o *Options) any { return o.ResponseSocketTimeout }),
		{"response-flush-delay", func(o *Options) any { return o.ResponseFlushDelay }, 5 * time.Millisecond, "0", "2147483647", time.Duration(0), math.MaxInt32 * time.Millisecond,
			"5ms", `Invalid response flush delay for WSGI daemon process. response-flush-delay=5ms: "5ms" is not a number of milliseconds; did you mean 5?`},

		{"send-buffer-size", func(o *Options) any { return o.SendBufferSize }, 0, "0", "512", 0, 512,
			"511", "Send buffer size must be >= 512 bytes, or 0 for system default. send-buffer-size=511: 511 is out of range; it can be 0, or 512 or more"},
		{"receive-buffer-size", func(o *Options) any { return o.ReceiveBufferSize }, 0, "512", "2147483647", 512, math.MaxInt32,
			"1", "Receive buffer size must be >= 512 bytes, or 0 for system default. receive-buffer-size=1: 1 is out of range; it can be 0, or 512 or more"},
		{"header-buffer-size", func(o *Options) any { return o.HeaderBufferSize }, 32768, "0", "8K", 32768, 8192,
			"8191", "Header buffer size must be >= 8192 bytes, or 0 for default. header-buffer-size=8191: 8191 is out of range; it can be 0, or 8192 or more"},
		{"response-buffer-size", func(o *Options) any { return o.ResponseBufferSize }, 8 << 20, "0", "65536", 8 << 20, 65536,
			"65535", "Response buffer size must be >= 65536 bytes, or 0 for default. response-buffer-size=65535: 65535 is out of range; it can be 0, or 65536 or more"},

		timeLimit("cpu-time-limit", "CPU time limit", 0, func(o *Options) any { return o.CPUTimeLimit }),
		{"cpu-priority", func(o *Options) any { return o.CPUPriority }, 0, "-20", "19", -20, 19,
			"20", "Invalid CPU priority for WSGI daemon process. cpu-priority=20: 20 is out of range; it can be -20 to 19"},
		byteLimit("memory-limit", "memory limit", func(o *Options) any { return o.MemoryLimit }),
		byteLimit("virtual-memory-limit", "virtual memory limit", func(o *Options) any { return o.VirtualMemoryLimit }),
	}
}

func TestEdges(t *testing.T) {
	tested := map[string]bool{}
	for _, e := range edges(t.TempDir()) {
		tested[e.name] = true
		t.Run(e.name, func(t *testing.T) {
			if got := e.field(Defaults()); !reflect.DeepEqual(got, e.byDefault) {
				t.Errorf("default is %v, want %v", got, e.byDefault)
			}
			for value, want := range map[string]any{e.lower: e.wantLower, e.upper: e.wantUpper} {
				o, err := Parse("example", []string{e.name + "=" + value})
				if err != nil {
					t.Errorf("%s: %v", value, err)
				} else if got := e.field(o); !reflect.DeepEqual(got, want) {
					t.Errorf("%s gives %v, want %v", value, got, want)
				}
			}
			if o, err := Parse("example", []string{e.name + "=" + e.wrong}); err == nil || err.Error() != e.errorOfWrong {
				t.Errorf("%s: error\n%v\nwant\n%s\n(%+v)", e.wrong, err, e.errorOfWrong, o)
			}
		})
	}
	for _, row := range Table() {
		if !tested[row.Name] {
			t.Errorf("%s is without a test", row.Name)
		}
	}
	const theirs, ours = 44, 1
	if len(tested) != theirs+ours {
		t.Errorf("%d options, want %d", len(tested), theirs+ours)
	}
}

// TestStrictNumbers holds what C's atoi takes and we do not.
func TestStrictNumbers(t *testing.T) {
	for _, option := range []string{
		"threads=+5", "threads=5x", "threads= 5", "threads=0x5", "threads=5.0", "threads=1_0", "threads=99999999999999999999",
		"umask=8", "umask=-1", "umask=0o22", "umask=+22", "umask=0_2",
		"switch-interval=NaN", "switch-interval=Inf", "switch-interval=1e400", "switch-interval=-1", "switch-interval=0x1p-2", "switch-interval=e",
		"restart-memory=M", "restart-memory=-1", "restart-memory=1.5G", "restart-memory=9007199254740992K", "restart-memory=+1", "restart-memory=1_0",
		"send-buffer-size=2147483648", "request-timeout=-1", "request-timeout=1.5", "request-timeout=2147483648",
	} {
		if _, err := Parse("example", []string{option}); err == nil {
			t.Errorf("%s was taken", option)
		}
	}
}

func TestParseSize(t *testing.T) {
	for value, want := range map[string]int64{"0": 0, "1": 1, "512M": 512 << 20, "512m": 512 << 20, "1G": 1 << 30, "3k": 3072, "8589934591G": 8589934591 << 30} {
		if got, err := ParseSize(value); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", value, got, err, want)
		}
	}
	for value, want := range map[string]string{
		"512MB":       `"512MB" is not a size; did you mean 512M?`,
		"1GiB":        `"1GiB" is not a size; did you mean 1G?`,
		"8589934592G": "8589934592G is out of range; it can be up to 9223372036854775807 bytes",
		"":            `"" is not a size; it is a number of bytes, or one with K, M or G behind it`,
		"B":           `"B" is not a size; it is a number of bytes, or one with K, M or G behind it`,
	} {
		if _, err := ParseSize(value); err == nil || err.Error() != want {
			t.Errorf("ParseSize(%q): %v, want %s", value, err, want)
		}
	}
}

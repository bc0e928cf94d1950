package procgroup

import (
	"math"
	"time"

	"github.com/gophersnake/gophersnake/internal/timeout"
)

// Option is one row of the table: an option of WSGIDaemonProcess, and the flag
// of start-server that sets the same.
type Option struct {
	Name    string // as in WSGIDaemonProcess
	Heading string // what it is about, for help texts
	Default string // value that Defaults sets; "" for none
	Without string // what holds without the option, when Default is ""
	Help    string // one line, without a full stop

	// Flag is the flag of start-server with its dashes. It is "" where
	// start-server has none, or one that sets it for more than the group.
	Flag    string
	express string // the default of start-server, where it differs

	thing string // what mod_wsgi's error texts call it
	shape
}

// Headings of the table, in its order.
const (
	identity     = "Identity"
	capacity     = "Capacity"
	python       = "Python"
	surroundings = "Surroundings"
	recycling    = "Time-outs and recycling"
	requests     = "Waiting and sending"
	buffers      = "Buffers"
	resources    = "Resources"
)

// Metavar names the value in help texts.
func (row Option) Metavar() string { return row.metavar }

// Values says in words which values there are.
func (row Option) Values() string { return row.values }

// Switch reports an option that is On or Off: its flag takes no value.
func (row Option) Switch() bool { return row.metavar == onOffValues }

// FlagDefault is the value that StartServer sets; "" for none.
func (row Option) FlagDefault() string {
	if row.express != "" {
		return row.express
	}
	return row.Default
}

// Set stores a value in o. The error says what is wrong with the value, not
// of which option it is. Options that concern accounts and locales ask the
// system whether there is such a one.
func (row Option) Set(o *Options, value string) error {
	if value == "" {
		return errEmpty
	}
	return row.set(o, value)
}

// Table returns the rows in the order of their headings.
func Table() []Option { return append([]Option(nil), table...) }

// table is the one place that knows the options. Setters are in shape.go,
// size.go, accounts.go and locale.go.
var table = []Option{
	{Name: "user", Heading: identity, Without: "the server's", Help: "account that the processes run as; never root",
		thing: "user", shape: userOption(func(o *Options) *string { return &o.User }, notRoot)},
	{Name: "group", Heading: identity, Without: "the server's", Help: "primary group of the processes",
		thing: "group", shape: groupOption(func(o *Options) *string { return &o.Group })},
	{Name: "supplementary-groups", Heading: identity, Without: "the groups of the user", Help: "all other groups of the processes",
		thing: "supplementary groups", shape: shape{"NAME,...", "names or #numbers, separated by commas", supplementaryGroups}},
	{Name: "script-user", Heading: identity, Without: "anyone", Help: "account that a script and its directory must belong to, without others being able to write them; else 403; excludes script-group",
		thing: "script user", shape: userOption(func(o *Options) *string { return &o.ScriptUser }, anyUser)},
	{Name: "script-group", Heading: identity, Without: "any", Help: "group that a script and its directory must belong to, without others being able to write them; else 403; excludes script-user",
		thing: "script group", shape: groupOption(func(o *Options) *string { return &o.ScriptGroup })},
	{Name: "socket-user", Heading: identity, Without: "nobody", Help: "without effect: there is no socket file that could have an owner",
		thing: "socket user", shape: userOption(func(o *Options) *string { return &o.SocketUser }, anyUser)},

	{Name: "processes", Flag: "--processes", Heading: capacity, Default: "1", Help: "number of processes; to mention it, even as 1, makes wsgi.multiprocess True",
		thing: "process count", shape: processes()},
	{Name: "threads", Flag: "--threads", Heading: capacity, Default: "15", express: "5", Help: "requests that a process runs at a time; 0 makes it a service that runs a script and serves nothing",
		thing: "thread count", shape: count(0, maxThreads, func(o *Options) *int { return &o.Threads })},
	{Name: "listen-backlog", Flag: "--daemon-backlog", Heading: capacity, Default: "100", Help: "requests that may wait for the group; one more is refused with 503",
		thing: "listen backlog", shape: count(0, math.MaxInt32, func(o *Options) *int { return &o.ListenBacklog })},

	{Name: "python-home", Heading: python, Without: "the server's", Help: "prefix of the Python or virtual environment of the group",
		thing: "Python home", shape: text("DIR", "path", func(o *Options) *string { return &o.PythonHome })},
	{Name: "python-path", Heading: python, Without: "nothing", Help: "directories to put on sys.path, behind home; .pth files count",
		thing: "Python path", shape: shape{"DIR[:DIR...]", "paths, separated by colons", pathList}},
	{Name: "python-eggs", Heading: python, Without: "Python's own", Help: "directory that eggs are unpacked in; the user must be able to write in it",
		thing: "Python eggs directory", shape: text("DIR", "path", func(o *Options) *string { return &o.PythonEggs })},
	{Name: "switch-interval", Flag: "--switch-interval", Heading: python, Without: "Python's own", Help: "how long a thread may keep others from running Python",
		thing: "switch interval", shape: shape{"SECONDS", "seconds above 0, with a fraction", switchInterval}},
	{Name: "stack-size", Heading: python, Without: "the system's", Help: "stack of a request thread",
		thing: "stack size", shape: shape{"SIZE", "16384 or more; " + sizeValues, stackSize}},
	{Name: "server-metrics", Flag: "--server-metrics", Heading: python, Default: "Off", Help: "let mod_wsgi.server_metrics() tell the figures of a process; otherwise it returns None",
		thing: "server metrics flag", shape: onOff(func(o *Options) *bool { return &o.ServerMetrics })},

	{Name: "home", Heading: surroundings, Without: "the user's home directory if user is another than the server's, else the server's", Help: "current directory of the processes, also on sys.path",
		thing: "home directory", shape: directory(func(o *Options) *string { return &o.Home })},
	{Name: "chroot", Heading: surroundings, Without: "none", Help: "directory that becomes the root of the processes; only root can",
		thing: "chroot directory", shape: directory(func(o *Options) *string { return &o.Chroot })},
	{Name: "umask", Heading: surroundings, Without: "the server's", Help: "permissions that new files do not get",
		thing: "umask", shape: shape{"MASK", "octal, 0 to 0777", mask}},
	{Name: "lang", Heading: surroundings, Without: "the server's", Help: "LANG of the processes",
		thing: "language", shape: localeOption(func(o *Options) *string { return &o.Lang })},
	{Name: "locale", Heading: surroundings, Without: "the server's", Help: "LC_ALL of the processes, and the locale they set",
		thing: "locale", shape: localeOption(func(o *Options) *string { return &o.Locale })},
	{Name: "display-name", Heading: surroundings, Without: "the program's", Help: "name of the processes in ps; %{GROUP} stands for (wsgi:NAME)",
		thing: "display name", shape: text("NAME", "any text", func(o *Options) *string { return &o.DisplayName })},

	{Name: "maximum-requests", Flag: "--maximum-requests", Heading: recycling, Default: "0", Help: "requests after which a process is replaced; 0 for no limit",
		thing: "request count", shape: count(0, math.MaxInt32, func(o *Options) *int { return &o.MaximumRequests })},
	{Name: "restart-interval", Flag: "--restart-interval", Heading: recycling, Default: "0", Help: "age at which a process is replaced; 0 for no limit",
		thing: "restart interval", shape: seconds(func(o *Options) *time.Duration { return &o.RestartInterval })},
	{Name: "restart-memory", Flag: "--restart-memory", Heading: recycling, Default: "0", Help: "resident memory at which a process is replaced; 0 for no limit",
		thing: "restart memory", shape: size(func(o *Options) *int64 { return &o.RestartMemory })},
	{Name: "startup-timeout", Flag: "--startup-timeout", Heading: recycling, Default: "0", express: "15", Help: "how long a process may take to load its script; 0 for no limit",
		thing: "startup timeout", shape: seconds(func(o *Options) *time.Duration { return &o.StartupTimeout })},
	{Name: "shutdown-timeout", Flag: "--shutdown-timeout", Heading: recycling, Default: "5", Help: "how long a process that was told to end may take; 0 for no limit",
		thing: "shutdown timeout", shape: limit(func(o *Options) *timeout.Limit { return &o.ShutdownTimeout })},
	{Name: "graceful-timeout", Flag: "--graceful-timeout", Heading: recycling, Default: "15", Help: "how long running requests may take when their process is to be replaced; 0 for no limit",
		thing: "graceful timeout", shape: limit(func(o *Options) *timeout.Limit { return &o.GracefulTimeout })},
	{Name: "eviction-timeout", Flag: "--eviction-timeout", Heading: recycling, Default: "0", Help: "the same when SIGUSR1 asks for it; 0 for graceful-timeout",
		thing: "eviction timeout", shape: limit(func(o *Options) *timeout.Limit { return &o.EvictionTimeout })},
	{Name: "deadlock-timeout", Flag: "--deadlock-timeout", Heading: recycling, Default: "300", express: "60", Help: "how long a process may stand still, or Python's lock be out of reach; 0 for no limit",
		thing: "deadlock timeout", shape: seconds(func(o *Options) *time.Duration { return &o.DeadlockTimeout })},
	{Name: "inactivity-timeout", Flag: "--inactivity-timeout", Heading: recycling, Default: "0", Help: "how long a process may be without a request; 0 for no limit",
		thing: "inactivity timeout", shape: seconds(func(o *Options) *time.Duration { return &o.InactivityTimeout })},
	{Name: "request-timeout", Flag: "--request-timeout", Heading: recycling, Default: "0", express: "60", Help: "how long a request may run, times 1 + ln(threads); 0 for no limit",
		thing: "request timeout", shape: seconds(func(o *Options) *time.Duration { return &o.RequestTimeout })},
	{Name: "interrupt-timeout", Flag: "--interrupt-timeout", Heading: recycling, Default: "0", Help: "how long a request that ran too long may take to end by an exception; 0 ends its process",
		thing: "interrupt timeout", shape: seconds(func(o *Options) *time.Duration { return &o.InterruptTimeout })},

	{Name: "connect-timeout", Flag: "--connect-timeout", Heading: requests, Default: "15", Help: "how long a request waits while no process of the group runs; then 503",
		thing: "connect timeout", shape: seconds(func(o *Options) *time.Duration { return &o.ConnectTimeout })},
	{Name: "queue-timeout", Flag: "--queue-timeout", Heading: requests, Default: "0", express: "45", Help: "how long a request waits for a thread; then 503; 0 for no limit",
		thing: "queue timeout", shape: seconds(func(o *Options) *time.Duration { return &o.QueueTimeout })},
	{Name: "socket-timeout", Flag: "--socket-timeout", Heading: requests, Default: "0", express: "60", Help: "how long server and process wait for each other's next data; 0 for the server's limit",
		thing: "socket timeout", shape: seconds(func(o *Options) *time.Duration { return &o.SocketTimeout })},
	{Name: "response-socket-timeout", Flag: "--response-socket-timeout", Heading: requests, Default: "0", Help: "how long a client may take no data of a response, before it is cut; 0 for socket-timeout",
		thing: "response socket timeout", shape: seconds(func(o *Options) *time.Duration { return &o.ResponseSocketTimeout })},
	{Name: "response-flush-delay", Flag: "--response-flush-delay", Heading: requests, Default: "5", Help: "how long the beginning of a response is held back for more of it, up to twice that; 0 never holds it back",
		thing: "response flush delay", shape: milliseconds(func(o *Options) *time.Duration { return &o.ResponseFlushDelay })},

	{Name: "send-buffer-size", Flag: "--send-buffer-size", Heading: buffers, Default: "0", Help: "without effect: server and process share memory",
		thing: "send buffer size", shape: buffer("Send buffer size", 512, 0, func(o *Options) *int { return &o.SendBufferSize })},
	{Name: "receive-buffer-size", Flag: "--receive-buffer-size", Heading: buffers, Default: "0", Help: "without effect: server and process share memory",
		thing: "receive buffer size", shape: buffer("Receive buffer size", 512, 0, func(o *Options) *int { return &o.ReceiveBufferSize })},
	{Name: "header-buffer-size", Flag: "--header-buffer-size", Heading: buffers, Default: "0", Help: "longest header of a response; 0 for 32768",
		thing: "header buffer size", shape: buffer("Header buffer size", 8192, 32768, func(o *Options) *int { return &o.HeaderBufferSize })},
	{Name: "response-buffer-size", Flag: "--response-buffer-size", Heading: buffers, Default: "0", Help: "data of a response that may wait in the server; 0 for 8M; the server never lets 65536 bytes wait, so that every value holds",
		thing: "response buffer size", shape: buffer("Response buffer size", 65536, 8<<20, func(o *Options) *int { return &o.ResponseBufferSize })},

	{Name: "cpu-time-limit", Flag: "--cpu-time-limit", Heading: resources, Default: "0", Help: "processor time after which a process is replaced; 0 for no limit",
		thing: "CPU time limit", shape: seconds(func(o *Options) *time.Duration { return &o.CPUTimeLimit })},
	{Name: "cpu-priority", Heading: resources, Default: "0", Help: "nice value: the higher, the later it gets the processor; below 0 only as root; 0 leaves it",
		thing: "CPU priority", shape: count(-20, 19, func(o *Options) *int { return &o.CPUPriority })},
	{Name: "memory-limit", Heading: resources, Default: "0", Help: "data of a process, about 200M before the application; it gets no more memory; 0 for no limit",
		thing: "memory limit", shape: size(func(o *Options) *int64 { return &o.MemoryLimit })},
	{Name: "virtual-memory-limit", Heading: resources, Default: "0", Help: "address space of a process, of which Go and Python reserve over 2G; 0 for no limit",
		thing: "virtual memory limit", shape: size(func(o *Options) *int64 { return &o.VirtualMemoryLimit })},
}

const (
	// maxThreads is mod_wsgi's own limit.
	maxThreads = 65533
	// manyThreads is how many a process can have before they hinder each other.
	manyThreads = 25
)

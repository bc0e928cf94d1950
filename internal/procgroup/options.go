// Package procgroup knows what can be asked of a process group: the options of
// WSGIDaemonProcess, their defaults, limits and error texts, as one table that
// the directive, the flags of start-server and the reference page share. It
// starts nothing and keeps no time: that is for those who read an Options.
package procgroup

import (
	"time"

	"github.com/gophersnake/gophersnake/internal/timeout"
)

// Options is what is asked of one process group. The zero value is of no use:
// Defaults, StartServer and Parse make one. It can be sent as JSON. Time limits
// that are 0 do not exist, unless their comment says otherwise.
type Options struct {
	Name string // unique in the server

	// User, Group and SupplementaryGroups are names, or numbers behind "#".
	// Empty ones are the server's, and the groups of the user.
	User, Group         string
	SupplementaryGroups []string

	Processes    int
	Multiprocess bool // wsgi.multiprocess: processes was mentioned
	Threads      int  // request threads of a process; 0 for a service

	Umask       *uint32 // nil inherits it
	Chroot      string  // absolute; "" for none
	Home        string  // absolute, inside Chroot; "" for the default of Plan
	Lang        string  // LANG; "" inherits it
	Locale      string  // LC_ALL; "" inherits it
	DisplayName string  // as given: Title expands it; "" keeps the program's

	PythonHome     string   // "" for the server's
	PythonPath     []string // in the order of sys.path
	PythonEggs     string   // "" for none
	SwitchInterval float64  // seconds; 0 for Python's own
	StackSize      int64    // bytes; 0 for the system's

	MaximumRequests int // 0 for no limit
	RestartInterval time.Duration
	RestartMemory   int64 // resident bytes that end a process; 0 for no limit

	StartupTimeout    time.Duration
	ShutdownTimeout   timeout.Limit
	DeadlockTimeout   time.Duration
	InactivityTimeout time.Duration
	RequestTimeout    time.Duration
	InterruptTimeout  time.Duration
	GracefulTimeout   timeout.Limit
	EvictionTimeout   timeout.Limit // None stands for GracefulTimeout

	ConnectTimeout        time.Duration
	SocketTimeout         time.Duration // 0 stands for the server's own
	QueueTimeout          time.Duration
	ListenBacklog         int           // requests that may wait
	ResponseSocketTimeout time.Duration // 0 stands for SocketTimeout
	ResponseFlushDelay    time.Duration // 0 flushes at every stall

	SendBufferSize     int // bytes; 0 for the system's
	ReceiveBufferSize  int // bytes; 0 for the system's
	HeaderBufferSize   int // bytes, never 0
	ResponseBufferSize int // bytes, never 0

	// SocketUser, SendBufferSize and ReceiveBufferSize are checked, and a warning
	// says that nothing comes of them. What ResponseBufferSize bounds never
	// reaches its least value.
	SocketUser string
	// ScriptUser and ScriptGroup exclude each other.
	ScriptUser, ScriptGroup string

	CPUTimeLimit       time.Duration // of processor time
	CPUPriority        int           // nice value; 0 inherits it
	MemoryLimit        int64         // bytes of data; 0 for no limit
	VirtualMemoryLimit int64         // bytes of address space; 0 for no limit

	ServerMetrics bool
}

// Defaults returns what a WSGIDaemonProcess without options asks for.
func Defaults() *Options {
	return fromTable(func(row Option) string { return row.Default })
}

// StartServer returns what start-server asks for without flags: some of its
// time limits are stricter.
func StartServer() *Options { return fromTable(Option.FlagDefault) }

// fromTable makes Options of a default of each row. It panics when the table
// contradicts itself, which every test would see.
func fromTable(value func(Option) string) *Options {
	o := &Options{}
	for _, row := range table {
		if text := value(row); text != "" {
			if err := row.Set(o, text); err != nil {
				panic("default of " + row.Name + ": " + err.Error())
			}
		}
	}
	o.Multiprocess = false // nobody mentioned processes
	return o
}

// Package wire says what the processes of one server tell each other: the
// parent, the server and the daemons. It holds the messages and nothing of how
// they travel (package control) or what is done about them.
package wire

import (
	"strings"
	"time"

	"github.com/gophersnake/gophersnake/internal/timeout"
)

// Roles of this program beside the parent's, as spawn names them.
const (
	RoleServer  = "server"
	RoleDaemon  = "daemon"
	RoleService = "service" // a daemon that runs a script in place of serving requests
)

// Kinds of messages, with the type of what they carry.
const (
	// From a daemon to the parent.
	Ready    = "ready"    // Readiness; also from the server
	Failed   = "failed"   // Failure: it could not start and ends; also from the server
	Retire   = "retire"   // Retirement: it wants to be replaced
	Pulse    = "pulse"    // Vitals, once a second at most
	Unloaded = "unloaded" // NotLoaded: a script could not be loaded, after Ready
	Kept     = "kept"     // nothing: the answer to Keep

	// From the parent to a daemon or a server.
	Stop = "stop" // Stopping

	// From the parent to a daemon.
	Mark = "mark" // nothing: note what the scripts are, another process is about to load them
	Keep = "keep" // Keeping: as that process could not, serve on until they change again

	// From the parent to the server.
	Serve   = "serve"   // nothing: begin to accept connections
	Attach  = "attach"  // Process, with the socket to it
	Detach  = "detach"  // ProcessID: give it no more requests
	Restore = "restore" // Restoration: give it requests again, though a script has changed
	Gone    = "gone"    // Departure: it has ended
	Down    = "down"    // Unavailable: the group has no process, and why
	Report  = "report"  // nothing: answered by Figures

	// From the server to a daemon, on the socket between them.
	Memory = "memory" // nothing, with the shared memory and its eventfd

	// From the server to the parent.
	Stale   = "stale"   // GroupName: a request saw that a script has changed
	Limit   = "limit"   // ProcessID: it will soon have had its maximum of requests
	Idle    = "idle"    // ProcessID: detached, and no request is left in it
	Broken  = "broken"  // Breach: it must be killed, or replaced
	Figures = "figures" // []GroupFigures
)

// Readiness tells who is ready.
type Readiness struct {
	Python string `json:",omitempty"` // version
	Home   string `json:",omitempty"`
	// NotLoaded is the first of a daemon's scripts that it could not load: requests
	// for it get 500.
	NotLoaded *NotLoaded `json:",omitempty"`
}

// NotLoaded is a script that could not be loaded.
type NotLoaded struct {
	Script string
	Reason string
	// Stamps are of files, as package watch parses them: the next attempt may succeed
	// when one of them changes.
	Stamps []string `json:",omitempty"`
}

// String says it on one line.
func (n *NotLoaded) String() string {
	return "script " + n.Script + " has not loaded: " + strings.Join(strings.Fields(n.Reason), " ")
}

// Marking names the place of the group in which a process is about to be started.
type Marking struct{ Place int }

// Keeping says that the process in a place could not load what the scripts were at the
// last Mark for it: its replacement is to be tried again when they, or one of the files of
// NotLoaded.Stamps, change.
type Keeping struct {
	Place  int
	Stamps []string `json:",omitempty"`
}

// Failure is why a process could not start.
type Failure struct {
	Reason string
	Repair string `json:",omitempty"`
}

// Retirement is why a daemon is to be replaced.
type Retirement struct {
	Reason string // as subscribe_shutdown names it
	Text   string // for the log
	// Evict says that eviction-timeout holds in place of graceful-timeout.
	Evict bool `json:",omitempty"`
	// Changed says that what kept a process from starting, or a script from loading,
	// may be over: it is tried at once.
	Changed bool `json:",omitempty"`
	// Stuck says that it can serve nothing any more: it gets no request while
	// its replacement starts.
	Stuck bool `json:",omitempty"`
}

// Vitals are the figures that only a daemon itself knows, since its start.
type Vitals struct {
	Requests uint64        // begun
	GILWait  time.Duration // that all of them waited for Python's lock before they ran
}

// Stopping tells a process to end. A server knows its own limits.
type Stopping struct {
	// Reason is the shutdown_reason of a daemon.
	Reason string
	// Shutdown is how long the end of a daemon may take, from the receipt of
	// this: its requests and its exit handlers together.
	Shutdown timeout.Limit
	// Last says to a server that no other accepts connections in its place: it
	// answers those that wait in the socket before it closes that.
	Last bool `json:",omitempty"`
}

// ProcessID names a daemon process.
type ProcessID struct {
	Group string
	PID   int
}

// Process is a daemon that is ready to be given requests.
type Process struct {
	ProcessID
	Number  int
	Threads int
	// Limit of requests that it may be given, 0 for none; when only Early of
	// them are left the server says so.
	Limit, Early int
}

// Breach is a daemon that broke the rules of the shared memory, or of the socket.
type Breach struct {
	ProcessID
	Reason string
	// Spare says that its requests are not concerned: it is replaced first, and
	// ends when it has finished them.
	Spare bool `json:",omitempty"`
}

// Restoration is a daemon that serves on because its replacement could not start.
type Restoration struct {
	ProcessID
	Reason string // why the replacement could not
}

// Departure is the end of a daemon.
type Departure struct {
	ProcessID
	Cause string
	// Stuck says that it had not run for deadlock-timeout, and was killed.
	Stuck bool `json:",omitempty"`
}

// Unavailable is why a group has no process.
type Unavailable struct {
	Group  string
	Reason string
}

// GroupName names a process group.
type GroupName struct{ Group string }

// GroupFigures is what the server knows of a group.
type GroupFigures struct {
	Group                       string
	Waiting, Rejected, TimedOut int
	Processes                   []ProcessFigures
}

// ProcessFigures is what the server knows of a daemon.
type ProcessFigures struct {
	PID, Threads, Running, Queued int
	Served                        uint64
}

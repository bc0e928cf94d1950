package daemon

import (
	"time"

	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/ring"
)

// Options describe a group. A time of 0 is no limit.
type Options struct {
	Name string
	Log  logs.Logger

	// Backlog (listen-backlog) is how many requests may wait because no process
	// has room for them; one more is refused at once.
	Backlog int
	// QueueTimeout (queue-timeout) bounds the time from Request.WaitsSince until a
	// process has started the request.
	QueueTimeout time.Duration
	// ConnectTimeout (connect-timeout) bounds how long a request waits while
	// the group has no process at all.
	ConnectTimeout time.Duration
	// SocketTimeout (socket-timeout) bounds how long a request that a process
	// has been given stays without a sign of life: a piece of its response, or
	// of its body taken, or its end. Time in which the client is waited for
	// does not count. What a client may take is bounded by the
	// gateway.ResponseWriter and gateway.Request.Body, not here.
	SocketTimeout time.Duration
	// HeaderBufferSize (header-buffer-size) is the longest header line, "Name:
	// value", in bytes, that a response may have; 0 stands for 32768.
	HeaderBufferSize int

	// The hooks may be nil. They are called by any goroutine, without locks;
	// the goroutine is one that serves a request, so they must not block.

	// OnStale is called once after a script was found changed, for all the
	// processes that are there then: they are given no more requests.
	OnStale func()
	// OnLimit is called once for a process that may be given only
	// ProcessOptions.Early requests more.
	OnLimit func(*Process)
	// OnBroken is called once for a process that broke the rules of its shared
	// memory. It is given no more requests, and has to be killed and removed.
	OnBroken func(*Process, error)
}

// defaultHeaderLine is HeaderBufferSize if it is 0.
const defaultHeaderLine = 32768

func (o *Options) headerLine() int {
	if o.HeaderBufferSize == 0 {
		return defaultHeaderLine
	}
	return o.HeaderBufferSize
}

// ProcessOptions describe a process that is ready to serve.
type ProcessOptions struct {
	PID     int
	Threads int
	// Ring is shared with the process, and belongs to the Group from now on.
	Ring *ring.Server
	// MaxRequests is how many requests the process may ever be given; 0: any
	// number.
	MaxRequests int
	// Early is how many of them are left when Options.OnLimit is called.
	Early int
}

// Slots returns how many slots the region of a process with this many threads
// needs: a few requests are given to it ahead, so that a thread that becomes
// free need not wait for the server.
func Slots(threads int) int { return threads + 2 + threads/4 }

// Script is one of those that the processes of a group serve.
type Script struct {
	Index uint32 // in the settings of the processes
	Path  string // for the error log
}

// Package gateway is the contract between the HTTP front and whatever hosts an
// application: App, Request, ResponseWriter and the kinds of failure. It knows
// neither how HTTP is read nor how Python is run, and imports only the
// standard library.
package gateway

import (
	"context"
	"io"
	"net/http"
	"os"
	"time"
)

// App answers requests. The embedded interpreter, the client of a daemon
// process group and the interpreter inside a daemon are all an App.
//
// Serve blocks until the response is complete and is safe for concurrent use.
// It keeps neither r nor w after it returns. A nil error means that the whole
// response has been handed to w. A *Redirect is a request for another one. Any
// other error is an *Error, already explained in the error log, and the caller
// turns its Kind into a status page when no head was written, or cuts the
// response when one was.
type App interface {
	Serve(ctx context.Context, r *Request, w ResponseWriter) error
}

// Conn holds what all requests of one connection share, as the text that
// environ shows, so that it is formatted once.
type Conn struct {
	RemoteAddr, RemotePort string
	LocalAddr, LocalPort   string
}

// Request is one HTTP request as an application is to see it. It is borrowed
// by App.Serve for the duration of the call.
type Request struct {
	ID    string    // unique while the server runs; printable ASCII
	Start time.Time // when the head had been read
	// Ready is when the request could be given to a thread: what is read ahead of its
	// body had come. Zero stands for Start. See WaitsSince.
	Ready time.Time

	Method string
	URI    string // exactly what stood in the request line
	Proto  string // "HTTP/1.1"
	Scheme string // "http" or "https"

	ScriptName string // decoded, no trailing slash, "" at the root
	PathInfo   string // decoded, runs of slashes collapsed
	Query      string // raw, without "?"

	Host       string // the Host header or :authority, "" if absent
	ServerName string // SERVER_NAME
	ServerPort string // SERVER_PORT

	// Header holds every other header, keys in canonical form. Names that
	// cannot be told apart in environ (with "_") and Proxy have been removed.
	Header http.Header

	// ContentLength is the length of the body in bytes, -1 if unknown.
	ContentLength int64
	// Prefix is the beginning of the body, read before a thread is taken. It may
	// be longer than what one call or one piece of memory has room for.
	Prefix []byte
	// Body is what follows Prefix; nil when Prefix is all. Read returns a
	// *BodyError when the client breaks off. The first Read sends the
	// interim response to an "Expect: 100-continue".
	Body io.Reader

	// ApplicationGroup names the interpreter; "" is the main one.
	ApplicationGroup string

	// Redirected is the request in whose place this one is served; nil for
	// one that a client has sent.
	Redirected *Redirected

	Conn *Conn
}

// WaitsSince is when the request began to wait for a thread. A client that is slow with
// its body is not waited for by then.
func (r *Request) WaitsSince() time.Time {
	if r.Ready.IsZero() {
		return r.Start
	}
	return r.Ready
}

// Redirected is what an application is told of the request that led to its own.
type Redirected struct{ Path, Query string } // the path is decoded

// Field is one response header line as the application gave it, each byte one
// latin-1 character.
type Field struct{ Name, Value string }

// Head is the beginning of a response.
type Head struct {
	Status int    // 200 to 999
	Reason string // "" stands for the usual phrase of Status
	Fields []Field
	// ContentLength is what Fields declare or what is known of a complete
	// body that does not declare it; -1 otherwise.
	ContentLength int64
	// FromFile says that SendFile gives the body. A writer that has no place for
	// another file says so in WriteHead, when nothing has been sent.
	FromFile bool
}

// ResponseWriter takes one response. Its methods are not safe for concurrent
// use, block while the client is slow and keep nothing they are given.
//
// WriteHead is called once, before the others. If its error is an *Error, Serve
// returns that. Another error of any method is a client that went away; what
// follows it is ignored.
type ResponseWriter interface {
	WriteHead(h *Head) error
	// Write sends a part of the body. What exceeds a declared length is
	// dropped. It may buffer until Flush or the end of the response.
	Write(p []byte) (int, error)
	Flush() error
	// SendFile sends n bytes of f from its current offset with sendfile(2)
	// where the connection allows it. The caller closes f. It returns the
	// number of bytes sent, less than n when the file is shorter.
	SendFile(f *os.File, n int64) (int64, error)
}

// LeaveWatcher is a ResponseWriter that can tell whether its client has left
// without sending anything.
type LeaveWatcher interface {
	// Left reports that the client has left, or has for some time looked as if
	// it had: one that has only closed its side for writing looks the same.
	// The response is over then. It does not block, and is called like the
	// methods of ResponseWriter.
	Left() bool
}

// WriteLimiter is a ResponseWriter whose patience with the client can be set.
type WriteLimiter interface {
	// LimitWrites sets for how long the client may take nothing of this
	// response; 0 stands for the limit of the server. It is called before
	// WriteHead.
	LimitWrites(d time.Duration)
}

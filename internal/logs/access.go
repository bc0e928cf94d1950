package logs

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// AccessEntry is what the access log can tell of one request. Empty text is
// shown as "-". It is borrowed by LogAccess for the call.
type AccessEntry struct {
	RemoteAddr string // without the port
	RemotePort string
	User       string
	Time       time.Time // when the request was received
	Duration   time.Duration
	RequestID  string

	RequestLine string // as the client sent it
	Method      string
	Path        string // decoded, without the query
	Query       string // without "?"
	Proto       string
	Referer     string
	UserAgent   string
	Header      http.Header // every other request header; may be nil

	Status    int
	BytesSent int64 // of the body

	ServerName string
	ServerPort string
}

// header returns the first value of a request header; the name is canonical.
func (e *AccessEntry) header(name string) string {
	switch name {
	case "Referer":
		if e.Referer != "" {
			return e.Referer
		}
	case "User-Agent":
		if e.UserAgent != "" {
			return e.UserAgent
		}
	}
	if values := e.Header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// Access is an access log: one line for each request, each written with one
// Write. Safe for concurrent use; LogAccess blocks as long as the writer does.
type Access struct {
	sink   sink
	format *Format
	errors Logger
}

// NewAccess returns an access log in the format, written to w. What cannot be
// written is dropped; errors gets a record when that begins and one with the
// count when it ends; nil stands for none. The caller keeps w and closes it
// after the last entry.
func NewAccess(w io.Writer, format *Format, errors Logger) *Access {
	if errors == nil {
		errors = Discard{}
	}
	a := &Access{format: format, errors: errors}
	a.sink.w = w
	return a
}

// LogAccess writes the line of one request.
func (a *Access) LogAccess(e *AccessEntry) {
	recovered, firstErr := a.write(e)
	switch {
	case firstErr != nil:
		a.errors.Log(Record{Level: Error, Module: "core",
			Message: fmt.Sprintf("write access log: %v; lines are lost until it can be written again", firstErr)})
	case recovered > 0:
		a.errors.Log(Record{Level: Warn, Module: "core",
			Message: fmt.Sprintf("the access log can be written again; %d lines are lost", recovered)})
	}
}

// write writes the line. It returns the error if it is the first in a row, and
// the number of lines lost if this is the first that could be written.
func (a *Access) write(e *AccessEntry) (recovered uint64, firstErr error) {
	a.sink.mu.Lock()
	defer a.sink.mu.Unlock()
	buf := a.format.append(a.sink.beginLocked(), e, &a.sink.clock)
	recovered, err := a.sink.endLocked(append(buf, '\n'))
	if err != nil && a.sink.dropped == 1 {
		firstErr = err
	}
	return recovered, firstErr
}

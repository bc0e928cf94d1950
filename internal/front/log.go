package front

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gophersnake/gophersnake/internal/framing"
	"github.com/gophersnake/gophersnake/internal/logs"
)

// module is what the front's lines of the error log are marked with.
const module = "http"

// log writes a line about this request.
func (x *exchange) log(level logs.Level, message string) {
	if !x.s.o.Log.Enabled(level) {
		return
	}
	x.s.o.Log.Log(logs.Record{Level: level, Module: module, Client: client(x.conn.text.RemoteAddr, x.conn.text.RemotePort),
		RequestID: x.req.ID, Message: message})
}

// refused tells of a connection that the guard gave up.
func (s *Server) refused(c *framing.Conn, r *framing.Refusal) {
	host, port := splitAddr(c.RemoteAddr())
	if s.o.Log.Enabled(logs.Info) {
		s.o.Log.Log(logs.Record{Level: logs.Info, Module: module, Client: client(host, port),
			Message: "request refused with " + strconv.Itoa(r.Status) + ": " + r.Reason})
	}
	if s.o.AccessLog != nil && !r.InBody {
		s.o.AccessLog.LogAccess(&logs.AccessEntry{RemoteAddr: host, RemotePort: port, Time: time.Now(), Status: r.Status})
	}
}

// gaveUp tells of what net/http gave up on a connection of HTTP/2.
func (s *Server) gaveUp(c *framing.Conn, g framing.GivenUp) {
	level := logs.Info
	if g.Harmless() {
		level = logs.Debug
	}
	if s.o.Log.Enabled(level) {
		host, port := splitAddr(c.RemoteAddr())
		s.o.Log.Log(logs.Record{Level: level, Module: module, Client: client(host, port), Message: g.String()})
	}
}

// client joins an address and a port as the error log shows them.
func client(host, port string) string {
	switch {
	case host == "":
		return ""
	case strings.IndexByte(host, ':') >= 0:
		return "[" + host + "]:" + port
	}
	return host + ":" + port
}

// logAccess tells the access log of this request.
func (x *exchange) logAccess() {
	r := x.r
	name, port := x.req.ServerName, x.req.ServerPort
	if name == "" {
		name, port = x.s.o.ServerName, x.s.o.ServerPort
	}
	status := x.status
	if status == 0 {
		status = x.accessStatus
	}
	x.s.o.AccessLog.LogAccess(&logs.AccessEntry{
		RemoteAddr: x.conn.text.RemoteAddr, RemotePort: x.conn.text.RemotePort,
		Time: x.req.Start, Duration: time.Since(x.req.Start), RequestID: x.req.ID,
		// The guard lets no request line pass that does not look like this.
		RequestLine: r.Method + " " + r.RequestURI + " " + r.Proto,
		Method:      r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Proto: r.Proto,
		Referer: r.Header.Get("Referer"), UserAgent: r.Header.Get("User-Agent"), Header: r.Header,
		Status: status, BytesSent: x.sent,
		ServerName: name, ServerPort: port,
	})
}

// errorLog takes the lines of net/http's own log.
type errorLog struct{ log logs.Logger }

func (e errorLog) Write(line []byte) (int, error) {
	message := strings.TrimRight(string(line), "\n")
	level := logs.Debug
	switch {
	case strings.HasPrefix(message, "http: panic"):
		level = logs.Crit
	case strings.HasPrefix(message, "http: Accept error"):
		level = logs.Error
	}
	e.log.Log(logs.Record{Level: level, Module: module, Message: message})
	return len(line), nil
}

// quote makes what a client sent fit for a line of the log.
func quote(s string) string { return strconv.Quote(s) }

func text(p any) string { return fmt.Sprint(p) }

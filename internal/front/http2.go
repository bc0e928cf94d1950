package front

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/gophersnake/gophersnake/internal/framing"
	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
)

// checkHTTP2 holds a request of HTTP/2, which the guard has not looked into, to
// the rules for HTTP/1.1. It answers, or resets, one that breaks them.
func (x *exchange) checkHTTP2() bool {
	r := x.r
	h := framing.Head{Method: r.Method, Target: r.RequestURI, Authority: r.Host, Fields: r.Header, Port: portOf(x.s.o.Scheme)}
	if refusal := x.s.o.Limits.Check(&h); refusal != nil {
		x.log(logs.Info, "request refused with "+strconv.Itoa(refusal.Status)+": "+refusal.Reason)
		x.page(refusal.Status)
		return false
	}
	delete(r.Header, "Host") // as net/http does for HTTP/1: the application is told r.Host
	return x.checkLength(&h)
}

// checkLength resets the stream of a request whose Content-Length cannot be that
// of its body (RFC 9113, section 8.1.1). What net/http knows of the length is 0
// for a body that is not there, and for a Content-Length that is no number.
func (x *exchange) checkLength(h *framing.Head) bool {
	n, refusal := h.Length()
	switch {
	case refusal != nil:
		x.malformed(refusal.Reason)
		return false
	case n >= 0 && n != x.r.ContentLength:
		x.malformed("Content-Length of " + strconv.FormatInt(n, 10) + " without a body")
		return false
	case n == 0:
		return x.endsHere()
	}
	return true
}

// endsHere waits for the end of a stream that is to carry no body.
func (x *exchange) endsHere() bool {
	x.body = body{x: x, src: x.r.Body}
	_, err := x.body.Read(make([]byte, 1))
	if errors.Is(err, io.EOF) {
		x.body = body{}
		return true
	}
	x.brokenBody(err)
	return false
}

// malformed ends a request by a stream error, without a response. The guard
// makes that a PROTOCOL_ERROR.
func (x *exchange) malformed(reason string) {
	x.log(logs.Info, "request refused, its HTTP/2 stream is reset: "+reason)
	x.cut = true
	x.accessStatus = http.StatusBadRequest
}

// mismatch returns how a body of HTTP/2 and its Content-Length differ when err,
// of net/http, says that they do; else "".
func (b *body) mismatch(err error) string {
	switch text := err.Error(); {
	case b.x.r.ProtoMajor != 2 || b.size < 0:
	case strings.HasPrefix(text, "request declared a Content-Length"):
		return "shorter"
	case strings.HasPrefix(text, "sender tried to send more"):
		return "longer"
	}
	return ""
}

// misdeclared remembers such a body, and returns the error for the application.
func (b *body) misdeclared(how string) error {
	reason := "the request body is " + how + " than its Content-Length of " + strconv.FormatInt(b.size, 10) + " bytes"
	b.wrongLength.Store(&reason)
	return &gateway.BodyError{Reason: reason}
}

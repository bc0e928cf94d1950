package front

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gophersnake/gophersnake/internal/framing"
	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
)

// chunked is HTTP_TRANSFER_ENCODING of a chunked request. Shared: not to be
// written to.
var chunked = []string{"chunked"}

// body reads the body of a request within its limit. Its errors are
// *gateway.BodyError, and come again at the next Read.
type body struct {
	x       *exchange
	src     io.Reader
	size    int64 // as the client declares it; -1: unknown
	got     int64 // bytes that have been read
	left    int64 // bytes to go to the limit; negative: none
	limited bool
	touched bool // something has been read, or asked for

	byApp, ended atomic.Bool            // the application has read; there is no more to read
	unwanted     atomic.Bool            // what is still to come is not waited for
	wrongLength  atomic.Pointer[string] // of HTTP/2: how it does not match Content-Length
	tooLarge     bool
	timeout      bool
	ahead        bool // it is read before the application runs
	err          error
	waited       time.Duration // for a client of HTTP/2
}

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		b.Ask()
		return 0, nil
	}
	b.touched = true
	b.byApp.Store(true)
	n, err := b.receive(p)
	b.got += int64(n)
	if b.limited {
		if b.left -= int64(n); b.left < 0 {
			n += int(b.left)
			b.exceed()
			err = b.err
		}
	}
	switch {
	case err == nil || errors.Is(err, io.EOF):
		b.err = err
	case b.err == nil:
		b.err = b.explain(err)
	}
	if b.err != nil {
		b.ended.Store(true)
	}
	if n > 0 {
		return n, nil // the error comes at the next Read
	}
	return 0, b.err
}

// receive reads within the time that the client has for it. The connection
// bounds a body of HTTP/1, a stream of HTTP/2 is bounded here.
func (b *body) receive(p []byte) (int, error) {
	o := &b.x.s.o
	if b.x.r.ProtoMajor != 2 {
		return b.src.Read(p)
	}
	start := time.Now()
	stop := b.x.watchFor(o.BodyRate.Within(o.SocketTimeout, b.got, b.waited), reading)
	n, err := b.src.Read(p)
	stop()
	b.waited += time.Since(start)
	return n, err
}

// Ask has "Expect: 100-continue" answered, and does not wait: a stream of HTTP/2,
// where a Read of nothing waits for data, is left to the first true Read. It is
// package daemon's Asker. A failure is that of the next Read, too.
func (b *body) Ask() {
	b.touched = true
	b.byApp.Store(true)
	if b.x.r.ProtoMajor == 1 {
		_, _ = b.src.Read(nil)
	}
}

func (b *body) exceed() {
	limit := strconv.FormatInt(b.x.s.o.LimitRequestBody, 10)
	b.tooLarge = true
	b.err = &gateway.BodyError{Reason: "request body is larger than the limit of " + limit + " bytes"}
	b.x.log(logs.Error, "the request body is larger than the limit of "+limit+" bytes: raise LimitRequestBody (--limit-request-body) to let it pass")
}

// explain turns an error of the connection into the reason the application is
// given.
func (b *body) explain(err error) error {
	var refusal *framing.Refusal
	var network net.Error
	if how := b.mismatch(err); how != "" {
		return b.misdeclared(how)
	}
	switch {
	case errors.As(err, &refusal):
		return &gateway.BodyError{Reason: refusal.Reason}
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &network) && network.Timeout():
		if !b.unwanted.Load() {
			b.timeout = true
			b.x.logSlowBody()
		}
		return &gateway.BodyError{Reason: "timeout"}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &gateway.BodyError{Reason: "Connection closed by client"}
	}
	return &gateway.BodyError{Reason: "Connection reset by client"}
}

// admit makes the request ready for the application, or answers it without.
func (x *exchange) admit() bool {
	r, limit := x.r, x.s.o.LimitRequestBody
	switch {
	case r.ContentLength < 0 && !x.s.o.ChunkedRequest:
		x.log(logs.Error, "chunked request refused: set WSGIChunkedRequest On, or leave out --no-chunked-request, to let it pass")
		x.close().page(http.StatusLengthRequired)
		return false
	case limit > 0 && r.ContentLength > limit:
		x.log(logs.Error, "the request body of "+strconv.FormatInt(r.ContentLength, 10)+" bytes is larger than the limit of "+
			strconv.FormatInt(limit, 10)+" bytes: raise LimitRequestBody (--limit-request-body) to let it pass")
		x.close().page(http.StatusRequestEntityTooLarge)
		return false
	}
	x.describe()
	x.req.ContentLength = r.ContentLength
	if len(r.TransferEncoding) > 0 {
		r.Header["Transfer-Encoding"] = chunked
	}
	if r.ContentLength == 0 {
		return true
	}
	x.body = body{x: x, src: r.Body, size: r.ContentLength, left: limit, limited: limit > 0 && r.ContentLength < 0}
	x.req.Body = &x.body
	if r.ContentLength > x.s.o.ReadAhead || x.s.o.ReadAhead == 0 || expects(r) {
		return true
	}
	return x.readPrefix()
}

// expects reports a client that sends the body only when it is asked for.
func expects(r *http.Request) bool {
	if r.ProtoMajor != 2 {
		return r.Header["Expect"] != nil
	}
	// net/http takes the header away, and keeps what it said in a field of the
	// body of the stream.
	v := reflect.ValueOf(r.Body)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return false
	}
	waits := v.Elem().FieldByName("needsContinue")
	return waits.Kind() == reflect.Bool && waits.Bool()
}

// readPrefix reads the body, or the beginning of one of unknown length, and less
// of it where memory for bodies is short.
func (x *exchange) readPrefix() bool {
	want := x.s.o.ReadAhead
	if n := x.r.ContentLength; n > 0 {
		want = n
	}
	x.body.ahead = true
	n, err := x.fill(want)
	if err == nil && x.r.ProtoMajor == 2 && n == x.r.ContentLength {
		_, err = x.body.Read(make([]byte, 1)) // io.EOF, unless more comes
	}
	x.body.ahead = false
	x.req.Ready = time.Now()
	if x.piece != nil {
		x.req.Prefix = x.piece.bytes[:n]
	}
	x.body.byApp.Store(false)
	switch {
	case errors.Is(err, io.EOF):
		x.wholeBody(n)
	case err != nil:
		x.brokenBody(err)
		return false
	case n == x.r.ContentLength:
		x.req.Body = nil
	}
	return true
}

// fill reads up to want bytes into memory that grows as they come, and fewer if
// there is no more of it.
func (x *exchange) fill(want int64) (n int64, err error) {
	for n < want && err == nil && x.makeRoom(n, want) {
		var m int
		m, err = x.body.Read(x.piece.bytes[n:min(want, int64(len(x.piece.bytes)))])
		n += int64(m)
	}
	return n, err
}

// wholeBody is for a body that ended within what was read ahead. Its length is
// told to the application, whether the client knew it or not.
func (x *exchange) wholeBody(n int64) {
	x.req.Body = nil
	if x.r.ContentLength < 0 {
		x.req.ContentLength = n
		x.r.Header["Content-Length"] = []string{strconv.FormatInt(n, 10)}
	}
}

// brokenBody answers a request whose body broke off before the application saw
// anything of it.
func (x *exchange) brokenBody(err error) {
	switch {
	case x.body.wrongLength.Load() != nil:
		x.malformed(*x.body.wrongLength.Load())
		return
	case x.body.tooLarge:
		x.close().page(http.StatusRequestEntityTooLarge)
		return
	case x.body.timeout:
		x.close().page(http.StatusRequestTimeout)
		return
	}
	x.log(logs.Info, "the request body cannot be read: "+err.Error())
	x.close().page(http.StatusBadRequest)
}

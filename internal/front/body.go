package front

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"

	"github.com/gophersnake/gophersnake/internal/framing"
	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
)

// maxPrefix is the length up to which a body is read before a Python thread is
// taken. A longer one is left to the application, which may answer without it;
// of one whose length is not known so much is read.
const maxPrefix = 64 << 10

// chunked is HTTP_TRANSFER_ENCODING of a chunked request. Shared: not to be
// written to.
var chunked = []string{"chunked"}

// body reads the body of a request within its limit. Its errors are
// *gateway.BodyError, and come again at the next Read.
type body struct {
	x       *exchange
	src     io.Reader
	size    int64 // as the client declares it; -1: unknown
	left    int64 // bytes to go to the limit; negative: none
	limited bool
	touched bool // something has been read, or asked for

	byApp, ended atomic.Bool            // the application has read; there is no more to read
	wrongLength  atomic.Pointer[string] // of HTTP/2: how it does not match Content-Length
	tooLarge     bool
	timeout      bool
	ahead        bool // it is read before the application runs
	err          error
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
	stop := b.x.watch(reading)
	n, err := b.src.Read(p)
	stop()
	if b.limited {
		if b.left -= int64(n); b.left < 0 {
			n += int(b.left)
			b.exceed()
			err = b.err
		}
	}
	switch {
	case err == nil || err == io.EOF:
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
		b.timeout = true
		if !b.ahead {
			b.x.log(logs.Info, "the application waited for the client, which sent nothing more of the request body for "+
				b.x.s.o.SocketTimeout.String()+" (socket-timeout): reading it fails")
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
	case len(r.TransferEncoding) > 0 && !x.s.o.ChunkedRequest:
		x.log(logs.Error, "chunked request refused: set WSGIChunkedRequest On (--chunked-request) to let it pass")
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
	if _, expects := r.Header["Expect"]; expects || r.ContentLength > maxPrefix {
		return true
	}
	return x.readPrefix()
}

// readPrefix reads the body, or the beginning of one of unknown length.
func (x *exchange) readPrefix() bool {
	want := int64(maxPrefix)
	if n := x.r.ContentLength; n > 0 {
		want = min(n, want)
	}
	if int64(cap(x.buf)) < want {
		size := 4 << 10
		for int64(size) < want {
			size *= 2
		}
		x.buf = make([]byte, size)
	}
	x.body.ahead = true
	n, err := io.ReadFull(&x.body, x.buf[:want])
	x.body.ahead = false
	x.req.Prefix = x.buf[:n]
	x.body.byApp.Store(false)
	switch {
	case err == nil && int64(n) == x.r.ContentLength, err == io.EOF, err == io.ErrUnexpectedEOF:
		x.req.Body = nil
	case err != nil:
		x.brokenBody(err)
		return false
	}
	return true
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
		x.log(logs.Info, "the client stopped sending in the middle of the request body")
		x.close().page(http.StatusRequestTimeout)
		return
	}
	x.log(logs.Info, "the request body cannot be read: "+err.Error())
	x.close().page(http.StatusBadRequest)
}

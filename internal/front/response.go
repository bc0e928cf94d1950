package front

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
)

var _ gateway.ResponseWriter = (*exchange)(nil)

var (
	errHeadTwice = errors.New("write head: it has been written")
	errNoHead    = errors.New("write body: no head has been written")
	errLeft      = errors.New("write response: the client has left")
	errMalformed = errors.New("write head: the request body does not match its Content-Length")
)

// WriteHead is gateway.ResponseWriter's. A status that HTTP does not have is an
// error, after which a status page can still be sent, and so is a file when too many
// are being sent.
func (x *exchange) WriteHead(h *gateway.Head) error {
	if x.status != 0 {
		return errHeadTwice
	}
	if x.body.wrongLength.Load() != nil {
		return errMalformed
	}
	if h.Status < 200 || h.Status > 999 {
		x.log(logs.Error, "the application answered with the status "+strconv.Itoa(h.Status)+": not one from 200 to 999")
		return fmt.Errorf("write head: status %d", h.Status)
	}
	if h.FromFile && !x.head && !noBody(h.Status) {
		if err := x.holdFile(); err != nil {
			return err
		}
	}
	length, err := x.fields(h.Fields)
	if err != nil {
		x.log(logs.Error, err.Error())
		return err
	}
	if h.ContentLength >= 0 {
		length = h.ContentLength
	}
	x.reason(h)
	x.writeHead(h.Status, length)
	return nil
}

// reason arranges for the application's own reason phrase. HTTP/2 has none.
func (x *exchange) reason(h *gateway.Head) {
	usual := http.StatusText(h.Status)
	if usual != "" && (h.Reason == usual || h.Reason == "") {
		return
	}
	if x.conn.conn != nil && x.r.ProtoMajor == 1 {
		x.conn.conn.SetReason(h.Status, h.Reason)
	}
}

// writeHead sends the head with the headers set so far; length is that of the
// body, -1 if unknown.
func (x *exchange) writeHead(status int, length int64) {
	if x.s.draining.Load() {
		x.endConnection()
	}
	header := x.w.Header()
	if _, ok := header["Content-Type"]; !ok {
		header["Content-Type"] = nil // keeps net/http from inventing one
	}
	if x.s.o.ServerHeader != "" && header["Server"] == nil {
		header["Server"] = x.value(x.s.o.ServerHeader)
	}
	if status == http.StatusResetContent {
		length = 0 // RFC 9110, section 15.3.6
	}
	if length >= 0 && status != http.StatusNoContent && status != http.StatusNotModified {
		header["Content-Length"] = x.value(strconv.FormatInt(length, 10))
	}
	x.status, x.declared = status, length
	x.bodiless = x.head || noBody(status)
	x.settleBody()
	x.w.WriteHeader(status)
}

// noBody reports the statuses whose responses have no body (RFC 9110, sections
// 15.3.5, 15.3.6 and 15.4.5).
func noBody(status int) bool {
	switch status {
	case http.StatusNoContent, http.StatusResetContent, http.StatusNotModified:
		return true
	}
	return false
}

// value returns s as the only value of a header.
func (x *exchange) value(s string) []string {
	if x.nvalues == len(x.values) {
		return []string{s}
	}
	i := x.nvalues
	x.nvalues++
	x.values[i] = s
	return x.values[i : i+1 : i+1]
}

// Write is gateway.ResponseWriter's.
func (x *exchange) Write(p []byte) (int, error) {
	if x.status == 0 {
		return 0, errNoHead
	}
	part := p[:x.room(int64(len(p)))]
	if len(part) == 0 {
		return len(p), x.writeErr
	}
	stop := x.watchWrite()
	n, err := x.w.Write(part)
	stop()
	x.sent += int64(n)
	if err != nil {
		return n, x.gone(err)
	}
	return len(p), nil
}

// room returns how many of n bytes of body may go out, and tells of the others.
func (x *exchange) room(n int64) int64 {
	switch {
	case n == 0 || x.writeErr != nil:
		return 0
	case x.bodiless:
		if !x.head && x.s.warned204.CompareAndSwap(false, true) {
			x.log(logs.Warn, "the application sent a body with status "+strconv.Itoa(x.status)+
				", which has none: dropped, here and in future without a word")
		}
		return 0
	case x.declared < 0 || n <= x.declared-x.sent:
		return n
	}
	if !x.excess {
		x.excess = true
		x.log(logs.Debug, "the application sent more than its Content-Length of "+strconv.FormatInt(x.declared, 10)+" bytes: the rest is dropped")
	}
	return x.declared - x.sent
}

// Flush is gateway.ResponseWriter's.
func (x *exchange) Flush() error {
	if x.status == 0 {
		return errNoHead
	}
	if x.writeErr != nil {
		return x.writeErr
	}
	if x.declared < 0 && !x.endless {
		x.endless = true
		x.s.endless.Add(1)
	}
	return x.flush()
}

func (x *exchange) flush() error {
	flusher, ok := x.w.(interface{ FlushError() error })
	if !ok {
		return nil
	}
	stop := x.watchWrite()
	err := flusher.FlushError()
	stop()
	if err != nil {
		return x.gone(err)
	}
	return nil
}

// SendFile is gateway.ResponseWriter's.
func (x *exchange) SendFile(f *os.File, n int64) (int64, error) {
	if x.status == 0 {
		return 0, errNoHead
	}
	part := x.room(n)
	if part == 0 {
		return n, x.writeErr
	}
	if err := x.holdFile(); err != nil {
		return 0, x.gone(err)
	}
	defer x.dropFile()
	sent, err := x.copyFile(&io.LimitedReader{R: f, N: part})
	x.sent += sent
	switch {
	case err != nil:
		return sent, x.gone(err)
	case sent < part:
		return sent, nil
	}
	return n, nil
}

// holdFile takes a place among the files that are being sent, until dropFile. Its
// error, which has been logged, is that there is none.
func (x *exchange) holdFile() error {
	if x.file {
		return nil
	}
	if !x.s.crowd.takeFile() {
		x.log(logs.Error, "a file is not sent: "+errManyFiles.Error()+": raise the limit of open files (ulimit -n, LimitNOFILE of systemd)")
		return &gateway.Error{Kind: gateway.Busy, Err: errManyFiles}
	}
	x.file = true
	return nil
}

func (x *exchange) dropFile() {
	if x.file {
		x.file = false
		x.s.crowd.giveFile()
	}
}

// copyFile sends a file. net/http's ResponseWriter for HTTP/1 takes it with
// sendfile(2).
func (x *exchange) copyFile(src *io.LimitedReader) (int64, error) {
	if x.r.ProtoMajor == 2 {
		return io.CopyBuffer(watched{x}, src, make([]byte, copyBuffer))
	}
	defer x.watchWrite()()
	return io.Copy(x.w, src)
}

// watched is a stream of HTTP/2 of which the client takes each write in time.
type watched struct{ x *exchange }

func (w watched) Write(p []byte) (int, error) {
	defer w.x.watchWrite()()
	return w.x.w.Write(p)
}

// gone remembers that the client went away, or takes nothing any more.
func (x *exchange) gone(err error) error {
	if x.writeErr == nil {
		x.writeErr = fmt.Errorf("write response: %w", err)
		if x.impatient.Load() || errors.Is(err, os.ErrDeadlineExceeded) {
			x.logSlowClient()
		}
	}
	return x.writeErr
}

// short cuts a response that ended before its Content-Length.
func (x *exchange) short() {
	x.log(logs.Warn, "the application sent "+strconv.FormatInt(x.sent, 10)+" bytes of a Content-Length of "+
		strconv.FormatInt(x.declared, 10)+": the connection is closed")
	x.cut = true
}

package front

import (
	"io"
	"net/http"

	"github.com/gophersnake/gophersnake/internal/logs"
)

// recorder notes for the access log what http.ServeContent sends.
type recorder struct {
	http.ResponseWriter
	x *exchange
}

func (w *recorder) WriteHeader(status int) {
	w.x.status = status
	if w.x.s.draining.Load() {
		w.x.endConnection()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	stop := w.x.watchWrite()
	defer stop()
	n, err := w.ResponseWriter.Write(p)
	w.x.sent += int64(n)
	return n, w.failed(err)
}

// ReadFrom keeps sendfile(2) working.
func (w *recorder) ReadFrom(src io.Reader) (int64, error) {
	from, ok := w.ResponseWriter.(io.ReaderFrom)
	if !ok {
		return w.x.copyTo(writeOnly{w}, src)
	}
	stop := w.x.watchWrite()
	defer stop()
	n, err := from.ReadFrom(src)
	w.x.sent += n
	return n, w.failed(err)
}

// failed notes that the client went away, or takes nothing any more.
func (w *recorder) failed(err error) error {
	if err == nil {
		return nil
	}
	return w.x.gone(err)
}

// copyBuffer is the memory with which a file is sent on a stream of HTTP/2, in
// bytes: a client that takes nothing keeps it, and may have many streams.
const copyBuffer = 8 << 10

// copyTo copies a file to where sendfile(2) does not lead.
func (x *exchange) copyTo(w io.Writer, src io.Reader) (int64, error) {
	n, err := io.CopyBuffer(w, readOnly{src}, make([]byte, copyBuffer))
	if err != nil && x.writeErr == nil {
		x.log(logs.Error, "a file cannot be read to its end: "+err.Error())
		x.cut = true // the client is to notice, by both doors
	}
	return n, err
}

// readOnly hides WriteTo from io.Copy.
type readOnly struct{ io.Reader }

// writeOnly hides ReadFrom from io.Copy.
type writeOnly struct{ io.Writer }

package front

import (
	"io"
	"net/http"
)

// recorder notes for the access log what http.ServeContent sends.
type recorder struct {
	http.ResponseWriter
	x *exchange
}

func (w *recorder) WriteHeader(status int) {
	w.x.status = status
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
		return io.Copy(writeOnly{w}, src)
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

// writeOnly hides ReadFrom from io.Copy.
type writeOnly struct{ io.Writer }

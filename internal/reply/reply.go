// Package reply hands on what a request inside Python has come to: a flat head
// (package flat) with its body, or one of the ways to fail. It knows neither
// where the bytes come from, a call in this process or another process, nor
// what the gateway.ResponseWriter does with them.
package reply

import (
	"net/http"
	"os"

	"github.com/gophersnake/gophersnake/internal/flat"
	"github.com/gophersnake/gophersnake/internal/gateway"
)

// keptHead bounds the heads that are kept for a comparison with the next one,
// in bytes.
const keptHead = 512

// Head is the head of one response after the other. The zero value is ready.
type Head struct {
	gateway.Head
	flat   string // the bytes that Head was parsed from; "" if they are not kept
	length int64  // the Content-Length in them
}

// Parse decodes the head at the beginning of data, which nobody vouches for, and
// returns the body behind it. An application often gives the same head again;
// then nothing is to be decoded.
func (h *Head) Parse(data []byte) (body []byte, err error) {
	if n := len(h.flat); n > 0 && len(data) >= n && string(data[:n]) == h.flat {
		h.ContentLength = h.length
		return data[n:], nil
	}
	h.flat = ""
	if body, err = flat.ParseHead(&h.Head, data); err != nil {
		return nil, err
	}
	if head := data[:len(data)-len(body)]; len(head) <= keptHead {
		h.flat, h.length = string(head), h.ContentLength
	}
	return body, nil
}

// Forget lets go of the texts of a large head.
func (h *Head) Forget() {
	if h.flat == "" {
		clear(h.Fields)
	}
}

// Complete hands on a response whose body is all there. An error is one of
// WriteHead: what the writer says of the body is its own affair.
func (h *Head) Complete(w gateway.ResponseWriter, method string, body []byte) error {
	// The answer to HEAD may be that of GET without its body, whose length
	// is not known then.
	if h.ContentLength < 0 && !bodyless(h.Status) && (len(body) > 0 || method != http.MethodHead) {
		h.ContentLength = int64(len(body))
	}
	if err := w.WriteHead(&h.Head); err != nil {
		return err
	}
	if len(body) > 0 {
		_, _ = w.Write(body) // an error is a client that left: nothing follows
	}
	return nil
}

// File hands on a response whose body is the next n bytes of f, which it
// closes. Errors are as with Complete.
func (h *Head) File(w gateway.ResponseWriter, f *os.File, n int64) error {
	defer f.Close()
	h.FromFile = true
	err := w.WriteHead(&h.Head)
	h.FromFile = false // it is not known to the next one's Parse
	if err != nil {
		return err
	}
	_, _ = w.SendFile(f, n) // a short file shows in the body's length
	return nil
}

// bodyless reports statuses that never have a body (RFC 9110, section 6.4.1).
func bodyless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
}

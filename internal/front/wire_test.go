package front

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Frames of RFC 9113, section 6.
const (
	dataFrame, headersFrame, resetFrame, settingsFrame, goAwayFrame, windowUpdateFrame, continuationFrame = 0, 1, 3, 4, 7, 8, 9

	endStream, endHeaders = 1, 4
)

// wire is a client of HTTP/2 that sends what it is told to, frame by frame.
type wire struct {
	t    *testing.T
	c    net.Conn
	last uint32 // stream
}

func dialHTTP2(t *testing.T, s *site) *wire {
	t.Helper()
	w := &wire{t: t, c: send(t, s, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")}
	w.frame(settingsFrame, 0, 0, "")
	return w
}

func (w *wire) frame(kind, flags byte, stream uint32, payload string) {
	w.t.Helper()
	head := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	head = binary.BigEndian.AppendUint32(append(head, flags), stream)
	if _, err := w.c.Write(append(head, payload...)); err != nil {
		w.t.Fatal(err)
	}
}

// block encodes fields, each "name: value" or ":name: value", as literals.
func block(fields []string) string {
	var b []byte
	for _, f := range fields {
		colon := strings.Index(f[1:], ":") + 1
		b = append(b, 0)
		for _, s := range []string{f[:colon], strings.TrimPrefix(f[colon+1:], " ")} {
			if n := len(s); n < 127 {
				b = append(b, byte(n))
			} else {
				for b, n = append(b, 127), n-127; n >= 128; n >>= 7 {
					b = append(b, byte(n)|128)
				}
				b = append(b, byte(n))
			}
			b = append(b, s...)
		}
	}
	return string(b)
}

// begin sends the head of a request; the body follows if flags say so. Fields
// stand in place of the usual ones of the same name.
func (w *wire) begin(flags byte, fields ...string) (stream uint32) {
	w.t.Helper()
	for _, usual := range []string{":authority: x", ":path: /", ":scheme: http", ":method: GET"} {
		name := usual[:strings.LastIndex(usual, ":")+1]
		given := false
		for _, f := range fields {
			given = given || strings.HasPrefix(f, name)
		}
		if !given {
			fields = append([]string{usual}, fields...)
		}
	}
	var sent []string
	for _, f := range fields {
		if !strings.HasSuffix(f, ": -") { // without this one
			sent = append(sent, f)
		}
	}
	w.last += 2
	stream = w.last - 1
	rest := block(sent)
	kind := byte(headersFrame)
	for len(rest) > 1<<14 {
		w.frame(kind, flags, stream, rest[:1<<14])
		rest, kind, flags = rest[1<<14:], continuationFrame, 0
	}
	w.frame(kind, flags|endHeaders, stream, rest)
	return stream
}

// result is what came of a stream.
type result struct {
	body   string
	code   int // of its reset, or of the end of the connection; -1: neither
	goAway bool
}

// await reads until the stream has ended.
func (w *wire) await(stream uint32) result {
	w.t.Helper()
	out := result{code: -1}
	for {
		var head [9]byte
		if _, err := io.ReadFull(w.c, head[:]); err != nil {
			w.t.Fatalf("stream %d, after %q: %v", stream, out.body, err)
		}
		payload := make([]byte, binary.BigEndian.Uint32(head[:4])>>8)
		if _, err := io.ReadFull(w.c, payload); err != nil {
			w.t.Fatal(err)
		}
		kind, flags, on := head[3], head[4], binary.BigEndian.Uint32(head[5:])
		switch {
		case kind == goAwayFrame:
			out.code, out.goAway = int(binary.BigEndian.Uint32(payload[4:])), true
			return out
		case on != stream:
			continue
		case kind == resetFrame:
			out.code = int(binary.BigEndian.Uint32(payload))
			return out
		case kind == dataFrame:
			out.body += string(payload)
		}
		if (kind == dataFrame || kind == headersFrame) && flags&endStream != 0 {
			return out
		}
	}
}

// status returns the status of a page of the server, or what else there is.
func (r result) status() string {
	if _, after, ok := strings.Cut(r.body, "<h1>"); ok {
		status, _, _ := strings.Cut(after, "</h1>")
		return status
	}
	return r.body
}

// read takes frames until so many bytes of a stream's body have come.
func (w *wire) read(stream uint32, n int) {
	w.t.Helper()
	for n > 0 {
		var head [9]byte
		if _, err := io.ReadFull(w.c, head[:]); err != nil {
			w.t.Fatalf("%d bytes before the end of what was to come: %v", n, err)
		}
		payload := make([]byte, binary.BigEndian.Uint32(head[:4])>>8)
		if _, err := io.ReadFull(w.c, payload); err != nil {
			w.t.Fatal(err)
		}
		if head[3] == dataFrame && binary.BigEndian.Uint32(head[5:]) == stream {
			n -= len(payload)
		}
	}
}

// allow lets the server send n bytes more.
func (w *wire) allow(stream uint32, n uint32) {
	w.t.Helper()
	more := string(binary.BigEndian.AppendUint32(nil, n))
	w.frame(windowUpdateFrame, 0, 0, more)
	w.frame(windowUpdateFrame, 0, stream, more)
}

// A file that is replaced while it is sent does not end as if it were whole.
func TestFileReplacedOverHTTP2(t *testing.T) {
	s, dir := files(t, Options{})
	w := dialHTTP2(t, s)
	stream := w.begin(endStream, ":path: /static/big.bin")
	w.read(stream, 1<<16-1) // all that may be sent at first
	next := filepath.Join(dir, "next")
	if err := os.WriteFile(next, []byte("short"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, filepath.Join(dir, "big.bin")); err != nil {
		t.Fatal(err)
	}
	w.allow(stream, 2<<20)
	if got := w.await(stream); got.code < 0 {
		t.Errorf("the stream ended after %d bytes more as if the file were whole", len(got.body))
	}
}

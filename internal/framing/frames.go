package framing

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
)

// Frame types, flags and codes of RFC 9113 that matter to the guard.
const (
	frameData    = 0
	frameHeaders = 1
	frameReset   = 3
	frameGoAway  = 7

	endStream = 1

	codeProtocol = 1
	codeInternal = 2
	codeClosed   = 5
)

// frames follows what the server sends on a connection of HTTP/2: net/http tells
// nobody when it gives up a stream or a connection because of what the client
// sent, and has one code for every stream that a handler aborts.
type frames struct {
	header [9]byte
	text   [128]byte // the payload, where it is looked at
	have   int       // bytes of header and payload that have been seen
	open   []uint32  // streams whose response has begun and not ended, the last to have sent at the end
	forgot uint32    // the highest of them that is not remembered any more
	told   func(GivenUp)
}

// mostOpen is how many streams are remembered: more than a server lets a client have
// open at a time. Of a stream that the client resets nothing more is sent, so that
// nothing here tells of its end; it makes room for those that send.
const mostOpen = 128

// GivenUp is a stream or a connection of HTTP/2 that net/http gave up, or a
// request that it refused without asking a handler. Nothing in it is what the
// client sent.
type GivenUp struct {
	Stream uint32 // 0: the whole connection
	Code   uint32 // of RFC 9113, section 7; 0: it was answered
	Status int    // of that answer
}

// codeNames are the names of the codes of RFC 9113, section 7.
var codeNames = [...]string{"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",
	"STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR",
	"ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"}

// Harmless reports what clients that do nothing wrong run into: data that were
// on their way when their response ended.
func (g GivenUp) Harmless() bool {
	return g.Stream != 0 && g.Code == codeClosed
}

// String says for the log what was given up.
func (g GivenUp) String() string {
	if g.Status != 0 {
		return "request refused with " + strconv.Itoa(g.Status) + ": head that HTTP/2 does not allow, or too large"
	}
	name := strconv.FormatUint(uint64(g.Code), 10)
	if g.Code < uint32(len(codeNames)) {
		name = codeNames[g.Code]
	}
	if g.Harmless() {
		return "HTTP/2 stream " + strconv.FormatUint(uint64(g.Stream), 10) + " got data after its end"
	}
	if g.Stream == 0 {
		return "HTTP/2 connection ended with " + name
	}
	return "request refused: HTTP/2 stream " + strconv.FormatUint(uint64(g.Stream), 10) + " reset with " + name
}

// follow takes the next bytes that the server sends. It returns them, or a copy
// in which streams that were reset by a handler before they had a response have
// the code PROTOCOL_ERROR: that is how malformed requests end (RFC 9113, section
// 8.1.1).
func (f *frames) follow(p []byte) []byte {
	copied := false
	for pos := 0; pos < len(p); {
		if f.have < len(f.header) {
			n := copy(f.header[f.have:], p[pos:])
			f.have, pos = f.have+n, pos+n
			if f.have < len(f.header) {
				break
			}
		} else {
			at := f.have - len(f.header)
			n := min(f.size()-at, len(p)-pos)
			if at < len(f.text) {
				copy(f.text[at:], p[pos:pos+n])
			}
			f.have, pos = f.have+n, pos+n
		}
		if f.have < len(f.header)+f.size() {
			continue
		}
		f.have = 0
		if f.ended() {
			if !copied {
				p, copied = slices.Clone(p), true
			}
			p[pos-1] = codeProtocol
		}
	}
	return p
}

func (f *frames) size() int {
	return int(f.header[0])<<16 | int(f.header[1])<<8 | int(f.header[2])
}

func (f *frames) stream() uint32 { return binary.BigEndian.Uint32(f.header[5:]) & (1<<31 - 1) }

// ended takes a complete frame. It reports a reset whose last byte, that of its
// code, is to become PROTOCOL_ERROR.
func (f *frames) ended() (malformed bool) {
	stream := f.stream()
	i := slices.Index(f.open, stream)
	switch kind := f.header[3]; kind {
	case frameHeaders, frameData:
		if kind == frameData {
			f.recognise(stream)
		}
		f.progress(i, f.header[4]&endStream != 0, stream)
	case frameReset:
		if i >= 0 {
			f.open = slices.Delete(f.open, i, i+1)
		}
		code := binary.BigEndian.Uint32(f.text[:4])
		if code == codeInternal {
			return i < 0 && stream > f.forgot // the handler has told why
		}
		f.tell(GivenUp{Stream: stream, Code: code})
	case frameGoAway:
		f.tell(GivenUp{Code: binary.BigEndian.Uint32(f.text[4:8])})
	}
	return false
}

// progress notes that a response has begun, or that it has ended. The stream is
// the i-th of those that are open, if i is not negative.
func (f *frames) progress(i int, end bool, stream uint32) {
	if i >= 0 {
		f.open = slices.Delete(f.open, i, i+1)
	}
	if end {
		return
	}
	if len(f.open) == mostOpen {
		f.forgot = max(f.forgot, f.open[0])
		f.open = slices.Delete(f.open, 0, 1)
	}
	f.open = append(f.open, stream)
}

func (f *frames) tell(g GivenUp) {
	if f.told != nil && (g.Code != 0 || g.Status != 0) {
		f.told(g)
	}
}

// tooLong is the body with which net/http refuses a head that is too long, and
// notInHTTP2 the end of that for a header that belongs to a connection.
const (
	tooLong    = "<h1>HTTP Error 431</h1><p>Request Header Field(s) Too Large</p>"
	notInHTTP2 = " in HTTP/2\n"
)

// recognise tells of a request that net/http refused by itself.
func (f *frames) recognise(stream uint32) {
	if f.size() > len(f.text) {
		return
	}
	text := string(f.text[:f.size()])
	switch {
	case text == tooLong:
		f.tell(GivenUp{Stream: stream, Status: 431})
	case strings.HasPrefix(text, "request header ") && strings.HasSuffix(text, notInHTTP2):
		f.tell(GivenUp{Stream: stream, Status: 400})
	}
}

// Package flat lays out what crosses between Go and C for one request: the
// environ going in and the head of the response coming out, each as one run of
// bytes without pointers. It knows the keys of environ and nothing of how HTTP
// is read or Python is called.
//
// All numbers are little endian and unaligned. An environ is a sequence of
// entries:
//
//	u16 key     index into Keys, or 0xFFFF: the text of the key follows
//	u16 alias   a second key for the same value, 0 for none;
//	            with a literal key, the length of its text
//	u32 size    bytes of the value; bit 31: not worth remembering
//	    key     the text of a literal key
//	    value   latin-1
package flat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"github.com/gophersnake/gophersnake/internal/gateway"
)

// entrySize is the length of an entry without its texts.
const entrySize = 8

// transient marks a value that will not come again, or that must not stay in
// memory, so that the C side does not put it into its cache of strings.
const transient = 1 << 31

// AppendEnviron appends the environ entries of r that differ from request to
// request and returns the extended slice. The entries up to steady may well be
// those of another request, byte for byte; those that follow are of this one
// alone, or must not be remembered.
func AppendEnviron(dst []byte, r *gateway.Request) (extended []byte, steady int) {
	dst = appendValue(dst, keyRequestMethod, keyNone, r.Method)
	dst = appendValue(dst, keyRequestURI, keyNone, r.URI)
	dst = appendValue(dst, keyQueryString, keyNone, r.Query)
	dst = appendValue(dst, keyScriptName, keyModScriptName, r.ScriptName)
	dst = appendValue(dst, keyPathInfo, keyModPathInfo, r.PathInfo)
	dst = appendValue(dst, keyServerProtocol, keyNone, r.Proto)
	dst = appendValue(dst, keyServerName, keyNone, r.ServerName)
	dst = appendValue(dst, keyServerPort, keyNone, r.ServerPort)
	dst = appendValue(dst, keyRequestScheme, keyURLScheme, r.Scheme)
	c := r.Conn
	if c != nil {
		dst = appendValue(dst, keyServerAddr, keyModListenerHost, c.LocalAddr)
		dst = appendValue(dst, keyModListenerPort, keyNone, c.LocalPort)
		dst = appendValue(dst, keyRemoteAddr, keyNone, c.RemoteAddr)
	}
	if r.Host != "" {
		dst = appendValue(dst, keyHTTPHost, keyNone, r.Host)
	}
	if from := r.Redirected; from != nil {
		dst = appendRedirected(dst, from)
	}
	dst = appendSteadyHeaders(dst, r.Header)
	steady = len(dst)
	if c != nil {
		dst = appendValue(dst, keyRemotePort, keyNone, c.RemotePort)
	}
	dst = appendTransient(dst, keyModRequestID, r.ID)
	for _, name := range secretHeaders {
		if values := r.Header[name]; len(values) > 0 {
			dst = appendTransient(dst, headerKeys[name], join(name, values))
		}
	}
	return dst, steady
}

// appendRedirected appends what Apache sets after an internal redirect.
func appendRedirected(dst []byte, from *gateway.Redirected) []byte {
	dst = appendText(dst, "REDIRECT_STATUS", "200")
	dst = appendText(dst, "REDIRECT_URL", from.Path)
	if from.Query != "" {
		dst = appendText(dst, "REDIRECT_QUERY_STRING", from.Query)
	}
	return dst
}

// secretHeaders are not kept beyond their request.
var secretHeaders = [...]string{"Authorization", "Cookie"}

// sortedHeaders is how many headers are put in order; requests with more of
// them are rarely repeated.
const sortedHeaders = 24

// appendSteadyHeaders appends the headers in the order of their names, so that
// equal requests make equal bytes.
func appendSteadyHeaders(dst []byte, h http.Header) []byte {
	var space [sortedHeaders]string
	names := space[:0]
	for name := range h {
		if name == "Authorization" || name == "Cookie" {
			continue
		}
		if len(names) == cap(names) {
			return appendUnsorted(dst, h)
		}
		names = append(names, name)
		for i := len(names) - 1; i > 0 && names[i] < names[i-1]; i-- {
			names[i], names[i-1] = names[i-1], names[i]
		}
	}
	for _, name := range names {
		dst = appendHeader(dst, name, h[name])
	}
	return dst
}

func appendUnsorted(dst []byte, h http.Header) []byte {
	for name, values := range h {
		if name != "Authorization" && name != "Cookie" {
			dst = appendHeader(dst, name, values)
		}
	}
	return dst
}

func appendHeader(dst []byte, name string, values []string) []byte {
	if len(values) == 0 || hidden(name) {
		return dst
	}
	if key, known := headerKeys[name]; known {
		return appendValue(dst, key, keyNone, join(name, values))
	}
	return appendLiteral(dst, name, join(name, values))
}

// join makes one value of the lines of a header (RFC 9110, section 5.3; for
// cookies RFC 6265, section 5.4).
func join(name string, values []string) string {
	switch {
	case len(values) == 1:
		return values[0]
	case name == "Cookie":
		return strings.Join(values, "; ")
	}
	return strings.Join(values, ", ")
}

// hidden reports headers that never reach an application: Proxy would be taken
// for a setting of HTTP clients (httpoxy), Proxy-Authorization is not meant for
// it, and a name with "_" could pass for another one.
func hidden(name string) bool {
	return name == "Proxy" || name == "Proxy-Authorization" || strings.IndexByte(name, '_') >= 0
}

func appendEntry(dst []byte, key, alias Key, size uint32) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, uint16(key))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(alias))
	return binary.LittleEndian.AppendUint32(dst, size)
}

func appendValue(dst []byte, key, alias Key, value string) []byte {
	return append(appendEntry(dst, key, alias, uint32(len(value))), value...)
}

func appendTransient(dst []byte, key Key, value string) []byte {
	return append(appendEntry(dst, key, keyNone, uint32(len(value))|transient), value...)
}

// appendText appends an entry whose key is none of Keys.
func appendText(dst []byte, key, value string) []byte {
	dst = appendEntry(dst, literal, Key(len(key)), uint32(len(value)))
	return append(append(dst, key...), value...)
}

func appendLiteral(dst []byte, name, value string) []byte {
	at := len(dst)
	dst = appendEntry(dst, literal, 0, uint32(len(value)))
	start := len(dst)
	dst = appendHeaderKey(dst, name)
	binary.LittleEndian.PutUint16(dst[at+2:], uint16(len(dst)-start))
	return append(dst, value...)
}

// Entry is one decoded environ entry; its texts point into the parsed bytes.
type Entry struct {
	Key       []byte // of a literal key; nil otherwise
	Index     Key    // of a known key; 0 otherwise
	Alias     Key
	Value     []byte
	Transient bool
}

// Name returns the key's text.
func (e *Entry) Name() string {
	if e.Index != 0 {
		return Keys[e.Index]
	}
	return string(e.Key)
}

// ErrEnviron is returned, wrapped, for bytes that are no environ.
var ErrEnviron = errors.New("malformed environ")

// Values yields the keys and values of an environ up to its end or to what is
// no entry. The texts are copies.
func Values(b []byte) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for len(b) > 0 {
			e, rest, err := Next(b)
			if err != nil || !yield(e.Name(), string(e.Value)) {
				return
			}
			b = rest
		}
	}
}

// Next decodes the first entry of b and returns what follows it. The C side
// decodes by the same rules.
func Next(b []byte) (e Entry, rest []byte, err error) {
	if len(b) < entrySize {
		return e, nil, fmt.Errorf("read entry: %d bytes left: %w", len(b), ErrEnviron)
	}
	key := binary.LittleEndian.Uint16(b)
	alias := binary.LittleEndian.Uint16(b[2:])
	size := binary.LittleEndian.Uint32(b[4:])
	e.Transient = size&transient != 0
	size &^= transient
	b = b[entrySize:]
	if key == literal {
		if int(alias) > len(b) {
			return e, nil, fmt.Errorf("read key of %d bytes: %d left: %w", alias, len(b), ErrEnviron)
		}
		e.Key, b = b[:alias], b[alias:]
	} else {
		e.Index, e.Alias = Key(key), Key(alias)
		if key == 0 || int(key) >= len(Keys) || int(alias) >= len(Keys) {
			return e, nil, fmt.Errorf("read key %d, alias %d: %w", key, alias, ErrEnviron)
		}
	}
	if uint64(size) > uint64(len(b)) {
		return e, nil, fmt.Errorf("read value of %d bytes: %d left: %w", size, len(b), ErrEnviron)
	}
	e.Value, b = b[:size], b[size:]
	return e, b, nil
}

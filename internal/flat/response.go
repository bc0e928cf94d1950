package flat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"github.com/gophersnake/gophersnake/internal/gateway"
)

// A response is a head and what is known of its body:
//
//	u32 head      bytes of the head, this prefix included
//	u16 status
//	u16 fields    number of header fields
//	u32 reason    bytes of the reason phrase
//	u32 zero
//	i64 length    declared Content-Length, or -1
//	    reason
//	    fields    each u32 name size, u32 value size, name, value
//	    body      up to the end
const headSize = 24

// MaxHead bounds a head in bytes. The adapter refuses a larger one when the
// application begins its response (GS_HEAD_MAX in head.h of package python), so
// that one that comes out of another process is no head.
const MaxHead = 8 << 20

// fieldSize is the length of a field without its texts.
const fieldSize = 8

// ErrResponse is returned, wrapped, for bytes that are no response.
var ErrResponse = errors.New("malformed response")

// ParseHead decodes the head at the beginning of b into h, whose Fields it
// reuses, and returns the bytes that follow it. Nothing in b is trusted. The
// texts of h are copied out of b.
func ParseHead(h *gateway.Head, b []byte) (body []byte, err error) {
	if len(b) < headSize {
		return nil, fmt.Errorf("read head: %d bytes: %w", len(b), ErrResponse)
	}
	size := binary.LittleEndian.Uint32(b)
	if size < headSize || uint64(size) > uint64(len(b)) {
		return nil, fmt.Errorf("read head of %d bytes: have %d: %w", size, len(b), ErrResponse)
	}
	h.Status = int(binary.LittleEndian.Uint16(b[4:]))
	fields := int(binary.LittleEndian.Uint16(b[6:]))
	reason := binary.LittleEndian.Uint32(b[8:])
	h.ContentLength = int64(binary.LittleEndian.Uint64(b[16:]))
	if h.ContentLength < -1 {
		return nil, fmt.Errorf("read content length %d: %w", h.ContentLength, ErrResponse)
	}
	rest, body := string(b[headSize:size]), b[size:]
	if uint64(reason) > uint64(len(rest)) {
		return nil, fmt.Errorf("read reason of %d bytes: have %d: %w", reason, len(rest), ErrResponse)
	}
	h.Reason, rest = rest[:reason], rest[reason:]
	h.Fields = h.Fields[:0]
	for range fields {
		var f gateway.Field
		if f, rest, err = parseField(rest); err != nil {
			return nil, err
		}
		h.Fields = append(h.Fields, f)
	}
	if rest != "" {
		return nil, fmt.Errorf("read head: %d bytes after %d fields: %w", len(rest), fields, ErrResponse)
	}
	return body, nil
}

func parseField(s string) (f gateway.Field, rest string, err error) {
	if len(s) < fieldSize {
		return f, "", fmt.Errorf("read field: %d bytes left: %w", len(s), ErrResponse)
	}
	sizes := unsafe.Slice(unsafe.StringData(s), fieldSize)
	name := uint64(binary.LittleEndian.Uint32(sizes))
	value := uint64(binary.LittleEndian.Uint32(sizes[4:]))
	s = s[fieldSize:]
	if name+value > uint64(len(s)) {
		return f, "", fmt.Errorf("read field of %d+%d bytes: have %d: %w", name, value, len(s), ErrResponse)
	}
	return gateway.Field{Name: s[:name], Value: s[name : name+value]}, s[name+value:], nil
}

// AppendHead appends the encoding of h. The C side encodes by the same rules;
// this one serves tests.
func AppendHead(dst []byte, h *gateway.Head) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, headSize)...)
	dst = append(dst, h.Reason...)
	for _, f := range h.Fields {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(f.Name)))
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(f.Value)))
		dst = append(append(dst, f.Name...), f.Value...)
	}
	p := dst[at:]
	binary.LittleEndian.PutUint32(p, uint32(len(p)))
	binary.LittleEndian.PutUint16(p[4:], uint16(h.Status))
	binary.LittleEndian.PutUint16(p[6:], uint16(len(h.Fields)))
	binary.LittleEndian.PutUint32(p[8:], uint32(len(h.Reason)))
	binary.LittleEndian.PutUint64(p[16:], uint64(h.ContentLength))
	return dst
}

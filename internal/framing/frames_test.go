package framing

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// frameOf returns a frame of HTTP/2.
func frameOf(kind, flags byte, stream uint32, payload string) string {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	return string(binary.BigEndian.AppendUint32(append(head, flags), stream)) + payload
}

func resetOf(stream, code uint32) string {
	return frameOf(frameReset, 0, stream, string(binary.BigEndian.AppendUint32(nil, code)))
}

func goAwayOf(code uint32) string {
	return frameOf(frameGoAway, 0, 0, "\x00\x00\x00\x05"+string(binary.BigEndian.AppendUint32(nil, code)))
}

func TestFrames(t *testing.T) {
	const settings = 4
	large := frameOf(frameData, 0, 1, strings.Repeat("x", 1<<14))
	for _, c := range []struct {
		name, in, out string // "": as it went in
		told          []GivenUp
	}{
		{"nothing wrong", frameOf(settings, 0, 0, "") + frameOf(frameHeaders, 0, 1, "h") + large + frameOf(frameData, endStream, 1, "d"), "", nil},
		{"reset before a response", resetOf(1, codeInternal), resetOf(1, codeProtocol), nil},
		{"reset in a response", frameOf(frameHeaders, 0, 1, "h") + large + resetOf(1, codeInternal), "", nil},
		{"reset of another stream", frameOf(frameHeaders, 0, 1, "h") + resetOf(3, codeInternal), frameOf(frameHeaders, 0, 1, "h") + resetOf(3, codeProtocol), nil},
		{"reset after a response", frameOf(frameHeaders, endStream, 1, "h") + resetOf(1, 0), "", nil},
		{"reset by net/http", resetOf(5, codeProtocol), "", []GivenUp{{Stream: 5, Code: 1}}},
		{"late data", frameOf(frameHeaders, 0, 1, "h") + frameOf(frameData, endStream, 1, "d") + resetOf(1, codeClosed), "", []GivenUp{{Stream: 1, Code: 5}}},
		{"go away", goAwayOf(0) + goAwayOf(9), "", []GivenUp{{Code: 9}}},
		{"head too long", frameOf(frameHeaders, 0, 1, "h") + frameOf(frameData, endStream, 1, tooLong), "", []GivenUp{{Stream: 1, Status: 431}}},
		{"head not allowed", frameOf(frameData, 0, 1, `request header "TE" may only be "trailers"`+notInHTTP2), "", []GivenUp{{Stream: 1, Status: 400}}},
	} {
		for how, pieces := range map[string][]string{"whole": {c.in}, "bytes": bytesOf(c.in)} {
			var told []GivenUp
			f := &frames{told: func(g GivenUp) { told = append(told, g) }}
			var out strings.Builder
			for _, p := range pieces {
				in := []byte(p)
				out.Write(f.follow(in))
				if string(in) != p {
					t.Fatalf("%s, %s: the caller's bytes were changed", c.name, how)
				}
			}
			want := c.out
			if want == "" {
				want = c.in
			}
			if out.String() != want || !slices.Equal(told, c.told) {
				t.Errorf("%s, %s: got %q, told %v", c.name, how, out.String(), told)
			}
		}
	}
}

// TestFramesForget: of streams that the client resets the server sends nothing more.
// They are forgotten; one that goes on sending is known however many there were, and
// what is not known any more is not taken for a malformed request.
func TestFramesForget(t *testing.T) {
	f := &frames{}
	follow := func(in, want string) {
		t.Helper()
		if got := string(f.follow([]byte(in))); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	const first, second, streams = 1, 3, 10000
	follow(frameOf(frameHeaders, 0, first, "h"), frameOf(frameHeaders, 0, first, "h"))
	for i := range uint32(streams) {
		begun := frameOf(frameHeaders, 0, second+2*i, "h") + frameOf(frameData, 0, first, "d")
		follow(begun, begun)
	}
	if len(f.open) > mostOpen || cap(f.open) > 2*mostOpen {
		t.Errorf("%d streams are remembered, in room for %d", len(f.open), cap(f.open))
	}
	follow(resetOf(second+2*streams, codeInternal), resetOf(second+2*streams, codeProtocol))
	follow(resetOf(first, codeInternal), resetOf(first, codeInternal))
	follow(resetOf(second, codeInternal), resetOf(second, codeInternal))
	latest := uint32(second + 2*streams - 2)
	follow(resetOf(latest, codeInternal), resetOf(latest, codeInternal))
}

func TestGivenUpText(t *testing.T) {
	for g, want := range map[GivenUp]string{
		{Stream: 5, Code: 1}:     "request refused: HTTP/2 stream 5 reset with PROTOCOL_ERROR",
		{Stream: 5, Code: 77}:    "request refused: HTTP/2 stream 5 reset with 77",
		{Stream: 5, Code: 5}:     "HTTP/2 stream 5 got data after its end",
		{Code: 5}:                "HTTP/2 connection ended with STREAM_CLOSED",
		{Stream: 1, Status: 431}: "request refused with 431: head that HTTP/2 does not allow, or too large",
	} {
		if got := g.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestCheckHead(t *testing.T) {
	limits := Limits{}.WithDefaults()
	h := Head{Method: "GET", Target: "/", Authority: "x", Port: "80", Fields: map[string][]string{"A": {"1"}, "B": {"2", "3"}}}
	if r := limits.Check(&h); r != nil {
		t.Error(r)
	}
	limits.Headers = 3
	if r := limits.Check(&h); r != errManyHeaders {
		t.Errorf("got %v", r)
	}
	if n, r := h.Length(); n != -1 || r != nil {
		t.Errorf("length %d, %v", n, r)
	}
	if n := testing.AllocsPerRun(10, func() { limits.Check(&h) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

package framing

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"
)

// FuzzScanner checks that what the scanner finds does not depend on how the
// bytes are split, and that net/http sees the same messages where it accepts.
func FuzzScanner(f *testing.F) {
	for _, c := range scannerCases {
		f.Add([]byte(c.in), uint64(len(c.in)))
	}
	limits := Limits{RequestLine: 100, HeaderLine: 100, Headers: 5, Head: 300}.WithDefaults()
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		whole := &scanner{limits: &limits}
		left := bytes.Clone(in)
		kept, _ := whole.feed(left)
		left = left[:kept]
		split := &scanner{limits: &limits}
		var pieces []byte
		for rest := bytes.Clone(in); len(rest) > 0 && split.refusal == nil; {
			seed = seed*6364136223846793005 + 1442695040888963407
			n := min(int(seed>>60)+1, len(rest))
			kept, _ := split.feed(rest[:n])
			pieces = append(pieces, rest[:kept]...)
			rest = rest[n:]
		}
		if whole.refusal != split.refusal || whole.messages != split.messages || whole.state != split.state {
			t.Fatalf("whole: %d messages, state %d, %v; split: %d, %d, %v",
				whole.messages, whole.state, whole.refusal, split.messages, split.state, split.refusal)
		}
		if whole.refusal == nil && !bytes.Equal(left, pieces) {
			t.Fatalf("of the whole %q is left, of the pieces %q", left, pieces)
		}
		if whole.refusal == nil && whole.state == requestLine && len(whole.carry) == 0 {
			compare(t, left, whole.messages)
		}
	})
}

// compare lets net/http read in, which the scanner took for that many complete
// messages. net/http may refuse more, but not find other ones.
func compare(t *testing.T, in []byte, messages int) {
	r := bufio.NewReaderSize(bytes.NewReader(in), 1<<20)
	limits := Limits{RequestLine: 100, HeaderLine: 100, Headers: 5, Head: 300}.WithDefaults()
	follow := &scanner{limits: &limits}
	for i := range messages {
		before := len(in) - rest(r)
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, err = io.Copy(io.Discard, req.Body)
		if err != nil {
			return
		}
		after := len(in) - rest(r)
		if _, pass := follow.feed(bytes.Clone(in[before:after])); pass != after-before || follow.messages != i+1 || follow.state != requestLine {
			t.Fatalf("request %d of net/http is %q, after which the scanner counts %d and is in state %d", i, in[before:after], follow.messages, follow.state)
		}
	}
	if n := rest(r); n != 0 {
		t.Fatalf("net/http leaves %d of %d bytes", n, len(in))
	}
}

// rest returns how many bytes r has still to give.
func rest(r *bufio.Reader) int {
	_, _ = r.Peek(1)
	return r.Buffered()
}

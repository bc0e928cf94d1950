package python

import (
	"net/http"
	"reflect"
	"testing"

	"github.com/gophersnake/gophersnake/internal/flat"
	"github.com/gophersnake/gophersnake/internal/gateway"
)

// FuzzCursor compares the two decoders of environ on arbitrary bytes.
func FuzzCursor(f *testing.F) {
	r := &gateway.Request{
		Method: "GET", URI: "/x?y", Proto: "HTTP/1.1", Query: "y", Host: "h", ID: "1",
		Header: http.Header{"Cookie": {"a", "b"}, "X-Unusual": {"u"}, "Accept": {"*/*"}},
		Conn:   &gateway.Conn{RemoteAddr: "127.0.0.1", RemotePort: "1"},
	}
	whole, _ := flat.AppendEnviron(nil, r)
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add([]byte{0xff, 0xff, 1, 0, 0, 0, 0, 0x80, 'k'})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{1, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, b []byte) {
		// C must not read beyond the slice, which a checker can only see
		// when the memory ends there.
		b = append(make([]byte, 0, len(b)), b...)
		for at := 0; at < len(b); {
			want, rest, err := flat.Next(b[at:])
			got, end, cErr := decodeEntry(b, at)
			if (err != nil) != (cErr != nil) {
				t.Fatalf("at %d: Go says %v, C says %v", at, err, cErr)
			}
			if err != nil {
				return
			}
			if end != len(b)-len(rest) || !same(got, want) {
				t.Fatalf("at %d: C read %+v up to %d, Go %+v up to %d", at, got, end, want, len(b)-len(rest))
			}
			at = end
		}
	})
}

func same(a, b flat.Entry) bool {
	return a.Name() == b.Name() && reflect.DeepEqual(append([]byte{}, a.Value...), append([]byte{}, b.Value...)) &&
		a.Index == b.Index && a.Alias == b.Alias && a.Transient == b.Transient
}

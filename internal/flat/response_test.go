package flat

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/gophersnake/gophersnake/internal/gateway"
)

func TestResponseRoundTrip(t *testing.T) {
	for _, h := range []gateway.Head{
		{Status: 200, ContentLength: -1},
		{Status: 999, Reason: "R\xe9ason", ContentLength: 5, Fields: []gateway.Field{{Name: "A", Value: "b"}}},
		{Status: 0, ContentLength: 1<<63 - 1, Fields: []gateway.Field{{}, {Name: "", Value: "v"}, {Name: "n"}}},
	} {
		b := append(AppendHead([]byte("before"), &h), "the body"...)
		got := gateway.Head{Fields: make([]gateway.Field, 0, 4)}
		body, err := ParseHead(&got, b[len("before"):])
		if err != nil || string(body) != "the body" {
			t.Fatalf("body %q, error %v", body, err)
		}
		if len(h.Fields) == 0 {
			got.Fields = nil
		}
		if !reflect.DeepEqual(got, h) {
			t.Errorf("got %+v, want %+v", got, h)
		}
	}
}

// TestResponseRefuses changes every byte and every length of a good response.
func TestResponseRefuses(t *testing.T) {
	h := gateway.Head{Status: 200, Reason: "OK", ContentLength: 3, Fields: []gateway.Field{{Name: "Name", Value: "value"}}}
	good := AppendHead(nil, &h)
	for n := range good {
		if _, err := ParseHead(&gateway.Head{}, good[:n]); !errors.Is(err, ErrResponse) {
			t.Errorf("the first %d bytes: %v", n, err)
		}
	}
	for i := range good {
		for _, c := range []byte{0x00, 0x7f, 0x80, 0xff, good[i] + 1, good[i] - 1} {
			bad := bytes.Clone(good)
			bad[i] = c
			if _, err := ParseHead(&gateway.Head{}, bad); err != nil && !errors.Is(err, ErrResponse) {
				t.Errorf("byte %d: %v", i, err)
			}
		}
	}
}

// TestResponseIsCopied: what ParseHead returned does not change with the bytes.
func TestResponseIsCopied(t *testing.T) {
	b := AppendHead(nil, &gateway.Head{Status: 200, Reason: "OK", Fields: []gateway.Field{{Name: "Name", Value: "value"}}})
	var h gateway.Head
	if _, err := ParseHead(&h, b); err != nil {
		t.Fatal(err)
	}
	clear(b)
	if h.Reason != "OK" || h.Fields[0] != (gateway.Field{Name: "Name", Value: "value"}) {
		t.Errorf("the head became %+v", h)
	}
}

// FuzzResponse parses arbitrary bytes; what is accepted has one encoding.
func FuzzResponse(f *testing.F) {
	f.Add(AppendHead(nil, &gateway.Head{Status: 200, ContentLength: -1}))
	f.Add(append(AppendHead(nil, &gateway.Head{Status: 404, Reason: "N", ContentLength: 9,
		Fields: []gateway.Field{{Name: "A", Value: "b"}, {Name: "C", Value: ""}}}), "body"...))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h gateway.Head
		body, err := ParseHead(&h, b)
		if err != nil {
			return
		}
		again := append(AppendHead(nil, &h), body...)
		copy(again[12:16], b[12:16]) // reserved, and not looked at
		if !bytes.Equal(again, b) {
			t.Errorf("%q became %q", b, again)
		}
	})
}

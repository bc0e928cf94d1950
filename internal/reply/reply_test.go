package reply

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gophersnake/gophersnake/internal/flat"
	"github.com/gophersnake/gophersnake/internal/gateway"
)

// recorder keeps a response.
type recorder struct {
	head *gateway.Head
	body bytes.Buffer
	err  error // of all methods
}

func (w *recorder) WriteHead(h *gateway.Head) error {
	c := *h
	c.Fields = append([]gateway.Field(nil), h.Fields...)
	w.head = &c
	return w.err
}

func (w *recorder) Write(p []byte) (int, error) { n, _ := w.body.Write(p); return n, w.err }
func (w *recorder) Flush() error                { return w.err }
func (w *recorder) SendFile(f *os.File, n int64) (int64, error) {
	sent, err := io.CopyN(&w.body, f, n)
	return sent, errors.Join(err, w.err)
}

func TestComplete(t *testing.T) {
	large := strings.Repeat("x", 2*keptHead)
	var h Head
	for _, c := range []struct {
		name, method string
		head         gateway.Head
		body         string
		length       int64
	}{
		{"plain", "GET", gateway.Head{Status: 200, Reason: "Fine", ContentLength: -1, Fields: []gateway.Field{{Name: "A", Value: "b"}}}, "body", 4},
		{"the same head", "GET", gateway.Head{Status: 200, Reason: "Fine", ContentLength: -1, Fields: []gateway.Field{{Name: "A", Value: "b"}}}, "other", 5},
		{"empty", "GET", gateway.Head{Status: 200, ContentLength: -1}, "", 0},
		{"declared", "GET", gateway.Head{Status: 200, ContentLength: 9}, "body", 9},
		{"no body is possible", "GET", gateway.Head{Status: 204, ContentLength: -1}, "", -1},
		{"nor here", "GET", gateway.Head{Status: 304, ContentLength: -1}, "", -1},
		{"HEAD", "HEAD", gateway.Head{Status: 200, ContentLength: -1}, "", -1},
		{"HEAD with the body of GET", "HEAD", gateway.Head{Status: 200, ContentLength: -1}, "x", 1},
		{"large", "GET", gateway.Head{Status: 200, ContentLength: -1, Fields: []gateway.Field{{Name: "A", Value: large}}}, "body", 4},
	} {
		data := append(flat.AppendHead(nil, &c.head), c.body...)
		for range 2 { // the second head is that of the first
			body, err := h.Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			w := &recorder{}
			if err := h.Complete(w, c.method, body); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			want := c.head
			want.ContentLength = c.length
			if !reflect.DeepEqual(*w.head, want) || w.body.String() != c.body {
				t.Errorf("%s: %+v %q, want %+v %q", c.name, *w.head, w.body.String(), want, c.body)
			}
			h.Forget()
		}
	}
}

func TestFile(t *testing.T) {
	for _, fails := range []error{nil, errors.New("gone")} {
		name := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(name, []byte("text and more"), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		w := &recorder{err: fails}
		h := Head{Head: gateway.Head{Status: 200, ContentLength: 4}}
		if err := h.File(w, f, 4); !errors.Is(err, fails) || fails == nil && w.body.String() != "text" || fails != nil && w.body.Len() > 0 {
			t.Errorf("%v, %q", err, w.body.String())
		}
		if _, err := f.Stat(); !errors.Is(err, os.ErrClosed) {
			t.Error("the file is left open")
		}
		if !w.head.FromFile {
			t.Error("the head does not say that a file follows")
		}
		if err := h.Complete(w, http.MethodGet, nil); !errors.Is(err, fails) || w.head.FromFile {
			t.Errorf("%v; the next head says that a file follows: %v", err, w.head.FromFile)
		}
	}
}

// A writer that refuses the head is given no body; one that refuses the body
// knows of it.
func TestErrors(t *testing.T) {
	var h Head
	if _, err := h.Parse([]byte("nonsense")); !errors.Is(err, flat.ErrResponse) {
		t.Errorf("nonsense: %v", err)
	}
	h.Head = gateway.Head{Status: 200, ContentLength: -1}
	w := &recorder{err: errors.New("refused")}
	if err := h.Complete(w, http.MethodGet, []byte("body")); !errors.Is(err, w.err) || w.body.Len() > 0 {
		t.Errorf("%v, %q", err, w.body.String())
	}
}

// A head that nobody vouches for does not stay for the next response.
func TestBrokenHeadIsForgotten(t *testing.T) {
	var h Head
	good := flat.AppendHead(nil, &gateway.Head{Status: 200, ContentLength: -1})
	if _, err := h.Parse(good); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Parse(good[:3]); err == nil {
		t.Error("half a head is a head")
	}
	if body, err := h.Parse(append(good, "body"...)); err != nil || string(body) != "body" || h.Status != 200 {
		t.Errorf("%q, %v, status %d", body, err, h.Status)
	}
}

func TestVerdict(t *testing.T) {
	for kind, want := range map[Kind]string{
		Complete: "", File: "", Streamed: "", Gone: "", Failed: "failed", NotFound: "not found", Forbidden: "forbidden", Timeout: "timeout",
		Aborted: "aborted", Denied: "forbidden", Stale: "failed", 77: "failed",
	} {
		message, err := kind.Verdict("/app.py")
		got := ""
		var failure *gateway.Error
		if errors.As(err, &failure) {
			got = failure.Kind.String()
		}
		if got != want || (err == nil) != (want == "") {
			t.Errorf("kind %d: %v, want %q", kind, err, want)
		}
		if says := kind == NotFound || kind == Forbidden; says != strings.HasSuffix(message, ": /app.py") || says != (message != "") {
			t.Errorf("kind %d: message %q", kind, message)
		}
	}
}

func BenchmarkComplete(b *testing.B) {
	data := append(flat.AppendHead(nil, &gateway.Head{Status: 200, Reason: "OK", ContentLength: 14,
		Fields: []gateway.Field{{Name: "Content-Type", Value: "text/plain"}, {Name: "Content-Length", Value: "14"}}}), "Hello, world!\n"...)
	var h Head
	b.ReportAllocs()
	for b.Loop() {
		body, err := h.Parse(data)
		if err != nil {
			b.Fatal(err)
		}
		if err := h.Complete(null{}, http.MethodGet, body); err != nil {
			b.Fatal(err)
		}
	}
}

// null drops everything.
type null struct{}

func (null) WriteHead(*gateway.Head) error               { return nil }
func (null) Write(p []byte) (int, error)                 { return len(p), nil }
func (null) Flush() error                                { return nil }
func (null) SendFile(_ *os.File, n int64) (int64, error) { return n, nil }

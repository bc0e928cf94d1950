package front

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
)

// http2Client speaks HTTP/2 without TLS.
func http2Client(t *testing.T) *http.Client {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

func do(t *testing.T, method, url string, body io.Reader, change func(*http.Request)) reply {
	t.Helper()
	r, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	response, err := http2Client(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	return reply{response, string(all), err}
}

func TestHTTP2Request(t *testing.T) {
	var kept []gateway.Request
	s := start(t, Options{App: capture(&kept)})
	r := do(t, "GET", "http://"+s.addr+"/p?q=1", nil, func(r *http.Request) { r.Host = "www.example.com:99"; r.Header.Set("X_Y", "1") })
	if r.body != "ok" || r.Proto != "HTTP/2.0" {
		t.Errorf("got %s %q", r.Proto, r.body)
	}
	got := kept[0]
	if got.Proto != "HTTP/2.0" || got.Host != "www.example.com:99" || got.ServerPort != "99" || got.URI != "/p?q=1" ||
		got.Query != "q=1" || got.Conn.RemoteAddr != "127.0.0.1" || got.Header["X_Y"] != nil {
		t.Errorf("got %+v", got)
	}
}

// unsized hides the length of a reader.
type unsized struct{ io.Reader }

func TestHTTP2Bodies(t *testing.T) {
	s := start(t, Options{App: app(echo), LimitRequestBody: 100000, ReadAhead: 65536, ChunkedRequest: true})
	body := func(n int) io.Reader { return strings.NewReader(strings.Repeat("a", n)) }
	for _, c := range []struct {
		name string
		body io.Reader
		want string
	}{
		{"small", body(5), "5 - of 5"},
		{"edge", body(65536), "65536 - of 65536"},
		{"beyond", body(65537), "0 65537 of 65537"},
		{"limit", body(100000), "0 100000 of 100000"},
		{"unknown length", unsized{body(5)}, "5 - of 5"},
		{"unknown length, limit", unsized{body(100000)}, "65536 34464 of -1"},
		{"unknown length, beyond", unsized{body(100001)}, "65536 34464 request body is larger than the limit of 100000 bytes of -1"},
	} {
		if r := do(t, "POST", "http://"+s.addr, c.body, nil); r.body != c.want {
			t.Errorf("%s: got %q, want %q", c.name, r.body, c.want)
		}
	}
	if r := do(t, "POST", "http://"+s.addr, body(100001), nil); r.StatusCode != 413 {
		t.Errorf("got %s", r.Status)
	}
	strict := start(t, Options{App: app(echo)})
	if r := do(t, "POST", "http://"+strict.addr, unsized{body(5)}, nil); r.StatusCode != 411 {
		t.Errorf("unknown length, refused: got %s", r.Status)
	}
	strict.await(t, "chunked request refused")
}

func TestHTTP2Cut(t *testing.T) {
	for name, serve := range map[string]func(gateway.ResponseWriter) error{
		"aborted": func(w gateway.ResponseWriter) error {
			_ = streamed(w, "abc")
			return &gateway.Error{Kind: gateway.Aborted, Err: io.EOF}
		},
		"short": func(w gateway.ResponseWriter) error {
			_ = w.WriteHead(&gateway.Head{Status: 200, ContentLength: 5})
			_, _ = io.WriteString(w, "abc")
			return nil
		},
	} {
		s := start(t, Options{App: with(serve)})
		if r := do(t, "GET", "http://"+s.addr, nil, nil); r.body != "abc" || r.err == nil {
			t.Errorf("%s: got %q, %v", name, r.body, r.err)
		}
	}
}

func TestHTTP2SendFile(t *testing.T) {
	name := t.TempDir() + "/f"
	if err := os.WriteFile(name, []byte(strings.Repeat("x", 300000)), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, Options{App: with(func(w gateway.ResponseWriter) error {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := w.WriteHead(&gateway.Head{Status: 200, Reason: "No Such Thing In HTTP/2", ContentLength: 300000}); err != nil {
			return err
		}
		_, err = w.SendFile(f, 300000)
		return err
	})})
	if r := do(t, "GET", "http://"+s.addr, nil, nil); len(r.body) != 300000 || r.err != nil {
		t.Errorf("got %d bytes, %v", len(r.body), r.err)
	}
}

// A stream that stalls is given up; the others of its connection go on.
func TestHTTP2Stalls(t *testing.T) {
	ended := make(chan error, 1)
	s := start(t, Options{SocketTimeout: 50 * time.Millisecond, ChunkedRequest: true, App: app(
		func(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
			switch r.PathInfo {
			case "/write":
				_ = w.WriteHead(&gateway.Head{Status: 200, ContentLength: -1})
				block := make([]byte, 1<<16)
				for {
					if _, err := w.Write(block); err != nil {
						ended <- err
						return nil
					}
				}
			case "/read":
				_, err := io.Copy(io.Discard, r.Body)
				ended <- err
			}
			return answer(w, "ok")
		})})
	client := http2Client(t)
	response, err := client.Get("http://" + s.addr + "/write")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := <-ended; err == nil {
		t.Error("the write went on")
	}
	in, out := io.Pipe()
	defer out.Close()
	go out.Write(make([]byte, 1<<20))
	stalled, err := client.Post("http://"+s.addr+"/read", "", in)
	if err != nil {
		t.Fatal(err)
	}
	stalled.Body.Close()
	var body *gateway.BodyError
	if err := <-ended; !errors.As(err, &body) || body.Reason != "timeout" {
		t.Errorf("the read ended with %v", err)
	}
	other, err := client.Get("http://" + s.addr + "/")
	if err != nil || other.StatusCode != 200 {
		t.Errorf("got %v, %v", other, err)
	}
	other.Body.Close()
}

// Asking for the body of a client that sends nothing does not wait for it.
func TestHTTP2AskForBody(t *testing.T) {
	s := start(t, Options{LimitRequestBody: NoLimit, SocketTimeout: NoLimit,
		App: app(func(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
			if n, err := r.Body.Read(nil); n != 0 || err != nil {
				t.Errorf("asked: %d, %v", n, err)
			}
			return answer(w, "asked")
		})})
	in, out := io.Pipe()
	defer out.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.addr, in)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = 1 << 30
	response, err := http2Client(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); string(body) != "asked" {
		t.Errorf("got %q, %v", body, err)
	}
}

func TestHTTP2ResetContent(t *testing.T) {
	s := start(t, Options{App: with(func(w gateway.ResponseWriter) error { return respond(w, 205, "abc") })})
	if r := do(t, "GET", "http://"+s.addr, nil, nil); r.StatusCode != 205 || r.body != "" || r.err != nil || r.Header.Get("Content-Length") != "0" {
		t.Errorf("got %s %q, %v, %v", r.Status, r.body, r.err, r.Header)
	}
}

func TestHTTP2ManyHeaders(t *testing.T) {
	s := start(t, Options{App: hello{}})
	for n, want := range map[int]int{90: 200, 101: 431} {
		r := do(t, "GET", "http://"+s.addr, nil, func(r *http.Request) {
			for i := range n {
				r.Header.Set(fmt.Sprintf("X-%d", i), "1")
			}
		})
		if r.StatusCode != want {
			t.Errorf("%d headers: got %s", n, r.Status)
		}
	}
}

// A client of HTTP/2 that waits to be asked is asked by the application, too.
func TestHTTP2Expect(t *testing.T) {
	s := start(t, Options{App: app(echo)})
	r := do(t, "POST", "http://"+s.addr, strings.NewReader("hello"), func(r *http.Request) { r.Header.Set("Expect", "100-continue") })
	if r.body != "0 5 of 5" {
		t.Errorf("got %q", r.body)
	}
}

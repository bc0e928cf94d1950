package front

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/dispatch"
	"github.com/gophersnake/gophersnake/internal/gateway"
)

// shown is a request as a rerouted application sees it.
func shown(r *gateway.Request) string {
	return fmt.Sprintf("%s %s?%s uri=%s body=%d,%v,%d length=%q chunked=%q from=%+v", r.Method, r.PathInfo, r.Query, r.URI,
		len(r.Prefix), r.Body != nil, r.ContentLength, r.Header["Content-Length"], r.Header["Transfer-Encoding"], r.Redirected)
}

// rerouting sends what comes to /from to another path.
func rerouting(location string) app {
	return func(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
		if r.PathInfo == "/from" {
			return fmt.Errorf("serve: %w", &gateway.Redirect{Location: location})
		}
		return answer(w, shown(r))
	}
}

func TestReroute(t *testing.T) {
	for _, c := range []struct{ name, in, location, want string }{
		{"GET", "GET /from?a=1 HTTP/1.1\r\nHost: x\r\n\r\n", "/to", `GET /to? uri=/from?a=1 body=0,false,0 length=[] chunked=[] from=&{Path:/from Query:a=1}`},
		{"query", "GET /from HTTP/1.1\r\nHost: x\r\n\r\n", "/t%6f//a?b=c#d", `GET /to/a?b=c uri=/from body=0,false,0 length=[] chunked=[] from=&{Path:/from Query:}`},
		{"POST", strings.Replace(post(5, ""), "/", "/from", 1), "/to", `GET /to? uri=/from body=0,false,0 length=[] chunked=[] from=&{Path:/from Query:}`},
		{"POST in chunks", strings.Replace(chunks(5), "/", "/from", 1), "/to", `GET /to? uri=/from body=0,false,0 length=[] chunked=[] from=&{Path:/from Query:}`},
		{"large POST", strings.Replace(post(80000, ""), "/", "/from", 1), "/to", `GET /to? uri=/from body=0,false,0 length=[] chunked=[] from=&{Path:/from Query:}`},
		{"other host", "GET /from HTTP/1.1\r\nHost: x\r\n\r\n", "//other/path", `GET /other/path? uri=/from body=0,false,0 length=[] chunked=[] from=&{Path:/from Query:}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, Options{App: rerouting(c.location), ChunkedRequest: true})
			r := bufio.NewReader(send(t, s, c.in+c.in)) // the connection stays usable
			for range 2 {
				if got := read(t, r, "GET"); got.StatusCode != 200 || got.body != c.want || got.Header["Location"] != nil {
					t.Errorf("got %s %s, want %s", got.Status, got.body, c.want)
				}
			}
		})
	}
}

// The other path may be any that the server has.
func TestRerouteElsewhere(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/file.txt", []byte("the file"), 0o644); err != nil {
		t.Fatal(err)
	}
	table, err := dispatch.New(dispatch.Options{Aliases: []dispatch.Alias{{URL: "/static", Path: dir}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		location string
		status   int
		body     string
	}{
		{"/static/file.txt", 200, "the file"},
		{"/static/none", 404, ""},
		{"/static", 301, ""},
		{"/%zz", 500, ""},
		{"/a\x01b", 500, ""},
		{"/../..", 400, ""},
		{"/%00", 404, ""},
	} {
		s := start(t, Options{App: rerouting(c.location), Table: table})
		for _, method := range []string{"GET", "POST", "HEAD"} {
			got := ask(t, s, method+" /from HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
			if got.StatusCode != c.status || got.err != nil || method != "HEAD" && c.body != "" && got.body != c.body || method == "HEAD" && got.body != "" {
				t.Errorf("%s to %q: %s %q, %v, want %d", method, c.location, got.Status, got.body, got.err, c.status)
			}
			if c.status == 200 && got.ContentLength != int64(len(c.body)) {
				t.Errorf("%s to %q: length %d", method, c.location, got.ContentLength)
			}
		}
		poll(t, "the access log", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.entries) == 3 })
		for i, e := range s.entries {
			if !strings.HasSuffix(e.RequestLine, " /from HTTP/1.1") || e.Method != []string{"GET", "POST", "HEAD"}[i] || e.Status != c.status {
				t.Errorf("to %q: logged %q %d", c.location, e.RequestLine, e.Status)
			}
			if e.Method == "HEAD" && e.BytesSent != 0 {
				t.Errorf("HEAD to %q: logged %d bytes", c.location, e.BytesSent)
			}
		}
	}
}

// Ten times it may go on, and no more.
func TestReroutesAreCounted(t *testing.T) {
	s := start(t, Options{App: app(func(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
		n, err := strconv.Atoi(r.PathInfo[1:])
		if err != nil {
			return err
		}
		if n == 0 {
			return answer(w, "here")
		}
		return &gateway.Redirect{Location: fmt.Sprint("/", n-1)}
	})})
	if r := get(t, s, "/10"); r.body != "here" {
		t.Errorf("10 times: %s %q", r.Status, r.body)
	}
	if r := get(t, s, "/11"); r.StatusCode != 500 || len(s.find(`redirected 10 times to another path, the last time to "/0"`)) != 1 {
		t.Errorf("11 times: %s, logged %v", r.Status, s.find(""))
	}
}

func TestLastModified(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]string{
		"Fri, 02 Jan 2026 03:04:05 GMT":     "Fri, 02 Jan 2026 03:04:05 GMT",
		"Fri, 02 Jan 2026 03:04:06 GMT":     "Fri, 02 Jan 2026 03:04:05 GMT",
		"Wednesday, 01-Jan-70 00:00:00 GMT": "Wednesday, 01-Jan-70 00:00:00 GMT",
		"tomorrow":                          "tomorrow",
		"":                                  "",
	} {
		if got := notLater(value, now); got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
	s := start(t, Options{App: with(func(w gateway.ResponseWriter) error {
		return respond(w, 200, "", gateway.Field{Name: "last-modified", Value: "Fri, 02 Jan 2126 03:04:05 GMT"})
	})})
	got, err := time.Parse(time.RFC1123, get(t, s, "/").Header.Get("Last-Modified"))
	if err != nil || time.Since(got) < 0 || time.Since(got) > time.Minute {
		t.Errorf("%v, %v", got, err)
	}
}

package front

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/gophersnake/gophersnake/internal/dispatch"
	"github.com/gophersnake/gophersnake/internal/gateway"
)

// capture is an application that keeps the requests, and answers nothing much.
func capture(kept *[]gateway.Request) app {
	return func(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
		copied := *r
		copied.Header = r.Header.Clone()
		copied.Prefix = append([]byte(nil), r.Prefix...)
		*kept = append(*kept, copied)
		return answer(w, "ok")
	}
}

func TestRequest(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     gateway.Request
	}{
		{"simple", "GET /a%20b/c?x=%31&y HTTP/1.1\r\nHost: Example.com:8080\r\n\r\n", gateway.Request{
			Method: "GET", URI: "/a%20b/c?x=%31&y", Proto: "HTTP/1.1", PathInfo: "/a b/c", Query: "x=%31&y",
			Host: "Example.com:8080", ServerName: "example.com", ServerPort: "8080"}},
		{"without host", "GET / HTTP/1.0\r\n\r\n", gateway.Request{
			Method: "GET", URI: "/", Proto: "HTTP/1.0", PathInfo: "/", ServerName: "www.example.org", ServerPort: "8000"}},
		{"host without port", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", gateway.Request{
			Method: "GET", URI: "/", Proto: "HTTP/1.1", PathInfo: "/", Host: "x", ServerName: "x", ServerPort: "80"}},
		{"IPv6", "GET / HTTP/1.1\r\nHost: [::1]:81\r\n\r\n", gateway.Request{
			Method: "GET", URI: "/", Proto: "HTTP/1.1", PathInfo: "/", Host: "[::1]:81", ServerName: "[::1]", ServerPort: "81"}},
		{"slashes and dots", "DELETE //a///./b/../c// HTTP/1.1\r\nHost: x&y\r\n\r\n", gateway.Request{
			Method: "DELETE", URI: "//a///./b/../c//", Proto: "HTTP/1.1", PathInfo: "/a/c/", Host: "x&y", ServerName: "x&amp;y", ServerPort: "80"}},
		{"absolute", "GET http://other/p?q HTTP/1.1\r\nHost: x\r\n\r\n", gateway.Request{
			Method: "GET", URI: "http://other/p?q", Proto: "HTTP/1.1", PathInfo: "/p", Query: "q", Host: "other", ServerName: "other", ServerPort: "80"}},
		{"absolute without path", "GET http://other HTTP/1.1\r\nHost: x\r\n\r\n", gateway.Request{
			Method: "GET", URI: "http://other", Proto: "HTTP/1.1", PathInfo: "/", Host: "other", ServerName: "other", ServerPort: "80"}},
		{"latin-1 and UTF-8", "GET /%E9/\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n", gateway.Request{
			Method: "GET", URI: "/%E9/\xc3\xa9", Proto: "HTTP/1.1", PathInfo: "/\xe9/\xc3\xa9", Host: "x", ServerName: "x", ServerPort: "80"}},
		{"encoded slash", "GET /a%2Fb HTTP/1.1\r\nHost: x\r\n\r\n", gateway.Request{
			Method: "GET", URI: "/a%2Fb", Proto: "HTTP/1.1", PathInfo: "/a/b", Host: "x", ServerName: "x", ServerPort: "80"}},
		{"unusual method", "BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n", gateway.Request{
			Method: "BREW", URI: "/pot", Proto: "HTTP/1.1", PathInfo: "/pot", Host: "x", ServerName: "x", ServerPort: "80"}},
		{"OPTIONS of a path", "OPTIONS /p HTTP/1.1\r\nHost: x\r\n\r\n", gateway.Request{
			Method: "OPTIONS", URI: "/p", Proto: "HTTP/1.1", PathInfo: "/p", Host: "x", ServerName: "x", ServerPort: "80"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var kept []gateway.Request
			s := start(t, Options{App: capture(&kept), ServerName: "www.example.org", ServerPort: "8000"})
			conn := send(t, s, c.in)
			conn.CloseWrite()
			poll(t, "the request", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.entries) == 1 })
			got := kept[0]
			if got.ID == "" || got.Start.IsZero() || got.Scheme != "http" || got.Conn.RemoteAddr != "127.0.0.1" ||
				got.Conn.RemotePort != strings.TrimPrefix(conn.LocalAddr().String(), "127.0.0.1:") ||
				got.Conn.LocalPort != strings.TrimPrefix(s.addr, "127.0.0.1:") {
				t.Errorf("got %+v, %+v", got, got.Conn)
			}
			got.ID, got.Start, got.Scheme, got.Conn, got.Header = "", c.want.Start, "", nil, nil
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestRequestHeaders(t *testing.T) {
	var kept []gateway.Request
	s := start(t, Options{App: capture(&kept)})
	get := "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX_Y: spoof\r\nX-Y: real\r\nProxy: evil\r\nX.Z: dot\r\nA!: mark\r\n" +
		"Accept: a\r\naccept: b\r\nCookie: c=1\r\nCookie: d=2\r\n\r\n"
	if r := ask(t, s, get); r.StatusCode != 200 {
		t.Fatal(r.Status)
	}
	want := http.Header{"Connection": {"close"}, "X-Y": {"real"}, "Accept": {"a", "b"}, "Cookie": {"c=1", "d=2"}}
	if !reflect.DeepEqual(kept[0].Header, want) {
		t.Errorf("got %v, want %v", kept[0].Header, want)
	}
}

func TestRequestIDs(t *testing.T) {
	var kept []gateway.Request
	s := start(t, Options{App: capture(&kept)})
	seen := map[string]bool{}
	for range 3 {
		get(t, s, "/")
	}
	for _, r := range kept {
		if seen[r.ID] || len(r.ID) > 24 {
			t.Errorf("id %q", r.ID)
		}
		seen[r.ID] = true
	}
}

func TestApplicationGroup(t *testing.T) {
	var kept []gateway.Request
	group, err := dispatch.NewGroup(dispatch.GroupOptions{Text: "%{HOST}"})
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, Options{App: capture(&kept), Group: group})
	ask(t, s, "GET / HTTP/1.1\r\nHost: Some.Where:99\r\n\r\n")
	if kept[0].ApplicationGroup != "some.where:99" {
		t.Errorf("got %q", kept[0].ApplicationGroup)
	}
}

// TestSeveralApplications: the table names the application, which has an
// interpreter of its own.
func TestSeveralApplications(t *testing.T) {
	table, err := dispatch.New(dispatch.Options{MountPoints: []string{"/a", "/b"}})
	if err != nil {
		t.Fatal(err)
	}
	apps := make([]Application, 2)
	kept := make([][]gateway.Request, 2)
	for i, name := range []string{"first", "second"} {
		group, err := dispatch.NewGroup(dispatch.GroupOptions{Text: name})
		if err != nil {
			t.Fatal(err)
		}
		apps[i] = Application{App: capture(&kept[i]), Group: group}
	}
	s := start(t, Options{Applications: apps, Table: table})
	ask(t, s, "GET /a/x HTTP/1.1\r\nHost: x\r\n\r\n")
	ask(t, s, "GET /b/y HTTP/1.1\r\nHost: x\r\n\r\n")
	for i, want := range []gateway.Request{{ScriptName: "/a", PathInfo: "/x", ApplicationGroup: "first"}, {ScriptName: "/b", PathInfo: "/y", ApplicationGroup: "second"}} {
		if len(kept[i]) != 1 {
			t.Fatalf("application %d: %d requests", i, len(kept[i]))
		}
		if r := kept[i][0]; r.ScriptName != want.ScriptName || r.PathInfo != want.PathInfo || r.ApplicationGroup != want.ApplicationGroup {
			t.Errorf("application %d: %q %q in %q", i, r.ScriptName, r.PathInfo, r.ApplicationGroup)
		}
	}
	if r := ask(t, s, "GET /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); r.StatusCode != 404 {
		t.Errorf("no application is there: %s", r.Status)
	}
}

func TestRefusedRequests(t *testing.T) {
	mounted, err := dispatch.New(dispatch.Options{MountPoints: []string{"/app"}})
	if err != nil {
		t.Fatal(err)
	}
	never := app(func(context.Context, *gateway.Request, gateway.ResponseWriter) error {
		t.Error("application called")
		return nil
	})
	for _, c := range []struct {
		request string
		status  int
		allow   string
	}{
		{"TRACE /app HTTP/1.1", 405, allowed},
		{"CONNECT x:443 HTTP/1.1", 405, allowed},
		{"OPTIONS * HTTP/1.1", 200, "GET, HEAD, POST, OPTIONS"},
		{"GET * HTTP/1.1", 400, ""},
		{"GET /app/../../etc/passwd HTTP/1.1", 400, ""},
		{"GET /app/%2e%2e/%2e%2e/etc/passwd HTTP/1.1", 400, ""},
		{"GET /app/%00 HTTP/1.1", 404, ""},
		{"GET /other HTTP/1.1", 404, ""},
		{"GET /app/%zz HTTP/1.1", 400, ""},
		{"GET app HTTP/1.1", 400, ""},
		{"GET http:app HTTP/1.1", 400, ""},
		{"GET /app HTTP/4.0", 505, ""},
	} {
		s := start(t, Options{App: never, Table: mounted})
		r := ask(t, s, c.request+"\r\nHost: x\r\nConnection: close\r\n\r\n")
		if r.StatusCode != c.status || r.Header.Get("Allow") != c.allow {
			t.Errorf("%s: got %s, Allow %q", c.request, r.Status, r.Header.Get("Allow"))
		}
		if c.status != 200 && !strings.Contains(r.body, fmt.Sprint(c.status)) {
			t.Errorf("%s: page %q", c.request, r.body)
		}
		if c.status != 200 && len(s.find("")) != 1 {
			t.Errorf("%s: logged %v", c.request, s.find(""))
		}
	}
}

func TestSplitHost(t *testing.T) {
	for _, c := range []struct{ in, name, port string }{
		{"", "", ""},
		{"x", "x", ""},
		{"X:80", "x", "80"},
		{"x:", "x", ""},
		{"[::1]", "[::1]", ""},
		{"[::1]:8080", "[::1]", "8080"},
		{"x:y", "x:y", ""},
	} {
		if name, port := splitHost(c.in); name != c.name || port != c.port {
			t.Errorf("%q: got %q, %q", c.in, name, port)
		}
	}
}

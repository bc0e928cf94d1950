package flat

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/gophersnake/gophersnake/internal/gateway"
)

// decode returns what Next finds in b, aliases included.
func decode(t testing.TB, b []byte) map[string]string {
	t.Helper()
	pairs := map[string]string{}
	for len(b) > 0 {
		e, rest, err := Next(b)
		if err != nil {
			t.Fatal(err)
		}
		add := func(name string) {
			if _, twice := pairs[name]; twice {
				t.Errorf("%s is there twice", name)
			}
			pairs[name] = string(e.Value)
		}
		add(e.Name())
		if e.Alias != 0 {
			add(Keys[e.Alias])
		}
		b = rest
	}
	return pairs
}

// model is AppendEnviron as one would write it without a thought of speed.
func model(r *gateway.Request) map[string]string {
	m := map[string]string{
		"REQUEST_METHOD": r.Method, "REQUEST_URI": r.URI, "QUERY_STRING": r.Query,
		"SCRIPT_NAME": r.ScriptName, "mod_wsgi.script_name": r.ScriptName,
		"PATH_INFO": r.PathInfo, "mod_wsgi.path_info": r.PathInfo,
		"SERVER_PROTOCOL": r.Proto, "SERVER_NAME": r.ServerName, "SERVER_PORT": r.ServerPort,
		"REQUEST_SCHEME": r.Scheme, "wsgi.url_scheme": r.Scheme, "mod_wsgi.request_id": r.ID,
	}
	if r.Conn != nil {
		m["SERVER_ADDR"], m["mod_wsgi.listener_host"] = r.Conn.LocalAddr, r.Conn.LocalAddr
		m["mod_wsgi.listener_port"] = r.Conn.LocalPort
		m["REMOTE_ADDR"], m["REMOTE_PORT"] = r.Conn.RemoteAddr, r.Conn.RemotePort
	}
	if r.Host != "" {
		m["HTTP_HOST"] = r.Host
	}
	for name, values := range r.Header {
		if name == "Proxy" || name == "Proxy-Authorization" || strings.Contains(name, "_") || len(values) == 0 {
			continue
		}
		separator := ", "
		if name == "Cookie" {
			separator = "; "
		}
		key := "HTTP_" + strings.ReplaceAll(strings.ToUpper(name), "-", "_")
		if name == "Content-Type" || name == "Content-Length" {
			key = key[len("HTTP_"):]
		}
		m[key] = strings.Join(values, separator)
	}
	return m
}

func check(t testing.TB, r *gateway.Request) {
	t.Helper()
	b, steady := AppendEnviron(nil, r)
	if got, want := decode(t, b), model(r); !maps.Equal(got, want) {
		t.Errorf("decoded %q\nwant %q", got, want)
	}
	for name := range decode(t, b[:steady]) {
		switch name {
		case "mod_wsgi.request_id", "REMOTE_PORT", "HTTP_COOKIE", "HTTP_AUTHORIZATION":
			t.Errorf("%s is in the steady part", name)
		}
	}
	prefix := []byte("prefix")
	if appended, _ := AppendEnviron(prefix, r); !bytes.HasPrefix(appended, prefix) {
		t.Error("AppendEnviron does not append")
	}
}

func full() *gateway.Request {
	return &gateway.Request{
		ID: "abc-1", Method: "POST", URI: "/a/b?c=d", Proto: "HTTP/1.1", Scheme: "https", ScriptName: "/a",
		PathInfo: "/b", Query: "c=d", Host: "example.com:81", ServerName: "example.com", ServerPort: "81",
		Conn: &gateway.Conn{RemoteAddr: "10.0.0.1", RemotePort: "1000", LocalAddr: "10.0.0.2", LocalPort: "81"},
		Header: http.Header{
			"Accept": {"a", "b"}, "Cookie": {"x=1", "y=2"}, "Authorization": {"Basic x"},
			"Content-Type": {"text/plain"}, "Content-Length": {"5"}, "X-Unusual-One": {"u", ""},
			"Proxy": {"p"}, "Proxy-Authorization": {"p"}, "X_Under": {"u"}, "Empty": {}, "X-None": {""},
		},
	}
}

func TestEnviron(t *testing.T) {
	r := full()
	check(t, r)
	check(t, &gateway.Request{})
	for i := range 40 {
		r.Header[fmt.Sprintf("X-Another-%d", i)] = []string{"v"}
		check(t, r)
	}
	for _, known := range knownHeaders {
		check(t, &gateway.Request{Header: http.Header{known: {"value"}}})
	}
}

func TestEqualRequestsMakeEqualBytes(t *testing.T) {
	want, steady := AppendEnviron(nil, full())
	for range 50 {
		other := full()
		other.ID, other.Conn.RemotePort = "abc-2", "2000"
		other.Header.Set("Cookie", "other")
		got, n := AppendEnviron(nil, other)
		if !bytes.Equal(got[:n], want[:steady]) {
			t.Fatal("the steady part differs")
		}
	}
}

func TestKnownHeadersAreCanonical(t *testing.T) {
	seen := map[string]bool{}
	for _, h := range knownHeaders {
		if h != http.CanonicalHeaderKey(h) || seen[h] {
			t.Errorf("%s: not canonical, or twice", h)
		}
		seen[h] = true
	}
	for i, key := range Keys {
		if (key == "") != (i == 0) {
			t.Errorf("key %d is %q", i, key)
		}
	}
}

func TestNextRefuses(t *testing.T) {
	for _, b := range []string{
		"", "\x01", "\x01\x00\x00\x00\x00\x00\x00", // too short
		"\x00\x00\x00\x00\x00\x00\x00\x00",  // key 0
		"\xfe\xff\x00\x00\x00\x00\x00\x00",  // no such key
		"\x01\x00\xfe\xff\x00\x00\x00\x00",  // no such alias
		"\x01\x00\x00\x00\x01\x00\x00\x00",  // value too long
		"\x01\x00\x00\x00\xff\xff\xff\xff",  //
		"\xff\xff\x02\x00\x00\x00\x00\x00x", // name too long
	} {
		if _, _, err := Next([]byte(b)); !errors.Is(err, ErrEnviron) {
			t.Errorf("Next(%q): %v", b, err)
		}
	}
}

// FuzzEnviron encodes requests and compares with the model; the last argument
// is decoded as it is and must only not crash.
func FuzzEnviron(f *testing.F) {
	f.Add("GET", "/", "q", "h", "Accept", "a", "Cookie", "c", []byte("\x01\x00\x00\x00\x00\x00\x00\x00"))
	f.Add("P", "/x", "", "", "X-Unusual", "\xff", "Proxy", "c", []byte("\xff\xff\x01\x00\x00\x00\x00\x80k"))
	f.Fuzz(func(t *testing.T, method, path, query, host, name1, value1, name2, value2 string, arbitrary []byte) {
		r := &gateway.Request{Method: method, URI: path, PathInfo: path, Query: query, Host: host, ID: value2}
		r.Header = http.Header{}
		for _, h := range [][2]string{{name1, value1}, {name2, value2}, {name1, value2}} {
			// the front lets only such names pass
			if key := http.CanonicalHeaderKey(h[0]); plain(h[0]) {
				r.Header[key] = append(r.Header[key], h[1])
			}
		}
		check(t, r)
		for b := arbitrary; len(b) > 0; {
			e, rest, err := Next(b)
			if err != nil {
				break
			}
			if len(rest) >= len(b) || e.Name() == "" && e.Index != 0 {
				t.Fatalf("Next(%q) = %+v, %q", b, e, rest)
			}
			b = rest
		}
	})
}

// plain reports what the front calls so, without what is its own key.
func plain(name string) bool {
	if name == "" || len(name) > 60000 || strings.EqualFold(name, "Host") {
		return false
	}
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == ""
}

// After an internal redirect the application is told where it comes from.
func TestRedirected(t *testing.T) {
	for _, c := range []struct {
		from gateway.Redirected
		want map[string]string
	}{
		{gateway.Redirected{Path: "/a b", Query: "c=d"}, map[string]string{"REDIRECT_STATUS": "200", "REDIRECT_URL": "/a b", "REDIRECT_QUERY_STRING": "c=d"}},
		{gateway.Redirected{Path: "/"}, map[string]string{"REDIRECT_STATUS": "200", "REDIRECT_URL": "/"}},
	} {
		r := &gateway.Request{Method: "GET"}
		before, _ := AppendEnviron(nil, r)
		r.Redirected = &c.from
		after, _ := AppendEnviron(nil, r)
		want := decode(t, before)
		maps.Copy(want, c.want)
		if got := decode(t, after); !maps.Equal(got, want) {
			t.Errorf("%+v: %q, want %q", c.from, got, want)
		}
	}
}

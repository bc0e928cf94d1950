package front

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/gophersnake/gophersnake/internal/gateway"
)

// protocolError is the code of RFC 9113 for a malformed request.
const protocolError = 1

// badHosts are refused wherever an authority may stand. One with an account is,
// too, but net/http resets its stream of HTTP/2.
var badHosts = []string{"[::1", "a:b", "a:1:2", "a%zz", "a%00b", "]", "[::1]x", "[zz]:1", ":80", "x/y", "x y", "x, y", "[::1%eth0]", "a:65536"}

var goodHosts = []string{"x", "www.Example.com:8080", "[::1]", "[::ffff:1.2.3.4]:80", "a_b", "x:", "a%41", "127.0.0.1"}

// TestHostByAnyDoor: one grammar, whether the host comes as Host, in an absolute
// target, as :authority or as Host of HTTP/2.
func TestHostByAnyDoor(t *testing.T) {
	var kept []gateway.Request
	s := start(t, Options{App: capture(&kept)})
	for _, host := range badHosts {
		in := []string{"GET / HTTP/1.1\r\nHost: " + host}
		if !strings.ContainsAny(host, "/ ") {
			in = append(in, "GET http://"+host+"/ HTTP/1.1\r\nHost: x")
		}
		for _, in := range in {
			if r := ask(t, s, in+"\r\n\r\n"); r.StatusCode != 400 {
				t.Errorf("%q: got %s", in, r.Status)
			}
		}
		for _, fields := range [][]string{{":authority: " + host}, {":authority: -", "host: " + host}} {
			w := dialHTTP2(t, s)
			if got := w.await(w.begin(endStream, fields...)); got.status() != "400 Bad Request" {
				t.Errorf("%q: got %+v", fields, got)
			}
		}
	}
	if len(kept) != 0 {
		t.Fatalf("the application was asked: %+v", kept)
	}
	lines := 2 * len(badHosts)
	for _, host := range badHosts {
		lines += 2
		if strings.ContainsAny(host, "/ ") {
			lines--
		}
	}
	if found := s.find("request refused with 400: "); len(found) != lines {
		t.Errorf("%d lines, want %d: %v", len(found), lines, found)
	}
	for _, host := range goodHosts {
		ask(t, s, "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		for _, fields := range [][]string{{":authority: " + host}, {":authority: -", "host: " + host},
			{":authority: " + host, "host: " + strings.ToUpper(host)}} {
			w := dialHTTP2(t, s)
			w.await(w.begin(endStream, fields...))
		}
		if len(kept) != 4 {
			t.Fatalf("%q: reached the application %d times of 4", host, len(kept))
		}
		for _, r := range kept {
			if r.Host != host || r.Header["Host"] != nil {
				t.Errorf("%q: Host %q, and %q", host, r.Host, r.Header["Host"])
			}
		}
		kept = nil
	}
}

// headCases are requests that both protocols refuse alike, or let pass.
var headCases = []struct {
	name   string
	http1  string // the request line, and lines of the head but for Host: x
	http2  []string
	status string // of both, or the body
	reset  bool   // HTTP/2 has a stream error, RFC 9113, section 8.1.1
}{
	{"plain", "GET /p?q HTTP/1.1", []string{":path: /p?q"}, "ok", false},
	{"for the whole server", "OPTIONS * HTTP/1.1", []string{":method: OPTIONS", ":path: *"}, "", false},
	{"#", "GET /a#b HTTP/1.1", []string{":path: /a#b"}, "400", false},
	{"# in the query", "GET /a?b#c HTTP/1.1", []string{":path: /a?b#c"}, "400", false},
	{"escaped #", "GET /a%23b HTTP/1.1", []string{":path: /a%23b"}, "ok", false},
	{"space in the target", "GET /a b HTTP/1.1", []string{":path: /a b"}, "400", false},
	{"method that is no token", "GE(T / HTTP/1.1", []string{":method: GE(T"}, "400", false},
	{"relative target", "GET p HTTP/1.1", []string{":path: p"}, "400", true},
	{"other scheme", "GET ftp://x/ HTTP/1.1", []string{":scheme: ftp"}, "400", true},
	{"account", "GET http://u@x/ HTTP/1.1", []string{":authority: u@x"}, "400", true},
	{"control character in the target", "GET /\x01 HTTP/1.1", []string{":path: /\x01"}, "400", true},
	{"control character in a value", "GET / HTTP/1.1\r\nX: a\x01b", []string{"x: a\x01b"}, "400", true},
	{"invalid name", "GET / HTTP/1.1\r\nX(: a", []string{"x(: a"}, "400", true},
	{"invalid escape", "GET /%zz HTTP/1.1", []string{":path: /%zz"}, "400", true},

	{"encoded slash", "GET /a%2fb HTTP/1.1", []string{":path: /a%2fb"}, "ok", false},
	{"encoded slash before ..", "GET /a%2f../b HTTP/1.1", []string{":path: /a%2f../b"}, "404", false},
	{"encoded slash before ../..", "GET /a%2f..%2f../b HTTP/1.1", []string{":path: /a%2f..%2f../b"}, "404", false},
	{"encoded slash behind encoded ..", "GET /a/%2e%2E%2Fb HTTP/1.1", []string{":path: /a/%2e%2E%2Fb"}, "404", false},
	{"more .. than directories", "GET /../b HTTP/1.1", []string{":path: /../b"}, "400", false},

	{"request line at the edge", "GET /" + strings.Repeat("a", 8176) + " HTTP/1.1", []string{":path: /" + strings.Repeat("a", 8176)}, "ok", false},
	{"request line beyond", "GET /" + strings.Repeat("a", 8177) + " HTTP/1.1", []string{":path: /" + strings.Repeat("a", 8177)}, "414", false},
	{"header line at the edge", "GET / HTTP/1.1\r\nX: " + strings.Repeat("a", 8187), []string{"x: " + strings.Repeat("a", 8187)}, "ok", false},
	{"header line beyond", "GET / HTTP/1.1\r\nX: " + strings.Repeat("a", 8188), []string{"x: " + strings.Repeat("a", 8188)}, "431", false},
	{"lines at the edge", "GET / HTTP/1.1" + strings.Repeat("\r\nX: y", 99), repeat(99, "x: y"), "ok", false},
	{"lines beyond", "GET / HTTP/1.1" + strings.Repeat("\r\nX: y", 100), repeat(100, "x: y"), "431", false},
	// The request line, Host, 9 lines of 6552 bytes, one of 6541 and the empty line are 65536 bytes.
	{"head at the edge", "GET / HTTP/1.1" + strings.Repeat("\r\nX: "+strings.Repeat("a", 6547), 9) + "\r\nX: " + strings.Repeat("a", 6536),
		append(repeat(9, "x: "+strings.Repeat("a", 6547)), "x: "+strings.Repeat("a", 6536)), "ok", false},
	{"head beyond", "GET / HTTP/1.1" + strings.Repeat("\r\nX: "+strings.Repeat("a", 6547), 9) + "\r\nX: " + strings.Repeat("a", 6537),
		append(repeat(9, "x: "+strings.Repeat("a", 6547)), "x: "+strings.Repeat("a", 6537)), "431", false},
	{"head far beyond", "GET / HTTP/1.1" + strings.Repeat("\r\nX: "+strings.Repeat("a", 6547), 20), repeat(20, "x: "+strings.Repeat("a", 6547)), "431", false},
}

func repeat(n int, field string) (fields []string) {
	for range n {
		fields = append(fields, field)
	}
	return fields
}

// TestHeadsByBothDoors: HTTP/1.1 and HTTP/2 let the same heads pass, and what
// they refuse has a line in the log.
func TestHeadsByBothDoors(t *testing.T) {
	for _, c := range headCases {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, Options{App: app(func(_ context.Context, _ *gateway.Request, w gateway.ResponseWriter) error {
				return answer(w, "ok")
			})})
			line, rest, _ := strings.Cut(c.http1, "\r\n")
			if rest != "" {
				rest += "\r\n"
			}
			if got := ask(t, s, line+"\r\nHost: x\r\n"+rest+"\r\n"); !strings.HasPrefix(result{body: got.body}.status(), c.status) {
				t.Errorf("HTTP/1.1: got %s", got.Status)
			}
			w := dialHTTP2(t, s)
			got := w.await(w.begin(endStream, c.http2...))
			switch {
			case c.reset && (got.code != protocolError || got.goAway || got.body != ""):
				t.Errorf("HTTP/2: got %+v", got)
			case !c.reset && (!strings.HasPrefix(strings.TrimPrefix(got.status(), "HTTP Error "), c.status) || got.code != -1):
				t.Errorf("HTTP/2: got %+v", got)
			}
			want := 0
			if strings.HasPrefix(c.status, "4") {
				want = 2
			}
			if found := append(s.find("request refused"), s.find("the path of the request")...); len(found) != want {
				t.Errorf("logged %v", s.find(""))
			}
		})
	}
}

// What only HTTP/2 can say.
func TestHTTP2Heads(t *testing.T) {
	for _, c := range []struct {
		name   string
		fields []string
		status string
		logged string
	}{
		{"neither :authority nor Host", []string{":authority: -"}, "400 Bad Request", "HTTP/2 without :authority and Host"},
		{"empty :authority", []string{":authority: "}, "400 Bad Request", "HTTP/2 without :authority and Host"},
		{"empty Host", []string{":authority: -", "host: "}, "400 Bad Request", "malformed Host"},
		{"two Hosts", []string{"host: x", "host: x"}, "400 Bad Request", "more than one Host"},
		{"two Hosts alone", []string{":authority: -", "host: x", "host: x"}, "400 Bad Request", "more than one Host"},
		{"another Host", []string{"host: y"}, "400 Bad Request", "Host that differs from :authority"},
		{"another port", []string{"host: x:81"}, "400 Bad Request", "Host that differs from :authority"},
		{"the same Host", []string{"host: x"}, "ok", ""},
		{"the same Host, other case", []string{"host: X"}, "ok", ""},
		{"the same port", []string{"host: x:80"}, "ok", ""},
		{"absolute form", []string{":path: http://x/"}, "400 Bad Request", "malformed target"},
		{"Connection", []string{"connection: close"}, "request header \"Connection\" is not valid in HTTP/2\n", "head that HTTP/2 does not allow"},
		{"Transfer-Encoding", []string{"transfer-encoding: chunked"}, "request header \"Transfer-Encoding\" is not valid in HTTP/2\n", "head that HTTP/2 does not allow"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, Options{App: with(func(w gateway.ResponseWriter) error { return answer(w, "ok") })})
			w := dialHTTP2(t, s)
			if got := w.await(w.begin(endStream, c.fields...)); got.status() != c.status || got.code != -1 {
				t.Errorf("got %+v", got)
			}
			if found := s.find(c.logged); c.logged != "" && (len(found) != 1 || found[0].Client == "") || c.logged == "" && len(s.find("")) != 0 {
				t.Errorf("logged %v", s.find(""))
			}
		})
	}
}

// A head so large that it cannot be decoded ends the connection, and the log
// says so.
func TestHTTP2HugeHead(t *testing.T) {
	s := start(t, Options{App: hello{}})
	w := dialHTTP2(t, s)
	if got := w.await(w.begin(endStream, "x: "+strings.Repeat("a", 1<<18))); !got.goAway || got.code == 0 {
		t.Errorf("got %+v", got)
	}
	s.await(t, "HTTP/2 connection ended with ")
}

// TestHTTP2ContentLength: a Content-Length is one number, and that of the data.
// Otherwise the stream is reset, and the application is not asked; if it has been,
// because the body is larger than what is read ahead, it is not believed.
func TestHTTP2ContentLength(t *testing.T) {
	small, large := "hello", strings.Repeat("a", 64<<10+5)
	for _, c := range []struct {
		name    string
		lengths []string
		data    []string // nil: the head ends the stream
		want    string   // the bytes that the application saw; "": the stream is reset
		logged  string
	}{
		{"none", nil, []string{small}, "5", ""},
		{"none, and no body", nil, nil, "0", ""},
		{"right", []string{"5"}, []string{small}, "5", ""},
		{"right, in pieces", []string{"5"}, []string{"he", "", "llo"}, "5", ""},
		{"zero, and no body", []string{"0"}, nil, "0", ""},
		{"zero, and an empty body", []string{"0"}, []string{""}, "0", ""},
		{"large", []string{fmt.Sprint(len(large))}, []string{large}, fmt.Sprint(len(large)), ""},
		{"zero, and data", []string{"0"}, []string{small}, "", "longer than its Content-Length of 0"},
		{"no data", []string{"5"}, nil, "", "without a body"},
		{"less", []string{"6"}, []string{small}, "", "shorter than its Content-Length of 6"},
		{"nothing", []string{"6"}, []string{""}, "", "shorter than its Content-Length of 6"},
		{"more", []string{"4"}, []string{small}, "", "longer than its Content-Length"},
		{"more, in pieces", []string{"4"}, []string{"hel", "lo"}, "", "longer than its Content-Length"},
		{"more, after all of it", []string{"3"}, []string{"hel", "lo"}, "", "longer than its Content-Length"},
		{"large, less", []string{fmt.Sprint(len(large) + 1)}, []string{large}, "", "shorter than its Content-Length"},
		{"large, more", []string{fmt.Sprint(len(large) - 1)}, []string{large}, "", "longer than its Content-Length"},
		{"two", []string{"5", "5"}, []string{small}, "", "more than one Content-Length"},
		{"two that differ", []string{"5", "6"}, []string{small}, "", "more than one Content-Length"},
		{"list", []string{"5, 5"}, []string{small}, "", "malformed Content-Length"},
		{"sign", []string{"+5"}, []string{small}, "", "malformed Content-Length"},
		{"negative", []string{"-5"}, []string{small}, "", "malformed Content-Length"},
		{"hexadecimal", []string{"0x5"}, []string{small}, "", "malformed Content-Length"},
		{"letters", []string{"abc"}, []string{small}, "", "malformed Content-Length"},
		{"letters, and no body", []string{"abc"}, nil, "", "malformed Content-Length"},
		{"letters, and an empty body", []string{"abc"}, []string{""}, "", "malformed Content-Length"},
		{"empty", []string{""}, []string{""}, "", "malformed Content-Length"},
		{"space", []string{"5 "}, []string{small}, "", "malformed Content-Length"},
		{"overflow", []string{"9223372036854775808"}, []string{small}, "", "malformed Content-Length"},
	} {
		t.Run(c.name, func(t *testing.T) { contentLength(t, c.lengths, c.data, c.want, c.logged) })
	}
}

func contentLength(t *testing.T, lengths, data []string, want, logged string) {
	s := start(t, Options{ChunkedRequest: true, ReadAhead: 64 << 10, App: app(func(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
		if r.Method != "POST" {
			return answer(w, "other")
		}
		all := r.Prefix
		switch {
		case r.Body != nil: // it is larger than what is read ahead
			rest, err := io.ReadAll(r.Body)
			if (err != nil) != (logged != "") {
				t.Errorf("the body ends with %v", err)
			}
			all = append(all, rest...)
		case logged != "":
			t.Error("the application was asked")
		}
		return answer(w, fmt.Sprint(len(all)))
	})})
	w := dialHTTP2(t, s)
	stream := w.post(lengths, data)
	got := w.await(stream)
	switch {
	case logged == "" && (got.body != want || got.code != -1):
		t.Errorf("got %+v", got)
	case logged != "" && (got.body != "" || got.code != protocolError || got.goAway):
		t.Errorf("got %+v", got)
	}
	if other := w.await(w.begin(endStream)); other.body != "other" {
		t.Errorf("another stream: %+v", other)
	}
	poll(t, "the entries", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.entries) == 2 })
	if found := s.find(logged); logged != "" && len(found) != 1 {
		t.Errorf("logged %v", s.find(""))
	}
	for _, e := range s.entries {
		if e.Method == "POST" && logged != "" && e.Status != 400 {
			t.Errorf("status %d in the access log", e.Status)
		}
	}
}

// post sends a request with these lengths; the head of one without data ends the
// stream.
func (w *wire) post(lengths, data []string) (stream uint32) {
	fields := []string{":method: POST"}
	for _, n := range lengths {
		fields = append(fields, "content-length: "+n)
	}
	flags := byte(0)
	if data == nil {
		flags = endStream
	}
	stream = w.begin(flags, fields...)
	for i, d := range data {
		for len(d) > 1<<14 {
			w.frame(dataFrame, 0, stream, d[:1<<14])
			d = d[1<<14:]
		}
		last := byte(0)
		if i == len(data)-1 {
			last = endStream
		}
		w.frame(dataFrame, last, stream, d)
	}
	return stream
}

package framing

import (
	"strings"
	"testing"
)

// scan feeds the pieces to a new scanner and returns it with what it passed.
func scan(limits Limits, http2 bool, pieces ...string) (*scanner, string) {
	limits = limits.WithDefaults()
	s := &scanner{limits: &limits, http2: http2}
	var passed strings.Builder
	for _, p := range pieces {
		in := []byte(p)
		_, n := s.feed(in)
		passed.Write(in[:n])
		if s.refusal != nil {
			break
		}
	}
	return s, passed.String()
}

// bytesOf splits s into single bytes.
func bytesOf(s string) []string { return strings.Split(s, "") }

const (
	head = "POST / HTTP/1.1\r\nHost: x\r\n"
	get  = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
)

var scannerCases = []struct {
	name     string
	in       string
	messages int
	want     *Refusal // nil: accepted
}{
	{"hello", get, 1, nil},
	{"http10", "GET / HTTP/1.0\r\n\r\n", 1, nil},
	{"pipelined", strings.Repeat(get, 3), 3, nil},
	{"length", head + "Content-Length: 5\r\n\r\nhello" + get, 2, nil},
	{"length zero", head + "Content-Length: 0\r\n\r\n" + get, 2, nil},
	{"length with spaces around", head + "Content-Length: \t5 \r\n\r\nhello", 1, nil},
	{"half a body", head + "Content-Length: 5\r\n\r\nhel", 0, nil},
	{"length lower case", head + "content-length: 2\r\n\r\nGE" + get, 2, nil},
	{"chunked", head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + get, 2, nil},
	{"chunked, any case", head + "transfer-encoding: ChunKed\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n", 1, nil},
	{"chunk extension", head + "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n", 1, nil},
	{"trailers", head + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\nContent-Length: 7\r\n\r\n" + get, 2, nil},
	{"obs-text", "GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\nX: \xe9\ttab\r\n\r\n", 1, nil},
	{"empty value", "GET / HTTP/1.1\r\nHost: x\r\nX:\r\n\r\n", 1, nil},
	{"http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00", 0, nil},

	{"no Host", "GET / HTTP/1.1\r\nX: y\r\n\r\n", 0, errNoHost},
	{"no Host, the second time", get + "GET / HTTP/1.1\r\n\r\n", 1, errNoHost},
	{"no Host, but a target that names one", "GET http://x/ HTTP/1.1\r\n\r\n", 0, errNoHost},
	{"no Host in 1.0, then in 1.1", "GET / HTTP/1.0\r\n\r\nGET / HTTP/1.1\r\n\r\n", 1, errNoHost},
	{"two Hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 0, errHosts},
	{"two equal Hosts", "GET / HTTP/1.1\r\nhost: x\r\nHOST: x\r\n\r\n", 0, errHosts},
	{"two Hosts, one empty", "GET / HTTP/1.1\r\nHost: x\r\nHost:\r\n\r\n", 0, errHosts},
	{"two Hosts in 1.0", "GET / HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n", 0, errHosts},
	{"Host in 1.0", "GET / HTTP/1.0\r\nHost: x\r\n\r\n", 1, nil},
	{"empty Host", "GET / HTTP/1.1\r\nHost: \t\r\n\r\n", 0, errHost},
	{"empty Host in 1.0", "GET / HTTP/1.0\r\nHost:\r\n\r\n", 0, errHost},
	{"empty Host, target with one", "GET http://x/ HTTP/1.1\r\nHost:\r\n\r\n", 0, errHost},
	{"Host with all that it may hold", "GET / HTTP/1.1\r\nHost: aZ09-._~%41!$&'()*+,;=:80\r\n\r\n", 1, nil},
	{"Host list", "GET / HTTP/1.1\r\nHost: x, y\r\n\r\n", 0, errHost},
	{"Host with path", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", 0, errHost},
	{"Host with account", "GET / HTTP/1.1\r\nHost: a@x\r\n\r\n", 0, errHost},
	{"Host in UTF-8", "GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n", 0, errHost},

	{"both", head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 0, errBoth},
	{"both, other order", head + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 0, errBoth},
	{"two lengths", head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 0, errLengths},
	{"two equal lengths", head + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 0, errLengths},
	{"length list", head + "Content-Length: 5, 5\r\n\r\n", 0, errLength},
	{"length with sign", head + "Content-Length: +5\r\n\r\n", 0, errLength},
	{"length negative", head + "Content-Length: -5\r\n\r\n", 0, errLength},
	{"length hexadecimal", head + "Content-Length: 0x5\r\n\r\n", 0, errLength},
	{"length empty", head + "Content-Length: \r\n\r\n", 0, errLength},
	{"length largest", head + "Content-Length: 9223372036854775807\r\n\r\n", 0, nil},
	{"length overflow", head + "Content-Length: 9223372036854775808\r\n\r\n", 0, errLength},
	{"folded", "GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n", 0, errFold},
	{"folded by tab", "GET / HTTP/1.1\r\nX: a\r\n\tb\r\n\r\n", 0, errFold},
	{"space before first header", "GET / HTTP/1.1\r\n Host: x\r\n\r\n", 0, errFold},
	{"bare LF in request line", "GET / HTTP/1.1\nHost: x\r\n\r\n", 0, errBareLF},
	{"bare LF in header", "GET / HTTP/1.1\r\nHost: x\n\r\n", 0, errBareLF},
	{"bare LF at the end", "GET / HTTP/1.1\r\nHost: x\r\n\n", 0, errBareLF},
	{"bare CR in value", "GET / HTTP/1.1\r\nX: a\rb\r\n\r\n", 0, errBareCR},
	{"double CR", "GET / HTTP/1.1\r\nX: a\r\r\n\r\n", 0, errBareCR},
	{"bare CR in request line", "GET /\r HTTP/1.1\r\n\r\n", 0, errTarget},
	{"NUL in value", "GET / HTTP/1.1\r\nX: a\x00b\r\n\r\n", 0, errValue},
	{"DEL in value", "GET / HTTP/1.1\r\nX: 12345678\x7f\r\n\r\n", 0, errValue},
	{"control in long value", "GET / HTTP/1.1\r\nX: 1234567890\x01234567890\r\n\r\n", 0, errValue},
	{"control in target", "GET /\x01 HTTP/1.1\r\n\r\n", 0, errTarget},
	{"space before colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", 0, errNameSpace},
	{"tab before colon", "GET / HTTP/1.1\r\nHost\t: x\r\n\r\n", 0, errNameSpace},
	{"bad character in name", "GET / HTTP/1.1\r\nHo(st: x\r\n\r\n", 0, errName},
	{"control in name", "GET / HTTP/1.1\r\nHo\x00st: x\r\n\r\n", 0, errName},
	{"latin-1 in name", "GET / HTTP/1.1\r\nH\xf6st: x\r\n\r\n", 0, errName},
	{"no name", "GET / HTTP/1.1\r\n: x\r\n\r\n", 0, errName},
	{"no colon", "GET / HTTP/1.1\r\nHost\r\n\r\n", 0, errNoColon},
	{"two codings", head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 0, errCodings},
	{"coding list", head + "Transfer-Encoding: gzip, chunked\r\n\r\n", 0, errCoding},
	{"coding identity", head + "Transfer-Encoding: identity\r\n\r\n", 0, errCoding},
	{"coding empty", head + "Transfer-Encoding:\r\n\r\n", 0, errCoding},
	{"coding with vertical tab", head + "Transfer-Encoding: \x0bchunked\r\n\r\n", 0, errValue},
	{"coding in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 0, errCoding10},

	{"chunk size empty", head + "Transfer-Encoding: chunked\r\n\r\n\r\n", 0, errChunkSize},
	{"chunk size junk", head + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 0, errChunkSize},
	{"chunk size with prefix", head + "Transfer-Encoding: chunked\r\n\r\n0x5\r\n", 0, errChunkSize},
	{"chunk size negative", head + "Transfer-Encoding: chunked\r\n\r\n-5\r\n", 0, errChunkSize},
	{"chunk size and space", head + "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n", 0, errChunkSize},
	{"chunk size after space", head + "Transfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n", 0, errChunkSize},
	{"chunk size with bare LF", head + "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n", 0, errChunkSize},
	{"chunk size of 15 digits", head + "Transfer-Encoding: chunked\r\n\r\n000000000000005\r\nhello\r\n0\r\n\r\n", 1, nil},
	{"chunk size of 16 digits", head + "Transfer-Encoding: chunked\r\n\r\n0000000000000005\r\nhello\r\n", 0, errChunkSize},
	{"chunk extension with CR", head + "Transfer-Encoding: chunked\r\n\r\n5;a\rb\r\nhello\r\n", 0, errChunkSize},
	{"chunk extension too long", head + "Transfer-Encoding: chunked\r\n\r\n5;" + strings.Repeat("a", 253) + "\r\n", 0, errChunkLong},
	{"chunk extension at the edge", head + "Transfer-Encoding: chunked\r\n\r\n0;" + strings.Repeat("a", 252) + "\r\n\r\n", 1, nil},
	{"chunk without end", head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n", 0, errChunkEnd},
	{"chunk with bare LF behind", head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n", 0, errChunkEnd},
	{"chunk with bare CR behind", head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r0\r\n\r\n", 0, errChunkEnd},
	{"trailer folded", head + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n z\r\n\r\n", 0, errTrailer},
	{"trailer with bare LF", head + "Transfer-Encoding: chunked\r\n\r\n0\r\n\n", 0, errTrailer},
	{"many trailers", head + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("X: y\r\n", 101), 0, errTrailerLarge},

	{"TLS", "\x16\x03\x01\x02\x00\x01", 0, errTLS},
	{"empty line", "\r\n" + get, 1, nil},
	{"empty line between", get + "\r\n" + get + "\r\n" + get + "\r\n", 3, nil},
	{"empty line behind a body", head + "Content-Length: 5\r\n\r\nhello\r\n" + get, 2, nil},
	{"empty line before HTTP/2", "\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00", 0, nil},
	{"two empty lines", "\r\n\r\n" + get, 0, errEmptyLine},
	{"two empty lines between", get + "\r\n\r\n", 1, errEmptyLine},
	{"empty line with bare LF", "\n" + get, 0, errEmptyLine},
	{"empty line with bare CR", "\r" + get, 0, errMethod},
	{"empty line with two CRs", "\r\r\n" + get, 0, errMethod},
	{"empty line, then one with bare LF", "\r\n\n" + get, 0, errEmptyLine},
	{"empty line and a space", "\r\n " + get, 0, errMethod},

	{"target for the whole server", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 1, nil},
	{"target with #", "GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", 0, errFragment},
	{"target with # in the query", "GET /a?b#c HTTP/1.1\r\nHost: x\r\n\r\n", 0, errFragment},
	{"target with # alone", "GET # HTTP/1.1\r\nHost: x\r\n\r\n", 0, errFragment},
	{"target with escaped #", "GET /a%23b HTTP/1.1\r\nHost: x\r\n\r\n", 1, nil},
	{"absolute with #", "GET http://x/#a HTTP/1.1\r\nHost: x\r\n\r\n", 0, errFragment},
	{"absolute", "GET hTTp://x:80/p?q HTTP/1.1\r\nHost: y\r\n\r\n", 1, nil},
	{"absolute in 1.0", "GET http://x HTTP/1.0\r\n\r\n", 1, nil},
	{"absolute with other scheme", "GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 0, errScheme},
	{"absolute with longer scheme", "GET httpss://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 0, errScheme},
	{"host and port for a target", "GET x:443 HTTP/1.1\r\nHost: x\r\n\r\n", 0, errScheme},
	{"absolute with account", "GET http://u:p@x/ HTTP/1.1\r\nHost: x\r\n\r\n", 0, errAuthority},
	{"absolute without host", "GET http:///p HTTP/1.1\r\nHost: x\r\n\r\n", 0, errAuthority},
	{"absolute with one slash", "GET http:/p HTTP/1.1\r\nHost: x\r\n\r\n", 0, errForm},
	{"absolute without slashes", "GET http:p HTTP/1.1\r\nHost: x\r\n\r\n", 0, errForm},
	{"relative", "GET p HTTP/1.1\r\nHost: x\r\n\r\n", 0, errForm},
	{"relative with colon", "GET 1:p HTTP/1.1\r\nHost: x\r\n\r\n", 0, errForm},
	{"query for a target", "GET ?q HTTP/1.1\r\nHost: x\r\n\r\n", 0, errForm},
	{"method", "G@T / HTTP/1.1\r\n\r\n", 0, errMethod},
	{"no target", "GET HTTP/1.1\r\n\r\n", 0, errRequestLine},
	{"two spaces", "GET  / HTTP/1.1\r\n\r\n", 0, errRequestLine},
	{"space in target", "GET /a b HTTP/1.1\r\n\r\n", 0, errRequestLine},
	{"tab instead of space", "GET\t/ HTTP/1.1\r\n\r\n", 0, errMethod},
	{"HTTP/0.9", "GET /\r\n", 0, errRequestLine},
	{"HTTP/1.2", "GET / HTTP/1.2\r\n\r\n", 0, errVersion},
	{"HTTP/3.0", "GET / HTTP/3.0\r\n\r\n", 0, errVersion},
	{"http in lower case", "GET / http/1.1\r\n\r\n", 0, errRequestLine},
	{"preface not first", get + "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 1, errVersion},
	{"preface broken", "PRI * HTTP/2.0\r\nHost: x\r\n\r\n", 0, errPreface},

	{"request line at the edge", "GET /" + strings.Repeat("a", 8176) + " HTTP/1.1\r\nHost: x\r\n\r\n", 1, nil},
	{"request line beyond", "GET /" + strings.Repeat("a", 8177) + " HTTP/1.1\r\n\r\n", 0, errLongLine},
	{"header line at the edge", "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 8187) + "\r\n\r\n", 1, nil},
	{"header line beyond", "GET / HTTP/1.1\r\nX: " + strings.Repeat("a", 8188) + "\r\n\r\n", 0, errLongHeader},
	{"headers at the edge", "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: y\r\n", 99) + "\r\n", 1, nil},
	{"headers beyond", "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: y\r\n", 100) + "\r\n", 0, errManyHeaders},
	// The request line, Host, 9 lines of 6552 bytes, one of 6541 and the empty line are 65536 bytes.
	{"head at the edge", "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: "+strings.Repeat("a", 6547)+"\r\n", 9) + "X: " + strings.Repeat("a", 6536) + "\r\n\r\n", 1, nil},
	{"head beyond", "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: "+strings.Repeat("a", 6547)+"\r\n", 9) + "X: " + strings.Repeat("a", 6537) + "\r\n\r\n", 0, errLongHead},
}

func TestScanner(t *testing.T) {
	for _, c := range scannerCases {
		t.Run(c.name, func(t *testing.T) {
			for how, pieces := range map[string][]string{"whole": {c.in}, "bytes": bytesOf(c.in)} {
				s, _ := scan(Limits{}, true, pieces...)
				if s.refusal != c.want || s.messages != c.messages {
					t.Errorf("%s: %d messages, refusal %v; want %d, %v", how, s.messages, s.refusal, c.messages, c.want)
				}
			}
		})
	}
}

// What precedes a refused message passes; its last line never does.
func TestScannerPasses(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{get + "GET /2 HTTP/1.1\r\nbad\r\n\r\n", get},
		{get + "GET /2 HTTP/1.1\r\n\r\n", get},
		{get + "\x16\x03", get},
		{"GET / HTTP/1.1\r\nbad\r\n\r\n", ""},
		{head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"},
	} {
		if _, passed := scan(Limits{}, false, c.in); passed != c.want {
			t.Errorf("of %q passed %q, want %q", c.in, passed, c.want)
		}
	}
}

func TestScannerWithoutHTTP2(t *testing.T) {
	if s, _ := scan(Limits{}, false, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); s.refusal != errVersion {
		t.Errorf("refusal %v, want %v", s.refusal, errVersion)
	}
}

// A connection that waits for its next request holds no large buffer.
func TestScannerForgetsLongLines(t *testing.T) {
	line := "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 5000) + "\r\n\r\n"
	if s, _ := scan(Limits{}, false, line[:3000], line[3000:]); cap(s.carry) > 1024 || s.messages != 1 {
		t.Errorf("%d messages, %d bytes kept", s.messages, cap(s.carry))
	}
}

func TestLimitsDefaults(t *testing.T) {
	if got, want := (Limits{Headers: 7}).WithDefaults(), (Limits{8190, 8190, 7, 65536}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

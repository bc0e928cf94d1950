package framing

import (
	"strings"
	"testing"
)

// hostCases are values of Host, alike in each place where one may stand.
var hostCases = []struct {
	host string
	ok   bool
}{
	{"x", true},
	{"www.Example.com", true},
	{"www.example.com:8080", true},
	{"x:", true}, // port = *DIGIT
	{"x:0", true},
	{"x:65535", true},
	{"a_b", true},
	{"aZ09-._~!$&'()*+,;=", true},
	{"a%41", true},
	{"%e9:80", true},
	{"127.0.0.1:80", true},
	{"1.2.3.4.5", true}, // a name
	{"[::1]", true},
	{"[::1]:80", true},
	{"[::1]:", true},
	{"[::ffff:1.2.3.4]", true},
	{"[v1.fe80::a]:1", true},

	{"", false},
	{":80", false},
	{":", false},
	{"[::1", false},
	{"a:b", false},
	{"a:1:2", false},
	{"a:-1", false},
	{"a:65536", false},
	{"a:99999999999999999999", false},
	{"::1", false},
	{"a%zz", false},
	{"a%4", false},
	{"a%", false},
	{"a%00b", false},
	{"a%0a", false},
	{"a%7f", false},
	{"]", false},
	{"[", false},
	{"[]", false},
	{"[::1]x", false},
	{"[::1]x:80", false},
	{"x[::1]", false},
	{"[zz]:1", false},
	{"[1.2.3.4]", false},
	{"[::1%eth0]", false},
	{"[::1%25eth0]", false},
	{"[v1.]", false},
	{"[v.a]", false},
	{"[vg.a]", false},
	{"u@x", false},
	{"u:p@x", false},
	{"x/y", false},
	{"x?y", false},
	{"x#y", false},
	{"x y", false},
	{"x, y", false},
	{"x\\y", false},
	{"\xc3\xa9", false},
	{"x\x00", false},
	{"a|b", false},
	{"a^b", false},
	{"a`b", false},
	{"a\"b", false},
	{"<a>", false},
}

func TestHost(t *testing.T) {
	for _, c := range hostCases {
		if got := validHost([]byte(c.host)); got != c.ok {
			t.Errorf("%q: got %v", c.host, got)
		}
	}
}

// The same grammar holds wherever an authority may stand.
func TestHostInAllPlaces(t *testing.T) {
	for _, c := range hostCases {
		if strings.ContainsAny(c.host, "/?") {
			continue // they end an authority
		}
		for in, want := range map[string]*Refusal{
			"GET / HTTP/1.1\r\nHost: " + c.host + "\r\n\r\n":            errHost,
			"GET http://" + c.host + " HTTP/1.1\r\nHost: x\r\n\r\n":     errAuthority,
			"GET HTTPS://" + c.host + "/p HTTP/1.1\r\nHost: x\r\n\r\n":  errAuthority,
			"GET http://" + c.host + "?q=@ HTTP/1.0\r\nHost: x\r\n\r\n": errAuthority,
			"CONNECT " + c.host + " HTTP/1.1\r\nHost: x\r\n\r\n":        errAuthority,
		} {
			s, _ := scan(Limits{}, true, in)
			switch {
			case c.ok && (s.refusal != nil || s.messages != 1):
				t.Errorf("%q: %v", in, s.refusal)
			case !c.ok && (s.refusal == nil || s.refusal.Status != 400):
				t.Errorf("%q accepted", in)
			case !c.ok && !breaksLine(c.host) && s.refusal != want:
				t.Errorf("%q: %v, want %v", in, s.refusal, want)
			}
		}
	}
}

// breaksLine reports a value that is refused before its grammar is looked at: it
// is none at all, or its line is wrong.
func breaksLine(host string) bool { return host == "" || strings.ContainsAny(host, "# \x00") }

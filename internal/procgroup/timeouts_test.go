package procgroup

import (
	"strings"
	"testing"
	"time"
)

// TestLimits: 0 stands for the next wider limit, and the widest is the server's.
func TestLimits(t *testing.T) {
	const server = time.Minute
	for options, want := range map[string]struct{ socket, response time.Duration }{
		"":                          {server, server},
		"socket-timeout=0":          {server, server},
		"socket-timeout=7":          {7 * time.Second, 7 * time.Second},
		"response-socket-timeout=3": {server, 3 * time.Second},
		"socket-timeout=7 response-socket-timeout=3": {7 * time.Second, 3 * time.Second},
		"socket-timeout=3 response-socket-timeout=0": {3 * time.Second, 3 * time.Second},
	} {
		o, err := Parse("a", strings.Fields(options))
		if err != nil {
			t.Fatal(err)
		}
		if got := o.SocketLimit(server); got != want.socket {
			t.Errorf("%s: socket %v, want %v", options, got, want.socket)
		}
		if got := o.ResponseLimit(server); got != want.response {
			t.Errorf("%s: response %v, want %v", options, got, want.response)
		}
	}
	if got := Defaults().ResponseLimit(0); got != 0 {
		t.Errorf("without any limit %v", got)
	}
}

func TestScriptOwner(t *testing.T) {
	for options, want := range map[string]*Owner{
		"":                      nil,
		"script-user=www-data":  {Name: "www-data", ID: 33},
		"script-user=root":      {Name: "root"},
		"script-user=#65534":    {Name: "#65534", ID: 65534},
		"script-group=www-data": {Name: "www-data", ID: 33, Group: true},
		"script-group=#0":       {Name: "#0", Group: true},
	} {
		o, err := Parse("a", strings.Fields(options))
		if err != nil {
			t.Fatal(err)
		}
		got, err := o.ScriptOwner()
		if err != nil || (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("%s: %+v, %v; want %+v", options, got, err, want)
		}
	}
	for want, o := range map[string]*Options{
		"bad user name nobody-such.":  {ScriptUser: "nobody-such"},
		"bad group name nobody-such.": {ScriptGroup: "nobody-such"},
	} {
		if _, err := o.ScriptOwner(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	_, err := Parse("a", []string{"script-user=root", "script-group=root"})
	if err == nil || err.Error() != "Invalid script group for WSGI daemon process. script-group=root: it excludes script-user=root; leave one of them out" {
		t.Errorf("both: %v", err)
	}
}

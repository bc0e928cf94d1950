package e2e

import (
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Wrong flags: usage on stderr, status 2, nothing on stdout. The texts in full
// are in the golden files of package cli.
func TestUsage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{}, "no command was given"},
		{[]string{"strat-server"}, "did you mean start-server?"},
		{[]string{"start-server", "--thread-count", "5"}, "unknown option --thread-count"},
		{[]string{"start-server", "--treads", "5"}, "did you mean --threads?"},
		{[]string{"start-server", "-p", "80"}, "two dashes"},
		{[]string{"start-server", "--port"}, "--port needs 1 argument"},
		{[]string{"start-server", "--port", "65536"}, "65536 is not between 0 and 65535"},
		{[]string{"start-server", "--port", "-1"}, "-1 is not between"},
		{[]string{"start-server", "--port", "http"}, `"http" is not a whole number`},
		{[]string{"start-server", "--port", "80x"}, `"80x" is not a whole number`},
		{[]string{"start-server", "--port", ""}, `"" is not a whole number`},
		{[]string{"start-server", "--port", "99999999999999999999"}, "is not between"},
		{[]string{"start-server", "--threads", "0"}, "0 is not between 1"},
		{[]string{"start-server", "--threads", "1.5"}, `"1.5" is not a whole number`},
		{[]string{"start-server", "--limit-request-body", "-1"}, "-1 is less than 0"},
		{[]string{"start-server", "--graceful-timeout", "soon"}, `"soon" is not a whole number`},
		{[]string{"start-server", "--log-level", "loud"}, `"loud"`},
		{[]string{"start-server", "--log-level", "inf"}, "did you mean"},
		{[]string{"start-server", "--access-log-format", "%{x"}, "--access-log-format"},
		{[]string{"start-server", "--url-alias", "/static"}, "--url-alias needs 2 argument"},
		{[]string{"start-server", "--url-alias", "http://x/static", "dir"}, "whole URL"},
		{[]string{"start-server", "--url-alias", "", "dir"}, "empty"},
		{[]string{"start-server", "--url-alias", "/static", ""}, "empty"},
		{[]string{"start-server", "--mount-point", "/a?b"}, "query"},
		{[]string{"start-server", "--host", "127.0.0.1:80"}, "--port"},
		{[]string{"start-server", "--embedded-mode=yes"}, "takes no argument"},
		{[]string{"start-server", "--log"}, "ambiguous"},
		{[]string{"start-server", "one.py", "two.py"}, "one SCRIPT is expected, not 2"},
		{[]string{"start-server", ""}, "empty"},
		{[]string{"doctor", "here"}, "unexpected argument"},
		{[]string{"version", "--all"}, "unexpected argument"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			p := launch{status: 2}.run(t, c.args...)
			p.wait()
			stderr := p.stderr.String()
			if !strings.Contains(stderr, c.want) || !strings.Contains(stderr, "usage: gophersnake") || p.stdout.String() != "" {
				t.Errorf("want %q; stdout %q, stderr:\n%s", c.want, p.stdout, stderr)
			}
		})
	}
}

// Two aliases for one URL are found before anything is served.
func TestAliasTwice(t *testing.T) {
	t.Parallel()
	out := launch{dir: appDir(t), args: []string{"--url-alias", "/a", "x", "--url-alias", "/a/", "y", "app.py"}}.fail(t, 2)
	if !strings.Contains(out, `/a`) || !strings.Contains(out, "usage:") {
		t.Errorf("got %q", out)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"help"}, {"help", "start-server"}, {"start-server", "--help"}, {"doctor", "-h"}, {"version"}} {
		p := launch{}.run(t, args...)
		p.wait()
		if p.stderr.String() != "" || !strings.Contains(p.stdout.String(), "gophersnake") {
			t.Errorf("%v: %q, %q", args, p.stdout, p.stderr)
		}
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	out := launch{args: []string{"--port", port}}.fail(t, 1)
	want := "listen on 127.0.0.1:" + port + ": the address is in use by process " + strconv.Itoa(os.Getpid()) + " ("
	if !strings.Contains(out, want) || !strings.Contains(out, "--port") || strings.Count(out, "\n") != 1 {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestAddressNotHere(t *testing.T) {
	t.Parallel()
	out := launch{args: []string{"--host", "192.0.2.1"}}.fail(t, 1)
	if !regexp.MustCompile(`^gophersnake: listen on 192\.0\.2\.1:0: .*\n$`).MatchString(out) {
		t.Errorf("got %q", out)
	}
}

func TestLogDirectoryMissing(t *testing.T) {
	t.Parallel()
	out := launch{args: []string{"--log-directory", "none"}}.fail(t, 1)
	if !strings.Contains(out, "none/error_log: no such file or directory") || !strings.Contains(out, "--log-directory") {
		t.Errorf("got %q", out)
	}
}

func TestBadApplicationGroup(t *testing.T) {
	t.Parallel()
	out := launch{args: []string{"--application-group", "%{NONSENSE}"}}.fail(t, 2)
	if !strings.Contains(out, "--application-group") || !strings.Contains(out, "%{NONSENSE}") {
		t.Errorf("got %q", out)
	}
}

package procgroup

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseErrors(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ name, options, want string }{
		{"", "", "Name of WSGI daemon process not supplied."},
		{"a", "thread=5", `Invalid option to WSGI daemon process definition. there is no option "thread"; did you mean threads?`},
		{"a", "Threads=5", `Invalid option to WSGI daemon process definition. there is no option "Threads"; did you mean threads?`},
		{"a", "proxy-thing=5", `Invalid option to WSGI daemon process definition. there is no option "proxy-thing"`},
		{"a", "threads", `Invalid option to WSGI daemon process definition. "threads" is not of the form name=value`},
		{"a", "=5", `Invalid option to WSGI daemon process definition. "=5" is not of the form name=value`},
		{"a", "script-user=root script-group=root", "Invalid script group for WSGI daemon process. script-group=root: it excludes script-user=root; leave one of them out"},
		{"a", "home=" + dir + "/no", "Invalid home directory for WSGI daemon process. home=" + dir + "/no: stat " + dir + "/no: no such file or directory; create it or name another"},
		{"a", "home=/dev/null", "Invalid home directory for WSGI daemon process. home=/dev/null: /dev/null is not a directory"},
		{"a", "home=/no chroot=" + dir, "Invalid home directory for WSGI daemon process. home=/no: stat " + dir + "/no: no such file or directory; create it or name another"},
		{"a", "chroot=" + dir + "/no", "Invalid chroot directory for WSGI daemon process. chroot=" + dir + "/no: stat " + dir + "/no: no such file or directory; create it or name another"},
	} {
		_, err := Parse(c.name, strings.Fields(c.options))
		if err == nil || err.Error() != c.want {
			t.Errorf("%q %s:\n%v, want\n%s", c.name, c.options, err, c.want)
		}
		if _, ok := errors.AsType[*Error](err); !ok {
			t.Errorf("%q %s: error of type %T", c.name, c.options, err)
		}
	}
	if _, err := Parse("a", []string{"home=" + dir + "/no"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the cause is lost in %v", err)
	}
}

func TestParse(t *testing.T) {
	o, err := Parse("a b", []string{"processes=1", "threads=2", "threads=3", "display-name=%{GROUP} x", "display-name=x %{GROUP}=y"})
	if err != nil {
		t.Fatal(err)
	}
	if o.Name != "a b" || !o.Multiprocess || o.Processes != 1 || o.Threads != 3 || o.Title() != "x (wsgi:a b)=y" {
		t.Errorf("got %+v, title %q", o, o.Title())
	}
	if o := Defaults(); o.Multiprocess || o.Title() != "" {
		t.Errorf("without options: multiprocess %v, title %q", o.Multiprocess, o.Title())
	}
	if o := Defaults(); o.Set("processes", "0") == nil || o.Multiprocess {
		t.Error("a wrong number of processes was taken, or counts as mentioned")
	}
}

func TestStartServer(t *testing.T) {
	want := Defaults()
	want.Threads = 5
	want.StartupTimeout, want.RequestTimeout, want.SocketTimeout, want.DeadlockTimeout = 15*time.Second, 60*time.Second, 60*time.Second, 60*time.Second
	want.QueueTimeout = 45 * time.Second
	if got := StartServer(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// TestFlags holds the rows to what both who parse flags and who print them rely on.
func TestFlags(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range Table() {
		switch {
		case row.Heading == "" || row.Help == "" || row.thing == "" || row.Metavar() == "" || row.Values() == "":
			t.Errorf("row %s is incomplete: %+v", row.Name, row)
		case (row.Default == "") == (row.Without == ""):
			t.Errorf("%s has a default and says what holds without one, or neither", row.Name)
		case seen[row.Name] || seen[row.Flag]:
			t.Errorf("%s is there twice", row.Name)
		case row.Flag != "" && row.Flag != "--"+row.Name && row.Name != "listen-backlog":
			t.Errorf("%s has the flag %s", row.Name, row.Flag)
		}
		seen[row.Name] = true
		seen[row.Flag] = row.Flag != ""
	}
	for _, name := range []string{"--processes", "--daemon-backlog", "--restart-memory", "--response-flush-delay"} {
		if !seen[name] {
			t.Errorf("there is no flag %s", name)
		}
	}
}

func TestTableIsACopy(t *testing.T) {
	Table()[0].Name = "changed"
	if Table()[0].Name == "changed" {
		t.Error("a caller changed the table")
	}
}

func TestWarnings(t *testing.T) {
	for options, want := range map[string][]string{
		"threads=25":               nil,
		"threads=26":               {`threads=26 of process group "a": above 25, threads of one process mostly wait for each other in Python; more processes with fewer threads are faster`},
		"send-buffer-size=512":     {`send-buffer-size=512 of process group "a" has no effect: requests and responses go through shared memory, and not through a socket`},
		"receive-buffer-size=512":  {`receive-buffer-size=512 of process group "a" has no effect: requests and responses go through shared memory, and not through a socket`},
		"receive-buffer-size=0":    nil,
		"response-buffer-size=64K": nil,
		"socket-user=root":         {`socket-user=root of process group "a" has no effect: processes are reached without a socket file`},
	} {
		o, err := Parse("a", []string{options})
		if err != nil {
			t.Fatal(err)
		}
		if got := o.Warnings(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, want %q", options, got, want)
		}
	}
}

// TestJSON sends options in which every field has a value.
func TestJSON(t *testing.T) {
	o := Defaults()
	o.Name = "a"
	for _, e := range edges(t.TempDir()) {
		if err := o.Set(e.name, e.upper); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	var got Options
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(&got, o) {
		t.Errorf("sent %+v\ngot %+v, %v", o, got, err)
	}
	for i, v := 0, reflect.ValueOf(got); i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Errorf("no option sets %s", v.Type().Field(i).Name)
		}
	}
}

func TestMarkdown(t *testing.T) {
	var b strings.Builder
	if err := WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(b.String()) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		rows++
		if n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|"); n != 6 {
			t.Errorf("%d bars, want 6: %s", n, line)
		}
	}
	if rows != len(Table()) {
		t.Errorf("%d rows, want %d", rows, len(Table()))
	}
	for _, want := range []string{
		"\n### Identity\n\n| option | value | default | meaning | start-server |\n|---|---|---|---|---|\n| `user` | NAME: name or #number | the server's | account that the processes run as; never root |  |\n",
		"\n| `threads` | N: 0 to 65533 | 15 | requests that a process runs at a time; 0 makes it a service that runs a script and serves nothing | `--threads`, 5 |\n",
		"\n| `server-metrics` | On\\|Off: On or Off | Off | let mod_wsgi.server_metrics() tell",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("there is no %q in\n%s", want, b.String())
		}
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestMarkdownCannotBeWritten(t *testing.T) {
	if err := WriteMarkdown(brokenWriter{fs.ErrClosed}); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestHomeIsCleaned(t *testing.T) {
	dir := t.TempDir()
	o, err := Parse("a", []string{"home=" + dir + "//x/.."})
	if err != nil || o.Home != filepath.Clean(dir) {
		t.Errorf("got %v, %v", o, err)
	}
}

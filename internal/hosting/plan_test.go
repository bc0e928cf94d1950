package hosting

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/gophersnake/gophersnake/internal/procgroup"
	"github.com/gophersnake/gophersnake/internal/timeout"
)

// group returns one with mod_wsgi's defaults.
func group(name string, change ...func(*procgroup.Options)) procgroup.Options {
	o := procgroup.Defaults()
	o.Name = name
	for _, c := range change {
		c(o)
	}
	return *o
}

// several has two groups and an embedded application.
func several() *Plan {
	return &Plan{
		Groups: []procgroup.Options{group("one"), group("two")},
		Applications: []Application{
			{MountPoint: "/a", Path: "/a.py", ProcessGroup: "one"},
			{MountPoint: "/b", Path: "/b.py", ProcessGroup: "two"},
			{MountPoint: "/c", Path: "/c.py", ProcessGroup: "one"},
			{MountPoint: "/", Path: "/d.py"},
		},
	}
}

func paths(apps []Application) []string {
	var all []string
	for _, a := range apps {
		all = append(all, a.Path)
	}
	return all
}

// TestNumbers: the server and the processes of a group count its applications in
// the same way.
func TestNumbers(t *testing.T) {
	p := several()
	for name, want := range map[string][]string{"one": {"/a.py", "/c.py"}, "two": {"/b.py"}, "": {"/d.py"}, "three": nil} {
		if got := paths(p.In(name)); !reflect.DeepEqual(got, want) {
			t.Errorf("in %q: %v, want %v", name, got, want)
		}
	}
	for i, a := range p.Applications {
		if got := p.In(a.ProcessGroup)[p.Number(i)]; got != a {
			t.Errorf("application %d: its number is that of %v", i, got)
		}
	}
}

func TestOnly(t *testing.T) {
	only := several().Only("one")
	if len(only.Groups) != 1 || only.Groups[0].Name != "one" || !reflect.DeepEqual(paths(only.Applications), []string{"/a.py", "/c.py"}) {
		t.Errorf("got %+v", only)
	}
	if only := several().Only("three"); len(only.Groups)+len(only.Applications) != 0 {
		t.Errorf("a group that is not there: %+v", only)
	}
}

func TestEmbedded(t *testing.T) {
	p := several()
	if !p.Embedded() {
		t.Error("an embedded application is not seen")
	}
	p.Applications = p.Applications[:3]
	if p.Embedded() {
		t.Error("there is none")
	}
}

func TestTimes(t *testing.T) {
	times := func(graceful, shutdown timeout.Limit) func(*procgroup.Options) {
		return func(o *procgroup.Options) { o.GracefulTimeout, o.ShutdownTimeout = graceful, shutdown }
	}
	for _, c := range []struct {
		groups             []procgroup.Options
		graceful, shutdown timeout.Limit
	}{
		{nil, 0, 0},
		{[]procgroup.Options{group("a", times(7, 3))}, 7, 3},
		{[]procgroup.Options{group("a", times(7, 3)), group("b", times(1, 9))}, 7, 9},
		{[]procgroup.Options{group("a", times(7, 3)), group("b", times(0, 9))}, timeout.None, 9},
		{[]procgroup.Options{group("a", times(0, 3)), group("b", times(0, 0))}, 0, 0},
	} {
		p := &Plan{Groups: c.groups}
		if p.Graceful() != c.graceful || p.Shutdown() != c.shutdown {
			t.Errorf("%d groups: %v and %v, want %v and %v", len(c.groups), p.Graceful(), p.Shutdown(), c.graceful, c.shutdown)
		}
	}
}

// TestJSON: a plan is the same in another process.
func TestJSON(t *testing.T) {
	umask := uint32(0o27)
	p := several()
	p.Groups[0] = group("one", func(o *procgroup.Options) {
		o.User, o.Umask, o.PythonPath, o.SupplementaryGroups = "nobody", &umask, []string{"/x"}, []string{"#4"}
		o.MemoryLimit, o.SwitchInterval = 1<<40, 0.25
	})
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var got Plan
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&got, p) {
		t.Errorf("got %+v, want %+v", got, *p)
	}
}

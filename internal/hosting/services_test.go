package hosting

import (
	"reflect"
	"strings"
	"testing"

	"github.com/gophersnake/gophersnake/internal/procgroup"
)

// withService has a group that serves and one that runs a script.
func withService(change func(*Plan)) *Plan {
	p := &Plan{
		Applications: []Application{{MountPoint: "/", Path: "/app.py", ProcessGroup: "web"}},
		Groups:       []procgroup.Options{group("web"), group("clock", func(o *procgroup.Options) { o.Threads = 0 })},
		Services:     []Service{{ProcessGroup: "clock", Path: "/clock.py"}},
	}
	if change != nil {
		change(p)
	}
	return p
}

func TestServices(t *testing.T) {
	p := withService(nil)
	if err := p.Check(server()); err != nil {
		t.Error(err)
	}
	if got := p.Only("clock"); len(got.Groups) != 1 || !reflect.DeepEqual(got.Services, p.Services) {
		t.Errorf("a process of the service is told %+v", got)
	}
	if got := p.Only("web"); got.Services != nil {
		t.Errorf("a process of another group is told of %+v", got.Services)
	}
}

func TestServicesThatCannotBe(t *testing.T) {
	for want, change := range map[string]func(*Plan){
		`service script /clock.py is to run in process group "clok", and there is none of that name; define it or name another`: func(p *Plan) {
			p.Services[0].ProcessGroup = "clok"
		},
		`service script /clock.py is to run in process group "web", which serves requests; give that threads=0, or name another`: func(p *Plan) {
			p.Services[0].ProcessGroup = "web"
		},
		`the service of process group "clock" has no script; name one`: func(p *Plan) { p.Services[0].Path = "" },
		`process group "clock" has two service scripts, and a process runs one: define a group for each`: func(p *Plan) {
			p.Services = append(p.Services, Service{ProcessGroup: "clock", Path: "/other.py"})
		},
		`Invalid thread count for WSGI daemon process. threads=0: process group "clock" would do nothing; give it threads, or a script to run`: func(p *Plan) {
			p.Services = nil
		},
	} {
		if err := withService(change).Check(server()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
}

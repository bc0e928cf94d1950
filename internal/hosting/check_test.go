package hosting

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/gophersnake/gophersnake/internal/account"
	"github.com/gophersnake/gophersnake/internal/procgroup"
)

// server is an account that the processes of these tests can be.
func server() account.Account {
	a := account.Current()
	if a.UID == 0 {
		a.Name, a.UID, a.GID = "nobody", 65534, 65534
	}
	return a
}

func TestCheckAccepts(t *testing.T) {
	for name, p := range map[string]*Plan{"several": several(), "embedded only": {Applications: []Application{{}}}} {
		if err := p.Check(server()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	with := func(change func(*Plan)) *Plan {
		p := several()
		change(p)
		return p
	}
	for want, p := range map[string]*Plan{
		`Name of WSGI daemon process not supplied.`: with(func(p *Plan) {
			p.Groups = append(p.Groups, group(""))
		}),
		`Name duplicates previous WSGI daemon definition. two process groups are called "one"; rename one of them`: with(func(p *Plan) {
			p.Groups = append(p.Groups, group("one"))
		}),
		`No WSGI daemon process called 'tow' has been configured. /b.py is to run in it; did you mean "two"?`: with(func(p *Plan) {
			p.Applications[1].ProcessGroup = "tow"
		}),
		`No WSGI daemon process called 'different' has been configured. the application without a script is to run in it; define the group or name another`: with(func(p *Plan) {
			p.Applications[1] = Application{ProcessGroup: "different"}
		}),
		`Invalid thread count for WSGI daemon process. threads=0: process group "two" would serve no request, and /b.py is mounted at "/b"`: with(func(p *Plan) {
			p.Groups[1].Threads = 0
		}),
		`process group "two": Invalid home directory for WSGI daemon process. home=/does/not/exist`: with(func(p *Plan) {
			p.Groups[1].Home = "/does/not/exist"
		}),
		`process group "one": bad user name no-such-account.`: with(func(p *Plan) {
			p.Groups[0].User = "no-such-account"
		}),
	} {
		err := p.Check(server())
		var kind *procgroup.Error
		if err == nil || !strings.Contains(err.Error(), want) || !errors.As(err, &kind) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestCheckRefusesNothing(t *testing.T) {
	p := several()
	p.Applications = nil
	if err := p.Check(server()); !errors.Is(err, errNothing) {
		t.Errorf("got %v", err)
	}
}

func TestCheckRefusesRoot(t *testing.T) {
	p := several()
	p.Groups[1].User = "#0"
	err := p.Check(server())
	if err == nil || !strings.Contains(err.Error(), `process group "two": WSGI process blocked from running as root.`) {
		t.Errorf("got %v", err)
	}
}

// TestCheckFindsAll: who has made two mistakes sees both.
func TestCheckFindsAll(t *testing.T) {
	p := several()
	p.Groups[0].Home = os.DevNull
	p.Applications[1].ProcessGroup = "nowhere"
	err := p.Check(server())
	if err == nil || !strings.Contains(err.Error(), os.DevNull) || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("got %v", err)
	}
}

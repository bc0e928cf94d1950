package procgroup

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/account"
	"github.com/gophersnake/gophersnake/internal/confine"
	"github.com/gophersnake/gophersnake/internal/timeout"
)

// accounts of the tests: who starts the program, and whose the server is.
func root() account.Account { return account.Account{Name: "root"} }
func daemon() account.Account {
	return account.Account{Name: "daemon", UID: 1, GID: 1, Groups: []uint32{1, 12}, Home: "/usr/sbin"}
}
func me() account.Account {
	return account.Account{Name: "me", UID: 4321, GID: 4321, Groups: []uint32{10, 4321}}
}

func TestIdentity(t *testing.T) {
	for _, c := range []struct {
		name, options string
		now, server   account.Account
		want          string // of the account, or part of the error
		gid           uint32
		groups        []uint32
	}{
		{"as the server", "", root(), daemon(), "daemon", 1, []uint32{1, 12}},
		{"a user", "user=www-data", root(), daemon(), "www-data", 33, []uint32{33}},
		{"a number", "user=#65534", root(), daemon(), "nobody", 65534, []uint32{65534}},
		{"a group takes the place of the user's", "group=www-data", root(), daemon(), "daemon", 33, []uint32{12}},
		{"user and group", "user=nobody group=#33", root(), daemon(), "nobody", 33, nil},
		{"supplementary groups", "supplementary-groups=www-data,#65534", root(), daemon(), "daemon", 1, []uint32{33, 65534}},
		{"the server is root", "", root(), root(), "WSGI process blocked from running as root. user=root: applications are not run as root", 0, nil},
		{"me", "", me(), me(), "me", 4321, []uint32{10, 4321}},
		{"me as another", "user=nobody", me(), me(), "Invalid user for WSGI daemon process. user=nobody: only root can change its account, and this is me", 0, nil},
		{"me in another group", "group=www-data", me(), me(), "Invalid group for WSGI daemon process. group=www-data: only root", 0, nil},
		{"my groups are not mine", "supplementary-groups=www-data", me(), me(), "Invalid supplementary groups for WSGI daemon process. supplementary-groups=www-data: only root", 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := Parse("a", strings.Fields(c.options))
			if err != nil {
				t.Fatal(err)
			}
			a, err := o.identity(c.now, c.server)
			if err != nil {
				if !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %s", err, c.want)
				}
				return
			}
			if a.Name != c.want || a.GID != c.gid || len(a.Groups) != len(c.groups) || len(a.Groups) > 0 && !reflect.DeepEqual(a.Groups, c.groups) {
				t.Errorf("got %+v, want %s, %d, %v", a, c.want, c.gid, c.groups)
			}
		})
	}
}

// TestIdentityGone is about names that were there when the options were read.
func TestIdentityGone(t *testing.T) {
	for _, o := range []*Options{{User: "gone-at-all"}, {Group: "gone-at-all"}, {SupplementaryGroups: []string{"gone-at-all"}}} {
		_, err := o.identity(root(), daemon())
		if e, ok := errors.AsType[*Error](err); !ok || !strings.HasPrefix(e.Text, "bad ") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestSupplementaryGroupsThatIHave(t *testing.T) {
	member := account.Account{Name: "me", UID: 4321, GID: 33, Groups: []uint32{65534}}
	o := &Options{SupplementaryGroups: []string{"nogroup", "www-data"}}
	if _, err := o.identity(member, member); err != nil {
		t.Error(err)
	}
}

func TestPlan(t *testing.T) {
	o, err := Parse("a", strings.Fields("user=www-data chroot=/ home=/tmp umask=027 lang=C locale=C.UTF-8 python-eggs=/eggs display-name=%{GROUP} "+
		"cpu-priority=5 cpu-time-limit=60 shutdown-timeout=7 memory-limit=1G virtual-memory-limit=2G"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := o.plan(root(), daemon())
	if err != nil {
		t.Fatal(err)
	}
	if got.Account == nil || got.Account.Name != "www-data" {
		t.Errorf("account %+v", got.Account)
	}
	got.Account = nil
	want := confine.Plan{DisplayName: "(wsgi:a)", Priority: 5, Chroot: "/", Directory: "/tmp", Umask: new(uint32(0o27)),
		Environment: map[string]string{"LANG": "C", "LC_ALL": "C.UTF-8", "PYTHON_EGG_CACHE": "/eggs"}, Writable: []string{"/eggs"},
		CPUTime: time.Minute, CPUGrace: timeout.Limit(7 * time.Second), Data: 1 << 30, AddressSpace: 2 << 30}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// TestCPUGrace: the end may take shutdown-timeout, also without a limit.
func TestCPUGrace(t *testing.T) {
	for option, want := range map[string]time.Duration{"shutdown-timeout=7": 68 * time.Second, "shutdown-timeout=0": 0} {
		o, err := Parse("a", []string{"cpu-time-limit=60", option})
		if err != nil {
			t.Fatal(err)
		}
		plan, err := o.plan(me(), me())
		if err != nil || plan.CPUGrace != o.ShutdownTimeout || plan.CPUKill() != want || o.CPUKill() != want {
			t.Errorf("%s: %+v, %v; killed at %v, want %v", option, plan, err, o.CPUKill(), want)
		}
	}
}

// TestDefaultHome is about row 8 of the reference.
func TestDefaultHome(t *testing.T) {
	homeless := Defaults()
	for _, c := range []struct {
		name    string
		options string
		server  account.Account
		want    string
	}{
		{"given", "user=www-data home=/tmp", daemon(), "/tmp"},
		{"another user", "user=www-data", daemon(), "/var/www"},
		{"the server's user", "", daemon(), ""},
		{"the server's user by name", "user=daemon", daemon(), ""},
	} {
		o, err := Parse("a", strings.Fields(c.options))
		if err != nil {
			t.Fatal(err)
		}
		if plan, err := o.plan(root(), c.server); err != nil || plan.Directory != c.want {
			t.Errorf("%s: %q, %v; want %q", c.name, plan.Directory, err, c.want)
		}
	}
	if _, err := homeless.directory(account.Account{Name: "x", UID: 9}, daemon()); err == nil || !strings.Contains(err.Error(), "name a directory with home=") {
		t.Errorf("an account without a home: %v", err)
	}
}

func TestChrootTakesRoot(t *testing.T) {
	o, err := Parse("a", []string{"chroot=/"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.plan(me(), me()); err == nil || !strings.Contains(err.Error(), "chroot=/: only root can") {
		t.Errorf("got %v", err)
	}
}

func TestPlanForThisProcess(t *testing.T) {
	server := account.Account{Name: "www-data", UID: 33, GID: 33}
	if now := account.Current(); now.UID != 0 {
		server = now
	}
	plan, err := Defaults().Plan(server)
	if err != nil || plan.Account.UID != server.UID || plan.Umask != nil || plan.DisplayName != "" {
		t.Errorf("got %+v, %v", plan, err)
	}
}

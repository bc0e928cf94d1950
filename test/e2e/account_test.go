package e2e

import (
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// statusField returns the values of a line of /proc/PID/status.
func (p *process) statusField(name string) []string {
	p.t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid()) + "/status")
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.Fields(value)
		}
	}
	p.t.Fatalf("no %s in %s", name, text)
	return nil
}

// checkAccount wants every thread of a server to have these rights, for good.
func (p *process) checkAccount(uid, gid string) {
	p.t.Helper()
	for field, want := range map[string]string{"Uid": uid, "Gid": gid} {
		for _, got := range p.statusField(field) { // real, effective, saved, file system
			if got != want {
				p.t.Errorf("%s %v, want %s", field, p.statusField(field), want)
			}
		}
	}
	tasks, err := filepath.Glob("/proc/" + strconv.Itoa(p.pid()) + "/task/*/status")
	if err != nil || len(tasks) < 2 {
		p.t.Fatalf("threads %v, %v", tasks, err)
	}
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue // it has ended
		}
		if !regexp.MustCompile(`(?m)^Uid:\s+` + uid + `\s`).Match(text) {
			p.t.Errorf("%s: %s", task, text)
		}
	}
}

func TestAccount(t *testing.T) {
	t.Parallel()
	p := serve(t)
	p.expect("/", 200, "Hello World!\n")
	notice := `\[core:notice\] .*started as root: running as www-data; choose another account with --user`
	if !isRoot() {
		self, err := user.Current()
		if err != nil {
			t.Fatal(err)
		}
		p.checkAccount(self.Uid, self.Gid)
		p.stdout.await(t, "^Running As +: "+self.Username+"$")
		p.stop()
		if p.stderr.count(notice) != 0 {
			t.Errorf("stderr:\n%s", p.stderr)
		}
		return
	}
	www, err := user.Lookup("www-data")
	if err != nil {
		t.Fatal(err)
	}
	p.checkAccount(www.Uid, www.Gid)
	if groups := p.statusField("Groups"); len(groups) != 1 || groups[0] != www.Gid {
		t.Errorf("Groups %v", groups)
	}
	if caps := p.statusField("CapEff"); caps[0] != "0000000000000000" {
		t.Errorf("CapEff %v", caps)
	}
	p.stop() // so that all of stderr is there
	if notices := p.stderr.count(notice); notices != 1 {
		t.Errorf("%d notices in stderr:\n%s", notices, p.stderr)
	}
}

func TestUserAndGroup(t *testing.T) {
	t.Parallel()
	self, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	name := "nobody"
	if self.Username == name {
		name = "daemon"
	}
	other, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	dir := appDir(t)
	if !isRoot() {
		out := launch{dir: dir, args: []string{"--user", name, "app.py"}}.fail(t, 1)
		if !strings.Contains(out, "only root can change its account") {
			t.Errorf("got %q", out)
		}
		return
	}
	p := launch{dir: dir, args: []string{"--user", name, "--group", "www-data", "app.py"}}.start(t)
	www, err := user.LookupGroup("www-data")
	if err != nil {
		t.Fatal(err)
	}
	p.checkAccount(other.Uid, www.Gid)
	p.stop()
	if strings.Contains(p.stderr.String(), "started as root") {
		t.Errorf("a notice about a choice that was made:\n%s", p.stderr)
	}
}

func TestRefusedAccounts(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"root":            "applications are not run as root: name another account with --user",
		"0":               "applications are not run as root",
		"no-such-account": `look up account "no-such-account"`,
	} {
		out := launch{args: []string{"--user", name}}.fail(t, 1)
		if !strings.Contains(out, want) {
			t.Errorf("--user %s: %q", name, out)
		}
	}
	out := launch{args: []string{"--group", "no-such-group"}}.fail(t, 1)
	if !strings.Contains(out, `look up group "no-such-group"`) {
		t.Errorf("got %q", out)
	}
}

// A script that the account cannot read: the path element that refuses is named
// before anything is served.
func TestUnreadableScript(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		closed string
		rights string
	}{
		"directory": {"closed", "search"},
		"file":      {"closed/deep/wsgi.py", "read"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := tempDir(t)
			path := write(t, dir, "closed/deep/wsgi.py", helloScript)
			element := filepath.Join(dir, c.closed)
			if err := os.Chmod(element, 0); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Chmod(element, 0o755) }) // for the removal
			out := launch{dir: dir, args: []string{path}}.fail(t, 1)
			want := `read script: \S+ may not ` + c.rights + ` ` + regexp.QuoteMeta(element) + ` \(owner \w+:\w+, mode [d-]---------\).*; open it for that account or choose another with --user`
			if !regexp.MustCompile(want).MatchString(out) {
				t.Errorf("got %q, want %s", out, want)
			}
		})
	}
}

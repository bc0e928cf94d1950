package wsgi

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/python"
)

// owned is a host whose scripts have to belong to somebody.
type owned struct {
	embedded
	owner *python.Owner
}

func (o owned) app(script string) gateway.App {
	return o.rt.app(python.Script{Path: script, Callable: "application", Reloading: true, Owner: o.owner})
}

// runOwner refuses scripts that others may have written (script-user,
// script-group).
func runOwner(t *testing.T) {
	rt := startPython(t)
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	me := &python.Owner{Name: "me", ID: uid}
	us := &python.Owner{Name: "us", ID: gid, Group: true}
	for _, c := range []struct {
		name      string
		owner     *python.Owner
		file, dir os.FileMode
		want      string // of the log; "": the script runs
	}{
		{"anyone", nil, 0o666, 0o777, ""},
		{"mine", me, 0o644, 0o755, ""},
		{"mine, and nobody can read it", me, 0o400, 0o700, ""},
		{"not mine", &python.Owner{Name: "alice", ID: uid + 1}, 0o644, 0o755,
			fmt.Sprintf(`WSGI script '%%s' is not run: '%%s' belongs to user .*%d.* and has the mode 0644, and script-user=alice wants it to belong to %d and nobody else to be able to write it. To allow it: chown 'alice' '%%s'$`, uid, uid+1)},
		{"my group can write it", me, 0o664, 0o755, `has the mode 0664, .* To allow it: chmod go-w '%s'$`},
		{"everybody can write it", me, 0o646, 0o755, `To allow it: chmod go-w '%s'$`},
		{"the directory", me, 0o644, 0o775, `'.*/dir' belongs to .* mode 0775, .* To allow it: chmod go-w '.*/dir'$`},
		{"ours", us, 0o664, 0o775, ""},
		{"not ours", &python.Owner{Name: "staff", ID: gid + 1, Group: true}, 0o644, 0o755,
			fmt.Sprintf(`and script-group=staff wants it to belong to %d .* To allow it: chgrp 'staff' '%%s'$`, gid+1)},
		{"everybody can write ours", us, 0o666, 0o775, `To allow it: chmod o-w '%s'$`},
		{"the directory of ours", us, 0o664, 0o777, `To allow it: chmod o-w '.*/dir'$`},
	} {
		for _, h := range rt.hosts() {
			t.Run(c.name+"/"+h.name(), func(t *testing.T) {
				script := ownedScript(t, c.file, c.dir)
				address := serve(t, rt, owned{h, c.owner}, script)
				testOwner(t, rt, address, script, c.want)
			})
		}
	}
	t.Run("link", func(t *testing.T) { testOwnerOfLink(t, rt, me) })
	rt.close(t)
}

// ownedScript writes an application with these modes.
func ownedScript(t *testing.T, file, dir os.FileMode) string {
	t.Helper()
	script := filepath.Join(t.TempDir(), "dir", "app.py")
	if err := os.Mkdir(filepath.Dir(script), 0o755); err != nil {
		t.Fatal(err)
	}
	const text = "def application(e, s):\n    s('200 OK', [])\n    return [b'it ran']\n"
	if err := os.WriteFile(script, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{script: file, filepath.Dir(script): dir} {
		if err := os.Chmod(name, mode); err != nil { // whatever the umask is
			t.Fatal(err)
		}
	}
	return script
}

// testOwner asks for a script twice, and once more when it was repaired as the log
// says.
func testOwner(t *testing.T, rt *runtime, address, script, want string) {
	mark := rt.log.mark()
	if want == "" {
		if r := get(t, address, "/"); r.StatusCode != 200 || text(t, r) != "it ran" {
			t.Errorf("%s; the log:\n%s", r.Status, show(rt.log.since(mark)))
		}
		return
	}
	pattern := regexp.MustCompile(`%s`).ReplaceAllString(want, regexp.QuoteMeta(script))
	for range 2 {
		if r := get(t, address, "/"); r.StatusCode != 403 || regexp.MustCompile(`it ran|app\.py`).MatchString(text(t, r)) {
			t.Errorf("%s, want 403", r.Status)
		}
	}
	refused := expectation{text: pattern, level: logs.Error, re: regexp.MustCompile(pattern)}
	rt.log.expect(t, mark, []expectation{refused})
}

// testOwnerOfLink: the directory counts in which the script really is, and the
// next request runs it when it was repaired.
func testOwnerOfLink(t *testing.T, rt *runtime, me *python.Owner) {
	script := ownedScript(t, 0o644, 0o777)
	link := filepath.Join(filepath.Dir(ownedScript(t, 0o644, 0o755)), "link.py")
	if err := os.Symlink(script, link); err != nil {
		t.Fatal(err)
	}
	mark := rt.log.mark()
	address := serve(t, rt, owned{rt.hosts()[0], me}, link)
	if r := get(t, address, "/"); r.StatusCode != 403 {
		t.Errorf("%s, want 403", r.Status)
	}
	pattern := "WSGI script '" + regexp.QuoteMeta(link) + "' is not run: '" + regexp.QuoteMeta(filepath.Dir(script)) + "' belongs to"
	rt.log.expect(t, mark, []expectation{{text: pattern, level: logs.Error, re: regexp.MustCompile(pattern)}})
	if err := os.Chmod(filepath.Dir(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if r := get(t, address, "/"); r.StatusCode != 200 || text(t, r) != "it ran" {
		t.Errorf("after the repair: %s; the log:\n%s", r.Status, show(rt.log.since(mark)))
	}
}

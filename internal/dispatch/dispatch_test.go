package dispatch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gophersnake/gophersnake/test/nobody"
)

// tree makes files below a new directory; a name that ends with a slash is a
// directory.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		full := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(full, 0o755); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(full, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func mustNew(t *testing.T, o Options) *Table {
	t.Helper()
	table, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

type want struct {
	path string
	Target
}

func check(t *testing.T, table *Table, wants []want) {
	t.Helper()
	for _, w := range wants {
		if got := table.Resolve(w.path); got != w.Target {
			t.Errorf("%s: got %v %+v, want %v %+v", w.path, got.Kind, got, w.Kind, w.Target)
		}
	}
}

func TestMountPoint(t *testing.T) {
	root := []want{
		{"/", Target{PathInfo: "/"}},
		{"/a/b", Target{PathInfo: "/a/b"}},
	}
	check(t, &Table{}, root)
	check(t, mustNew(t, Options{MountPoints: []string{"/"}}), root)
	for _, mount := range []string{"/app", "app", "/app/", "//app"} {
		check(t, mustNew(t, Options{MountPoints: []string{mount}}), []want{
			{"/app", Target{ScriptName: "/app"}},
			{"/app/", Target{ScriptName: "/app", PathInfo: "/"}},
			{"/app/x/y", Target{ScriptName: "/app", PathInfo: "/x/y"}},
			{"/apple", Target{Kind: NotFound}},
			{"/", Target{Kind: NotFound}},
			{"/App", Target{Kind: NotFound}},
		})
	}
}

// TestSeveralMountPoints: the first that covers a path counts, also before a
// longer one.
func TestSeveralMountPoints(t *testing.T) {
	check(t, mustNew(t, Options{MountPoints: []string{"/a/b", "/a", "c/", "/c/d"}}), []want{
		{"/a/b", Target{Application: 0, ScriptName: "/a/b"}},
		{"/a/b/x", Target{Application: 0, ScriptName: "/a/b", PathInfo: "/x"}},
		{"/a/bc", Target{Application: 1, ScriptName: "/a", PathInfo: "/bc"}},
		{"/a", Target{Application: 1, ScriptName: "/a"}},
		{"/c/d", Target{Application: 2, ScriptName: "/c", PathInfo: "/d"}},
		{"/d", Target{Kind: NotFound}},
		{"/", Target{Kind: NotFound}},
	})
	check(t, mustNew(t, Options{MountPoints: []string{"/a", "/"}}), []want{
		{"/a/x", Target{Application: 0, ScriptName: "/a", PathInfo: "/x"}},
		{"/b", Target{Application: 1, PathInfo: "/b"}},
	})
}

func TestAliases(t *testing.T) {
	dir := tree(t, "static/a.css", "static/sub/b.css", "static/empty/", "robots.txt", "deep/c.js")
	in := func(name string) string { return filepath.Join(dir, name) }
	table := mustNew(t, Options{MountPoints: []string{"/"}, Aliases: []Alias{
		{"/static", in("static")},
		{"/static/deep", in("deep")},
		{"/robots.txt", in("robots.txt")},
		{"/slash/", in("static")},
		{"/missing", in("missing")},
	}})
	check(t, table, []want{
		{"/static", Target{Kind: Redirect}},
		{"/static/", Target{Kind: Forbidden}},
		{"/static/a.css", Target{Kind: File, File: in("static/a.css")}},
		{"/static/a.css/", Target{Kind: NotFound}},
		{"/static/a.css/x", Target{Kind: NotFound}},
		{"/static/sub", Target{Kind: Redirect}},
		{"/static/sub/", Target{Kind: Forbidden}},
		{"/static/sub/b.css", Target{Kind: File, File: in("static/sub/b.css")}},
		{"/static/none", Target{Kind: NotFound}},
		{"/static/deep/c.js", Target{Kind: File, File: in("deep/c.js")}},
		{"/staticx", Target{PathInfo: "/staticx"}},
		{"/robots.txt", Target{Kind: File, File: in("robots.txt")}},
		{"/robots.txt/", Target{Kind: NotFound}},
		{"/robots.txt/x", Target{Kind: NotFound}},
		{"/slash", Target{PathInfo: "/slash"}},
		{"/slash/", Target{Kind: Forbidden}},
		{"/slash/a.css", Target{Kind: File, File: in("static/a.css")}},
		{"/missing", Target{Kind: NotFound}},
		{"/missing/x", Target{Kind: NotFound}},
		{"/other", Target{PathInfo: "/other"}},
	})
}

// An alias target that does not exist is a directory that may come later.
func TestAliasOfDirectoryMadeLater(t *testing.T) {
	dir := tree(t)
	table := mustNew(t, Options{Aliases: []Alias{{"/media", filepath.Join(dir, "media")}}})
	check(t, table, []want{{"/media/x", Target{Kind: NotFound}}})
	file := filepath.Join(dir, "media/x")
	if err := os.Mkdir(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	check(t, table, []want{{"/media/x", Target{Kind: File, File: file}}})
}

func TestAliasOfWholeSite(t *testing.T) {
	dir := tree(t, "x")
	check(t, mustNew(t, Options{Aliases: []Alias{{"/", dir}}}), []want{
		{"/", Target{Kind: Forbidden}},
		{"/x", Target{Kind: File, File: filepath.Join(dir, "x")}},
		{"/y", Target{Kind: NotFound}},
	})
	check(t, mustNew(t, Options{Aliases: []Alias{{"/", filepath.Join(dir, "x")}}}), []want{
		{"/", Target{Kind: File, File: filepath.Join(dir, "x")}},
		{"/y", Target{Kind: NotFound}},
	})
}

func TestAliasErrors(t *testing.T) {
	for _, aliases := range [][]Alias{
		{{"/a", ""}},
		{{"/a", "/x"}, {"/a", "/y"}},
		{{"/a", "/x"}, {"a", "/y"}},
	} {
		if _, err := New(Options{Aliases: aliases}); err == nil {
			t.Errorf("%v accepted", aliases)
		}
	}
}

func TestDocumentRoot(t *testing.T) {
	dir := tree(t, "favicon.ico", "sub/page.html", "app/inside.txt")
	in := func(name string) string { return filepath.Join(dir, name) }
	check(t, mustNew(t, Options{MountPoints: []string{"/app"}, DocumentRoot: dir}), []want{
		{"/favicon.ico", Target{Kind: File, File: in("favicon.ico")}},
		{"/sub/page.html", Target{Kind: File, File: in("sub/page.html")}},
		{"/app/inside.txt", Target{Kind: File, File: in("app/inside.txt")}},
		{"/app/other", Target{ScriptName: "/app", PathInfo: "/other"}},
		{"/app", Target{ScriptName: "/app"}},
		{"/sub", Target{Kind: NotFound}},
		{"/favicon.ico/", Target{Kind: NotFound}},
	})
	check(t, mustNew(t, Options{DocumentRoot: dir}), []want{
		{"/", Target{PathInfo: "/"}},
		{"/sub", Target{PathInfo: "/sub"}},
		{"/sub/", Target{PathInfo: "/sub/"}},
		{"/favicon.ico/x", Target{PathInfo: "/favicon.ico/x"}},
	})
}

func TestUnreadableDirectory(t *testing.T) {
	if nobody.Again(t) {
		return
	}
	dir := tree(t, "closed/x")
	if err := os.Chmod(filepath.Join(dir, "closed"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "closed"), 0o755) })
	check(t, mustNew(t, Options{Aliases: []Alias{{"/s", dir}}}), []want{{"/s/closed/x", Target{Kind: Forbidden}}})
}

func TestSpecialFilesAreNotServed(t *testing.T) {
	check(t, mustNew(t, Options{Aliases: []Alias{{"/dev", "/dev"}}, DocumentRoot: "/dev"}), []want{
		{"/dev/null", Target{Kind: Forbidden}},
		{"/null", Target{PathInfo: "/null"}},
	})
}

func TestClean(t *testing.T) {
	for _, c := range []struct {
		in, want string
		ok       bool
	}{
		{"/", "/", true},
		{"/a/b", "/a/b", true},
		{"/a/b/", "/a/b/", true},
		{"//a///b//", "/a/b/", true},
		{"/a//", "/a/", true},
		{"/a/./b", "/a/b", true},
		{"/a/.", "/a/", true},
		{"/a/../b", "/b", true},
		{"/a/..", "/", true},
		{"/a/b/../..", "/", true},
		{"/a/...", "/a/...", true},
		{"/.hidden/..x", "/.hidden/..x", true},
		{"/a.b", "/a.b", true},
		{"/..", "", false},
		{"/../etc/passwd", "", false},
		{"/a/../../etc/passwd", "", false},
		{"/a/..//../etc", "", false},
		{"/a\x00b", "", false},
		{"", "", false},
		{"a", "", false},
	} {
		if got, ok := Clean(c.in); got != c.want || ok != c.ok {
			t.Errorf("%q: got %q, %v; want %q, %v", c.in, got, ok, c.want, c.ok)
		}
	}
}

func TestHidesParent(t *testing.T) {
	for _, c := range []struct {
		sent, path string
		want       bool
	}{
		{"/a%2fb", "/a/b", false},
		{"/a/../b", "/a/../b", false},
		{"/a/%2e%2e/b", "/a/../b", false},
		{"/a%2f...", "/a/...", false},
		{"/a%2f..b", "/a/..b", false},
		{"/a%2f../b", "/a/../b", true},
		{"/a%2F..%2Fb", "/a/../b", true},
		{"/a/..%2fb", "/a/../b", true},
		{"/a%2f%2e%2e", "/a/..", true},
		{"/a%2f.%2e/b", "/a/../b", true},
		{"/a%2fb/../c", "/a/b/../c", true}, // who sees a component a%2fb goes back from that
	} {
		if got := HidesParent(c.sent, c.path); got != c.want {
			t.Errorf("%q: got %v", c.sent, got)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"/", "/a/../b", "//x/./y/..", "/..", "/a//"} {
		f.Add(s)
	}
	dir := filepath.Clean(f.TempDir())
	f.Fuzz(func(t *testing.T, path string) {
		clean, ok := Clean(path)
		if !ok {
			return
		}
		if again, ok := Clean(clean); !ok || again != clean {
			t.Errorf("%q became %q, then %q", path, clean, again)
		}
		if full := filepath.Join(dir, clean); full != dir && !strings.HasPrefix(full, dir+"/") {
			t.Errorf("%q leads to %q", path, full)
		}
	})
}

func TestKindText(t *testing.T) {
	for k, want := range map[Kind]string{App: "app", File: "file", Redirect: "redirect", Forbidden: "forbidden", NotFound: "not found", Exhausted: "exhausted", Failed: "failed", 9: "kind 9"} {
		if k.String() != want {
			t.Errorf("got %q, want %q", k, want)
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	table, err := New(Options{Aliases: []Alias{{"/static", b.TempDir()}, {"/media", b.TempDir()}}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		path, _ := Clean("/some/path/of/the/application")
		table.Resolve(path)
	}
}

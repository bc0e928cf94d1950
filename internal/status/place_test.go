package status

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/gophersnake/gophersnake/test/nobody"
)

func TestDirs(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(dir, "open")
	if err := errors.Join(os.Mkdir(open, 0o700), os.Chmod(open, 0o777)); err != nil {
		t.Fatal(err)
	}
	own := "/t/gophersnake-1000"
	for _, c := range []struct {
		name    string
		uid     int
		runtime string
		want    []string
	}{
		{"root", 0, dir, []string{"/r/gophersnake"}},
		{"no session", 1000, "", []string{own}},
		{"a session that is gone", 1000, dir + "/no", []string{own}},
		{"relative", 1000, "x", []string{own}},
		{"open to others", 1000, open, []string{own}},
	} {
		if got := (places{c.uid, c.runtime, "/r", "/t"}).dirs(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if uid := os.Geteuid(); uid != 0 {
		return
	}
	if err := os.Chown(dir, 1000, 1000); err != nil {
		t.Fatal(err)
	}
	want := []string{dir + "/gophersnake", own}
	if got := (places{1000, dir, "/r", "/t"}).dirs(); !reflect.DeepEqual(got, want) {
		t.Errorf("a session: %q, want %q", got, want)
	}
	if got := (places{1001, dir, "/r", "/t"}).dirs(); len(got) != 1 {
		t.Errorf("the session of someone else: %q", got)
	}
}

func TestDefaultPath(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "")
	if got := DefaultPath(8000); filepath.Base(got) != "8000.sock" || !strings.Contains(got, "/gophersnake") {
		t.Errorf("got %s", got)
	}
}

// TestDirOfAnother is what someone prepares in /tmp for the server of another.
func TestDirOfAnother(t *testing.T) {
	const stranger = 54321
	dir := t.TempDir()
	err := makeDir(dir, stranger)
	if os.Geteuid() == 0 {
		if err != nil {
			t.Errorf("a directory of root is refused: %v", err)
		}
		if err := os.Chown(dir, stranger, stranger); err != nil {
			t.Fatal(err)
		}
		err = makeDir(dir, 0)
	}
	if err == nil || !strings.Contains(err.Error(), dir+" belongs to another account") {
		t.Errorf("got %v", err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if err := makeDir(link, os.Geteuid()); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("a link: %v", err)
	}
	dangling := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Join(dir, "no"), dangling); err != nil {
		t.Fatal(err)
	}
	if err := makeDir(dangling, os.Geteuid()); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("a dangling link: %v", err)
	}
}

func TestList(t *testing.T) {
	base := t.TempDir()
	p := places{os.Geteuid(), "", base, base}
	dir := p.dirs()[0]
	if got, err := p.list(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("without a directory: %v, %v", got, err)
	}
	serve(t, filepath.Join(dir, "9000.sock"), nil)
	serve(t, filepath.Join(dir, "8000.sock"), nil)
	dead := serve(t, filepath.Join(dir, "7000.sock"), nil)
	if err := errors.Join(os.Link(dead.path, filepath.Join(dir, "7001.sock")), os.WriteFile(filepath.Join(dir, "6000.sock"), nil, 0o600), dead.stop()); err != nil {
		t.Fatal(err)
	}
	got, err := p.list(t.Context())
	if err != nil || len(got) != 2 || got[0].Path != dir+"/8000.sock" || got[1].Path != dir+"/9000.sock" || !reflect.DeepEqual(got[0].Snapshot, example()) {
		t.Errorf("got %+v, %v", got, err)
	}
	mute := serve(t, filepath.Join(dir, "8500.sock"), func(s *Server) {
		s.report = func() Snapshot { return Snapshot{Version: strings.Repeat("x", maxAnswer)} }
	})
	if got, err := p.list(t.Context()); err == nil || !strings.Contains(err.Error(), mute.path) || len(got) != 2 {
		t.Errorf("beside one that says too much: %d, %v", len(got), err)
	}
	if err := os.Chmod(dir, 0o722); err != nil {
		t.Fatal(err)
	}
	if got, err := p.list(t.Context()); err == nil || len(got) != 0 {
		t.Errorf("from a directory of anyone: %v, %v", got, err)
	}
}

// TestOthersCannot has a peer without rights at a server of someone else.
func TestOthersCannot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("only root can play two accounts: run this test as root")
	}
	path := filepath.Join(nobody.Dir(t), "s")
	s := serve(t, path, nil)
	t.Setenv(fetchPath, path)
	if out := fetchAsNobody(t); !strings.Contains(out, "permission denied") {
		t.Errorf("the socket lets in: %s", out)
	}
	if err := os.Chmod(path, 0o666); err != nil { // as if the mode were no obstacle
		t.Fatal(err)
	}
	if out := fetchAsNobody(t); !strings.Contains(out, "without an answer; its log says why") {
		t.Errorf("the server answers: %s", out)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(s.messages(), "of account #65534 is refused: only account #0 and root may") {
		t.Errorf("logged %q", s.messages())
	}
}

// fetchPath names the socket that the test's program asks instead of its tests.
const fetchPath = "GOPHERSNAKE_TEST_FETCH"

func TestMain(m *testing.M) {
	path := os.Getenv(fetchPath)
	if path == "" {
		os.Exit(m.Run())
	}
	snapshot, err := Fetch(context.Background(), path)
	os.Stdout.WriteString(snapshot.Version)
	if err != nil {
		os.Stdout.WriteString(err.Error())
	}
}

// fetchAsNobody runs this program as an account without rights, which fetches.
func fetchAsNobody(t *testing.T) string {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	return string(out)
}

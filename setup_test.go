package gophersnake

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// setupFor returns the packages that a purpose needs.
func setupFor(t *testing.T, purpose string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "scripts/setup.sh", "-n", purpose).Output()
	if err != nil {
		t.Fatalf("setup.sh -n %s: %v", purpose, err)
	}
	return strings.Fields(string(out))
}

// TestSetup: each purpose installs what it needs; a demonstration needs no
// browser, no Apache and no load.
func TestSetup(t *testing.T) {
	heavy := []string{"chromium", "wrk", "apache2", "libapache2-mod-wsgi-py3", "curl", "procps", "python3-venv"}
	for purpose, c := range map[string]struct{ with, without []string }{
		"build": {[]string{"gcc", "libc6-dev", "make"}, append(heavy, "libpython3.11")},
		"demo":  {[]string{"gcc", "libc6-dev", "make", "libpython3.11"}, heavy},
		"test":  {[]string{"gcc", "libpython3.11", "python3-venv", "curl", "chromium", "procps"}, []string{"wrk", "apache2"}},
		"bench": {[]string{"gcc", "libpython3.11", "python3-venv", "wrk", "apache2", "libapache2-mod-wsgi-py3"}, []string{"chromium"}},
	} {
		got := setupFor(t, purpose)
		for _, name := range c.with {
			if !slices.Contains(got, name) {
				t.Errorf("%s does not install %s", purpose, name)
			}
		}
		for _, name := range c.without {
			if slices.Contains(got, name) {
				t.Errorf("%s installs %s", purpose, name)
			}
		}
	}
	if err := exec.CommandContext(t.Context(), "scripts/setup.sh", "nothing").Run(); err == nil {
		t.Error("a purpose that does not exist is accepted")
	}
}

// TestTargetsInstall: what a target of the Makefile installs is for its purpose.
func TestTargetsInstall(t *testing.T) {
	for target, purpose := range map[string]string{
		"setup": "test", "demo": "demo", "test": "test", "bench": "bench", "idle": "bench", "asan": "test",
	} {
		out, err := exec.CommandContext(t.Context(), "make", "-n", target).CombinedOutput()
		if err != nil {
			t.Fatalf("make -n %s: %v\n%s", target, err, out)
		}
		var purposes []string
		for line := range strings.Lines(string(out)) {
			if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "scripts/setup.sh "); ok {
				purposes = append(purposes, rest)
			}
		}
		if !slices.Equal(purposes, []string{purpose}) {
			t.Errorf("make %s sets up %q, want %s", target, purposes, purpose)
		}
	}
}

package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestWelcome(t *testing.T) {
	t.Parallel()
	p := launch{}.start(t)
	r := p.get("/some/where?name=%3Cb%3E&x")
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("got %s %v", r.Status, r.Header)
	}
	for _, want := range []string{"<h1><span>Gophersnake</span> works</h1>", "start-server wsgi.py",
		`<th scope="row">PATH_INFO</th><td>/some/where</td>`, `<th scope="row">QUERY_STRING</th><td>name=%3Cb%3E&amp;x</td>`,
		`<th scope="row">HTTP_HOST</th><td>` + p.addr + `</td>`, `wsgi.version`, `mod_wsgi.request_id`} {
		if !strings.Contains(r.body, want) {
			t.Errorf("%q is missing in\n%s", want, r.body)
		}
	}
}

// TestWelcomeInBrowser renders the page with a real browser at two widths. To
// look at the pictures set GOPHERSNAKE_SCREENSHOTS to a directory.
func TestWelcomeInBrowser(t *testing.T) {
	t.Parallel()
	p := launch{}.start(t)
	b := browser{t: t, profile: t.TempDir()}
	dom, messages := b.run("--dump-dom", p.url+"/?name=value")
	for _, want := range []string{"<title>Gophersnake works</title>", "<td>name=value</td>", "HTTP_USER_AGENT", "</html>"} {
		if !strings.Contains(dom, want) {
			t.Errorf("the page lacks %q:\n%s", want, dom)
		}
	}
	if found := regexp.MustCompile(`.*:CONSOLE.*`).FindString(messages); found != "" {
		t.Errorf("the browser complains: %s", found)
	}
	dir := t.TempDir()
	if chosen := os.Getenv("GOPHERSNAKE_SCREENSHOTS"); chosen != "" {
		dir = chosen
	}
	for name, size := range map[string]string{"wide": "1280,1500", "narrow": "390,1600"} {
		picture := filepath.Join(dir, name+".png")
		b.run("--hide-scrollbars", "--window-size="+size, "--screenshot="+picture, p.url+"/?name=value")
		if info, err := os.Stat(picture); err != nil || info.Size() < 10000 {
			t.Errorf("screenshot %s: %v", picture, err)
		}
	}
}

// browser is a headless Chromium.
type browser struct {
	t       *testing.T
	profile string
}

func (b browser) run(args ...string) (stdout, stderr string) {
	b.t.Helper()
	cmd := exec.CommandContext(b.t.Context(), "chromium", append([]string{"--headless", "--no-sandbox", "--disable-gpu",
		"--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--enable-logging=stderr", "--user-data-dir=" + b.profile}, args...)...)
	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		b.t.Fatalf("%v; `make setup` installs it", err)
	}
	if err != nil {
		b.t.Fatalf("chromium: %v\n%s", err, messages.String())
	}
	return out.String(), messages.String()
}

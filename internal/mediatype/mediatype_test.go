package mediatype

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// webTypes is what browsers expect of what the web uses.
var webTypes = map[string]string{
	"index.html":       "text/html; charset=utf-8",
	"a.css":            "text/css; charset=utf-8",
	"a.js":             "text/javascript; charset=utf-8",
	"a.mjs":            "text/javascript; charset=utf-8",
	"a.js.map":         "application/json",
	"a.json":           "application/json",
	"site.webmanifest": "application/manifest+json",
	"a.wasm":           "application/wasm",
	"a.svg":            "image/svg+xml",
	"a.png":            "image/png",
	"a.jpg":            "image/jpeg",
	"a.webp":           "image/webp",
	"a.avif":           "image/avif",
	"favicon.ico":      "image/vnd.microsoft.icon",
	"a.woff":           "font/woff",
	"a.woff2":          "font/woff2",
	"a.ttf":            "font/ttf",
	"a.txt":            "text/plain; charset=utf-8",
	"a.xml":            "application/xml",
	"a.pdf":            "application/pdf",
	"a.mp3":            "audio/mpeg",
	"a.m4a":            "audio/mp4",
	"a.weba":           "audio/webm",
	"a.ogg":            "audio/ogg",
	"a.wav":            "audio/wav",
	"a.webm":           "video/webm",
	"a.mp4":            "video/mp4",
	"a.m4v":            "video/mp4",
	"a.ogv":            "video/ogg",
	"a.mov":            "video/quicktime",
	"a.3gp":            "video/3gpp",
	"a.ts":             "video/mp2t",
	"a.m3u8":           "application/vnd.apple.mpegurl",
	"a.mpd":            "application/dash+xml",
	"a.vtt":            "text/vtt; charset=utf-8",
	"a.zip":            "application/zip",
	"a.gz":             "application/gzip",
}

func TestKnown(t *testing.T) {
	table := New()
	for name, want := range webTypes {
		if got := table.Type(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		if got := table.Type(strings.ToUpper(name)); got != want {
			t.Errorf("%s: got %q, want %q", strings.ToUpper(name), got, want)
		}
	}
	for _, name := range []string{"", "noext", "a.", "a.none", ".", "css", "a.css/"} {
		if got := table.Type(name); got != "" {
			t.Errorf("%q: got %q", name, got)
		}
	}
	for extension, kind := range known {
		if !valid(kind) || extension != strings.ToLower(extension) {
			t.Errorf("%s: %s", extension, kind)
		}
	}
}

func list(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "mime.types")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestLoad(t *testing.T) {
	table, err := Load(list(t, `# a comment
text/x-own		own OWN2	# another
application/none
text/css
audio/webm		webm weba
text/vnd.trolltech.linguist	ts
video/x-new	mp4
Text/X-Later	own
application/x-other	woff
no-type	css
te xt/plain	css
/sub	css
text/	css
text/a;b	css
`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"a.own":  "Text/X-Later; charset=utf-8",
		"a.own2": "text/x-own; charset=utf-8",
		"a.webm": "video/webm", // a film is never made a sound
		"a.weba": "audio/webm",
		"a.ts":   "video/mp2t",
		"a.mp4":  "video/x-new",
		"a.woff": "application/x-other",
		"a.css":  "text/css; charset=utf-8",
		"a.html": "text/html; charset=utf-8",
	} {
		if got := table.Type(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if got := New().Type("a.own"); got != "" {
		t.Errorf("the table of New has changed: %q", got)
	}
}

// Whatever is wrong with the list, there are types.
func TestLoadErrors(t *testing.T) {
	table, err := Load(filepath.Join(t.TempDir(), "none"))
	if !errors.Is(err, fs.ErrNotExist) || table.Type("a.css") == "" {
		t.Errorf("no file: %v", err)
	}
	name := list(t, "text/x-own own\n"+strings.Repeat("a", 1<<20))
	table, err = Load(name)
	if err == nil || !strings.Contains(err.Error(), name) || table.Type("a.css") == "" || table.Type("a.own") != "" {
		t.Errorf("long line: %v", err)
	}
	if table, err = Load(t.TempDir()); err == nil || table.Type("a.css") == "" {
		t.Errorf("directory: %v", err)
	}
}

func BenchmarkType(b *testing.B) {
	table := New()
	b.ReportAllocs()
	for b.Loop() {
		if table.Type("style.css") == "" {
			b.Fatal("no type")
		}
	}
}

package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// curl runs the real one and returns its output, and what -v shows.
func curl(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "curl", append([]string{"-sSv", "--max-time", "30", "--expect100-timeout", "30", "--noproxy", "*"}, args...)...)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	if failure := cmd.Run(); failure != nil {
		t.Fatalf("curl %v: %v\n%s", args, failure, err.String())
	}
	return out.String(), strings.ReplaceAll(err.String(), "\r", "")
}

func TestCurl(t *testing.T) {
	t.Parallel()
	dir := appDir(t)
	upload := strings.Repeat("0123456789abcdef", 5<<20/16)
	sum := sha256.Sum256([]byte(upload))
	read := fmt.Sprintf("%d %s\n", len(upload), hex.EncodeToString(sum[:]))
	path := write(t, dir, "static/upload.bin", upload)
	p := launch{dir: dir, args: []string{"--url-alias", "/static", "static", "--chunked-request", "app.py"}}.start(t)
	static := p.url + "/static/" + filepath.Base(path)
	for _, c := range []struct {
		name         string
		args         []string
		want, showed string
	}{
		{"HTTP/1.1", []string{p.url}, "Hello World!\n", "\n< HTTP/1.1 200 OK\n"},
		{"HTTP/1.0", []string{"--http1.0", p.url}, "Hello World!\n", "\n< HTTP/1.0 200 OK\n"},
		{"HTTP/2", []string{"--http2-prior-knowledge", p.url}, "Hello World!\n", "\n< HTTP/2 200 \n"},
		{"two requests on one connection", []string{p.url, p.url}, "Hello World!\nHello World!\n", "Re-using existing connection"},
		{"HEAD", []string{"-I", p.url}, "", "\n< Content-Length: 13\n"},
		{"HEAD of a file", []string{"-I", static}, "", "\n< Content-Length: 5242880\n"},
		{"HEAD in HTTP/2", []string{"-I", "--http2-prior-knowledge", p.url}, "", "\n< content-length: 13\n"},
		{"range", []string{"-r", "16-25", static}, "0123456789", "\n< Content-Range: bytes 16-25/5242880\n"},
		{"range from the end", []string{"-r", "-6", static}, "abcdef", "\n< HTTP/1.1 206 Partial Content\n"},
		{"upload", []string{"-H", "Expect: 100-continue", "--data-binary", "@" + path, p.url + "/read"}, read, "\n< HTTP/1.1 100 Continue\n"},
		{"upload without asking", []string{"-H", "Expect:", "--data-binary", "@" + path, p.url + "/read"}, read, "\n< HTTP/1.1 200 OK\n"},
		{"upload in chunks", []string{"-H", "Transfer-Encoding: chunked", "--data-binary", "@" + path, p.url + "/read"}, read, "\n< HTTP/1.1 200 OK\n"},
		{"upload in HTTP/2", []string{"--http2-prior-knowledge", "--data-binary", "@" + path, p.url + "/read"}, read, "\n< HTTP/2 200 \n"},
		{"upload nobody reads", []string{"-H", "Expect: 100-continue", "--data-binary", "@" + path, p.url}, "Hello World!\n", "\n< HTTP/1.1 200 OK\n"},
		{"stream", []string{p.url + "/stream?2"}, strings.Repeat("0\n", 1000) + strings.Repeat("1\n", 1000), "\n< HTTP/1.1 200 OK\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, showed := curl(t, c.args...)
			if strings.HasPrefix(c.name, "HEAD") {
				out = "" // the head, which -v shows as well
			}
			if out != c.want || !strings.Contains(showed, c.showed) {
				t.Errorf("got %q of %d bytes, want %q of %d, and %q in\n%s", out[:min(len(out), 100)], len(out), c.want[:min(len(c.want), 100)], len(c.want), c.showed, showed)
			}
		})
	}
	if out, _ := curl(t, static); out != upload {
		t.Errorf("the file came with %d bytes", len(out))
	}
}

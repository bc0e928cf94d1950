package pyhome

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

//go:embed probe.py
var probeScript string

const (
	probeMark    = "gophersnake-probe:"
	probeTimeout = 10 * time.Second
	// maxProbeOutput bounds what is kept of an interpreter's output.
	maxProbeOutput = 64 << 10
)

// answer is what probe.py prints.
type answer struct {
	Version        [3]int            `json:"version"`
	Implementation string            `json:"implementation"`
	Prefix         string            `json:"prefix"`
	BasePrefix     string            `json:"base_prefix"`
	Executable     string            `json:"executable"`
	Stdlib         string            `json:"stdlib"`
	ABIFlags       string            `json:"abiflags"`
	Config         map[string]string `json:"config"`
	Mapped         []string          `json:"mapped"` // files named libpython* in its address space
}

// probe runs an interpreter once. Its flags are understood by every Python
// since 2.7; -S is not among them, because without the site module a virtual
// environment calls itself by its base prefix (until 3.13). The interpreter and
// what it started are killed after the timeout.
func probe(ctx context.Context, executable string, timeout time.Duration) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var stdout, stderr bounded
	cmd := exec.CommandContext(ctx, executable, "-E", "-s", "-B", "-c", probeScript)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, fmt.Errorf("no answer within %v%s", timeout, lastLines(stderr.String()))
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("%w%s", err, lastLines(stderr.String()))
	}
	return parseAnswer(stdout.String())
}

// parseAnswer finds the answer among what site hooks may have printed.
func parseAnswer(output string) (*answer, error) {
	at := strings.LastIndex(output, probeMark)
	if at < 0 {
		return nil, fmt.Errorf("it does not run Python code: it printed %q", shorten(output))
	}
	var a answer
	text := output[at+len(probeMark):]
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&a); err != nil {
		return nil, fmt.Errorf("read its answer %q: %w", shorten(text), err)
	}
	return &a, nil
}

// lastLines returns the end of what a program complained, on one line, behind
// a colon.
func lastLines(stderr string) string {
	lines := strings.FieldsFunc(stderr, func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) > 3 {
		lines = lines[len(lines)-3:]
	}
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	if len(lines) == 0 {
		return ""
	}
	return ": " + shorten(strings.Join(lines, " | "))
}

func shorten(s string) string {
	const limit = 300
	if s = strings.TrimSpace(s); len(s) > limit {
		return s[:limit] + "..."
	}
	return s
}

// bounded keeps the last bytes written to it.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	n := len(p)
	if excess := b.Len() + n - maxProbeOutput; excess > 0 {
		b.Next(min(excess, b.Len()))
		p = p[max(0, n-maxProbeOutput):]
	}
	b.Buffer.Write(p)
	return n, nil
}

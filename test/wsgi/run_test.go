package wsgi

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// clients is how many run a case at the same time.
const clients = 16

// runCases runs every case that is for this variant and host.
func runCases(t *testing.T, rt *runtime, h host, variant string) {
	for _, c := range loadCases(t) {
		if c.wanted(rt, h, variant) {
			t.Run(c.name, func(t *testing.T) { c.run(t, rt, h) })
		}
	}
}

func (c *testCase) wanted(rt *runtime, h host, variant string) bool {
	v := fmt.Sprintf("%d.%02d", rt.home.Version.Major, rt.home.Version.Minor)
	if since, ok := c.tags["since"]; ok && v < padded(since) {
		return false
	}
	if before, ok := c.tags["before"]; ok && v >= padded(before) {
		return false
	}
	if group, ok := c.tags["group"]; ok && (group == "main") != (h.group() == "") {
		return false
	}
	if mode, ok := c.tags["mode"]; ok && (mode == daemonMode) != (rt.daemon != nil) {
		return false
	}
	return c.tags["variant"] == variant || c.tags["variant"] == "" && variant != "restricted" && variant != "signals"
}

// padded makes "3.9" comparable with "3.12".
func padded(version string) string {
	major, minor, _ := strings.Cut(version, ".")
	return fmt.Sprintf("%s.%02s", major, minor)
}

// session is one client going through a case.
type session struct {
	t       testing.TB
	rt      *runtime
	address string
	script  string
	mtime   time.Time
	mark    int
	alone   bool // the log and the files are this client's
	client  *client
}

func (c *testCase) run(t *testing.T, rt *runtime, h host) {
	script := filepath.Join(t.TempDir(), cmp.Or(c.tags["script"], "app.py"))
	s := &session{t: t, rt: rt, script: script, mark: rt.log.mark(), alone: true, mtime: time.Now().Add(-time.Hour)}
	if _, ok := c.tags["importable"]; ok {
		h = importable{h, rt}
	}
	if name, ok := c.tags["module"]; ok {
		h = inModule{h, rt, name}
		addPath(t, rt, h, filepath.Dir(script))
	}
	s.address = serve(t, rt, h, script)
	s.play(c)
	if t.Failed() {
		t.Logf("the log:\n%s", show(rt.log.since(0)[s.mark:]))
	}
	if _, alone := c.tags["alone"]; alone || c.changes() || t.Failed() {
		return
	}
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			one := &session{t: t, rt: rt, script: script, address: s.address}
			one.play(c)
		})
	}
	all.Wait()
}

// play takes the steps of c. A failure ends it.
func (s *session) play(c *testCase) {
	defer s.hangUp()
	checked := false
	for i := range c.steps {
		if err := s.take(&c.steps[i]); err != nil {
			s.t.Errorf("step %d, %s: %v", i+1, c.steps[i].verb, err)
			return
		}
		checked = checked || c.steps[i].verb == "log"
	}
	if s.alone && !checked {
		s.rt.log.expect(s.t, s.mark, nil)
	}
}

func (s *session) take(p *step) error {
	switch p.verb {
	case "file", "remove", "mkdir":
		if s.alone {
			return s.change(p)
		}
		return nil
	case "request", "send":
		return s.send(p)
	case "response":
		return s.receive(p)
	case "log":
		if s.alone {
			s.rt.log.expect(s.t, s.mark, p.log)
			s.mark = s.rt.log.mark()
		}
		return nil
	case "nolog":
		for _, r := range s.rt.log.since(s.mark) {
			for _, e := range p.log {
				if s.alone && e.matches(&r) {
					return fmt.Errorf("%q matches %q", e.text, r.Message)
				}
			}
		}
		return nil
	}
	return fmt.Errorf("unknown step %q", p.verb)
}

func (s *session) change(p *step) error {
	path := filepath.Join(filepath.Dir(s.script), filepath.FromSlash(p.name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	switch p.verb {
	case "remove":
		return os.RemoveAll(path)
	case "mkdir":
		return os.Mkdir(path, 0o755)
	}
	if err := os.WriteFile(path, []byte(p.text), 0o644); err != nil {
		return err
	}
	step := time.Second
	if p.has("older") {
		step = -time.Minute
	}
	if p.has("same") {
		step = 0
	}
	s.mtime = s.mtime.Add(step)
	return os.Chtimes(path, s.mtime, s.mtime)
}

func (s *session) send(p *step) error {
	text, err := expand(p.text, s.script)
	if err != nil {
		return err
	}
	if p.has("new") {
		s.hangUp()
	}
	if s.client == nil {
		if s.client, err = dial(s.address); err != nil {
			return err
		}
	}
	text = strings.TrimSuffix(text, "\n")
	if p.verb == "request" {
		err = s.client.request(text)
	} else {
		err = s.client.write(text)
	}
	switch {
	case err != nil:
		return err
	case p.has("half"):
		return s.client.closeWrite()
	case p.has("abort"):
		s.hangUp()
	}
	return nil
}

func (s *session) receive(p *step) error {
	if s.client == nil {
		return fmt.Errorf("no request was sent")
	}
	got, err := s.client.response()
	if err != nil {
		return err
	}
	want, err := parseResponse(p, s.script)
	if err != nil {
		return err
	}
	if got.last {
		s.hangUp()
	}
	return want.compare(got)
}

func (s *session) hangUp() {
	if s.client != nil {
		s.client.conn.Close()
		s.client = nil
	}
}

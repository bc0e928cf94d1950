package cli

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/gophersnake/gophersnake/internal/control"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/python"
	"github.com/gophersnake/gophersnake/internal/watch"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// unloaded is the scripts that this process could not load, and the files that
// may let another attempt succeed. The zero value knows of none. Its methods are
// safe for concurrent use.
type unloaded struct {
	mu     sync.Mutex
	order  []string // of scripts, as they failed
	failed map[string]python.NotLoaded
	kept   []string // files that a replacement of this process depends on
	role   *role    // of a daemon that has said that it is ready
	begin  func()   // begins to watch the files; nil if they are watched
}

// note is told of each attempt that has failed.
func (u *unloaded) note(n python.NotLoaded) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.failed == nil {
		u.failed = map[string]python.NotLoaded{}
	}
	if _, again := u.failed[n.Script]; !again {
		u.order = append(u.order, n.Script)
	}
	u.failed[n.Script] = n
	if u.role == nil {
		return
	}
	if err := u.role.in.Control().Send(wire.Unloaded, toldOf(n)); err != nil {
		u.role.log(logs.Debug, "tell of a script: %v", err) // the end of the parent is noticed elsewhere
	}
	u.beginLocked()
}

// Bounds of what is told: of an exception, and of the whole as JSON, in bytes. The
// next attempt comes even if a file is not in the list.
const (
	maxReason = 1 << 10
	maxTold   = control.MaxPayload * 3 / 4
)

// toldOf is what the parent is told.
func toldOf(n python.NotLoaded) *wire.NotLoaded {
	told := &wire.NotLoaded{Script: n.Script, Reason: strings.ReplaceAll(n.Reason[:min(len(n.Reason), maxReason)], "\x00", " "), Files: n.Files}
	for len(told.Files) > 0 {
		if text, err := json.Marshal(told); err == nil && len(text) <= maxTold {
			break
		}
		told.Files = told.Files[:len(told.Files)/2]
	}
	return told
}

// first returns the first script that has failed, or nil.
func (u *unloaded) first() *wire.NotLoaded {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.order) == 0 {
		return nil
	}
	return toldOf(u.failed[u.order[0]])
}

// files lists what may let an attempt succeed when it changes.
func (u *unloaded) files() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	files := slices.Clone(u.kept)
	for n := range maps.Values(u.failed) {
		files = append(files, n.Files...)
	}
	return files
}

// watch adds files that a replacement of this process depends on.
func (u *unloaded) watch(files []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(files) == 0 {
		return
	}
	u.kept = files
	u.beginLocked()
}

// report has the parent told of scripts that fail from now on, and of files that
// change, until stop is called. It is called once.
func (u *unloaded) report(r *role) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	u.mu.Lock()
	defer u.mu.Unlock()
	u.role = r
	u.begin = func() { go u.follow(ctx) } // ends with stop
	if len(u.order) > 0 {
		u.beginLocked()
	}
	return cancel
}

func (u *unloaded) beginLocked() {
	if u.begin != nil {
		u.begin()
		u.begin = nil
	}
}

// follow tells the parent of files that have changed since it has looked first. What
// changed between the attempt and that look is found by the next attempt: files that
// the application writes each time that it is loaded must not make it for ever.
func (u *unloaded) follow(ctx context.Context) {
	u.mu.Lock()
	r := u.role
	u.mu.Unlock()
	w := &watch.Watcher{Files: u.files}
	for change := w.Wait(ctx); change != nil; change = w.Wait(ctx) {
		r.changed(change.Name)
	}
}

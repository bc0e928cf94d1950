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
	mu      sync.Mutex
	order   []string // of scripts, as they failed
	failed  map[string]python.NotLoaded
	stamps  map[string]watch.Stamp // by file: as they were after the last attempt
	changed bool                   // one of them has, so that they are known no more
	role    *role                  // of a daemon that has said that it is ready
	begin   func()                 // begins to watch the files; nil if they are watched
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
	u.addLocked(n.Stamps)
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
	told := &wire.NotLoaded{Script: n.Script, Reason: strings.ReplaceAll(n.Reason[:min(len(n.Reason), maxReason)], "\x00", " "), Stamps: n.Stamps}
	for len(told.Stamps) > 0 {
		if text, err := json.Marshal(told); err == nil && len(text) <= maxTold {
			break
		}
		told.Stamps = told.Stamps[:len(told.Stamps)/2]
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
	return slices.Collect(maps.Keys(u.stamps))
}

// known returns what a file was when the attempt to load it was over.
func (u *unloaded) known(name string) (watch.Stamp, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	s, ok := u.stamps[name]
	return s, ok && !u.changed
}

// watch has the files watched that a replacement of this process depends on.
func (u *unloaded) watch(stamps []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(stamps) > 0 {
		u.addLocked(stamps)
		u.beginLocked()
	}
}

// addLocked adds files as they were after an attempt.
func (u *unloaded) addLocked(stamps []string) {
	if u.stamps == nil {
		u.stamps = map[string]watch.Stamp{}
	}
	for _, text := range stamps {
		if name, s, ok := watch.ParseStamp(text); ok {
			u.stamps[name] = s
		}
	}
	u.changed = false
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

// follow tells the parent of files that have changed since an attempt was over, not of
// what the application writes each time that it is loaded.
func (u *unloaded) follow(ctx context.Context) {
	u.mu.Lock()
	r := u.role
	u.mu.Unlock()
	w := &watch.Watcher{Files: u.files, Known: u.known}
	for change := w.Wait(ctx); change != nil; change = w.Wait(ctx) {
		u.mu.Lock()
		u.changed = true
		u.mu.Unlock()
		r.changed(change.Name)
	}
}

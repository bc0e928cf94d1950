// Package watch finds out that source files have changed. It knows files and
// their times, and nothing of what is in them.
package watch

import (
	"context"
	"os"
	"time"
)

// stamp is what changes when a file does.
type stamp struct {
	modified time.Time
	size     int64
	exists   bool
}

func stampOf(name string) stamp {
	info, err := os.Stat(name)
	if err != nil {
		return stamp{}
	}
	return stamp{modified: info.ModTime(), size: info.Size(), exists: true}
}

// Watcher looks at files again and again.
type Watcher struct {
	// Files returns the files to look at; called before each look, so that
	// the set may grow.
	Files func() []string
	// Interval is the time between two looks; 0 stands for a second.
	Interval time.Duration
}

// Wait blocks until one of the files has changed, appeared or gone since it
// was first seen, and returns its name; "" when ctx ends first.
func (w *Watcher) Wait(ctx context.Context) string {
	interval := w.Interval
	if interval == 0 {
		interval = time.Second
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	seen := make(map[string]stamp)
	for {
		if changed := w.look(seen); changed != "" {
			return changed
		}
		select {
		case <-ctx.Done():
			return ""
		case <-tick.C:
		}
	}
}

// look compares each file with what was seen of it.
func (w *Watcher) look(seen map[string]stamp) string {
	for _, name := range w.Files() {
		now := stampOf(name)
		before, known := seen[name]
		if known && before != now {
			return name
		}
		seen[name] = now
	}
	return ""
}

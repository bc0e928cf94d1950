// Package watch finds out that source files have changed. It knows files and
// their times, and nothing of what is in them.
package watch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"time"
)

// granularity is how far a file's time may lag behind the clock.
const granularity = 10 * time.Millisecond

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

// digestOf returns a digest of what a file holds, also of one that cannot be
// read.
func digestOf(name string) string {
	text, err := os.ReadFile(name)
	if err != nil {
		text = nil // it will be seen to have gone, or to be there again
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Watcher looks at files again and again.
type Watcher struct {
	// Files returns the files to look at; called before each look, so that
	// the set may grow.
	Files func() []string
	// Interval is the time between two looks; 0 stands for a second.
	Interval time.Duration
	// Loading is when the files of the first look began to be read. A file
	// modified after it, or for a later look after the one before, may have
	// changed after it was read, and so counts as changed when it is first
	// seen. The zero time turns that off.
	Loading time.Time
	// Read holds digests of files: one that still has its digest was read as
	// it is, whenever it was modified. So an application may write a file each
	// time before it reads it.
	Read map[string]string
}

// Change is a file that is not what it was when it was read.
type Change struct {
	Name string
	// Digest is what it is now, for Read of the next Watcher, if it was
	// modified before it was first seen; otherwise "".
	Digest string
}

// Wait blocks until one of the files has changed, appeared or gone, and returns
// it; nil when ctx ends first.
func (w *Watcher) Wait(ctx context.Context) *Change {
	interval := w.Interval
	if interval == 0 {
		interval = time.Second
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	seen := make(map[string]stamp)
	for loaded := w.Loading; ; {
		now := time.Now()
		if changed := w.look(seen, loaded); changed != nil {
			return changed
		}
		if !loaded.IsZero() {
			loaded = now.Add(-granularity)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look compares each file with what was seen of it; files not seen before have
// been read after loaded.
func (w *Watcher) look(seen map[string]stamp, loaded time.Time) *Change {
	for _, name := range w.Files() {
		now := stampOf(name)
		before, known := seen[name]
		switch {
		case known && before != now:
			return &Change{Name: name}
		case !known && !loaded.IsZero() && now.modified.After(loaded):
			if digest := digestOf(name); digest != w.Read[name] {
				return &Change{Name: name, Digest: digest}
			}
		}
		seen[name] = now
	}
	return nil
}

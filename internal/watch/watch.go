// Package watch finds out that source files have changed. It knows files and
// their times, and nothing of what is in them.
package watch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"time"
)

// granularity is how far a file's time may lag behind the clock.
const granularity = 10 * time.Millisecond

// Stamp is what changes when a file does: the time of its last change in nanoseconds
// since 1970, and its size. A file that does not exist has the time 0 and the size -1.
type Stamp struct{ Modified, Size int64 }

func stampOf(name string) Stamp {
	info, err := os.Stat(name)
	if err != nil {
		return Stamp{0, -1}
	}
	return Stamp{Modified: info.ModTime().UnixNano(), Size: info.Size()}
}

// ParseStamp reads a Stamp and the name of its file: "MODIFIED SIZE NAME".
func ParseStamp(text string) (name string, s Stamp, ok bool) {
	first, rest, _ := strings.Cut(text, " ")
	second, name, _ := strings.Cut(rest, " ")
	modified, err1 := strconv.ParseInt(first, 10, 64)
	size, err2 := strconv.ParseInt(second, 10, 64)
	return name, Stamp{modified, size}, err1 == nil && err2 == nil && name != ""
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
	// Known tells what a file was when it was read; consulted when it is first seen,
	// in place of Loading. nil: nothing is known.
	Known func(name string) (s Stamp, ok bool)
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
	seen := make(map[string]Stamp)
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
func (w *Watcher) look(seen map[string]Stamp, loaded time.Time) *Change {
	for _, name := range w.Files() {
		now := stampOf(name)
		before, known := seen[name]
		if !known && w.Known != nil {
			before, known = w.Known(name)
		}
		switch {
		case known && before != now:
			return &Change{Name: name}
		case !known && !loaded.IsZero() && now.Modified > loaded.UnixNano():
			if digest := digestOf(name); digest != w.Read[name] {
				return &Change{Name: name, Digest: digest}
			}
		}
		seen[name] = now
	}
	return nil
}

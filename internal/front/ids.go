package front

import (
	"crypto/rand"
	"strconv"
	"strings"
	"sync/atomic"
)

// ids makes texts that are unique while the process runs, and most likely
// beyond it.
type ids struct {
	prefix string
	last   atomic.Uint64
}

func newPrefix() string { return strings.ToLower(rand.Text()[:8]) + "-" }

func (i *ids) next() string {
	var buf [32]byte
	return string(strconv.AppendUint(append(buf[:0], i.prefix...), i.last.Add(1), 36))
}

package python

/*
#include "pace.h"
*/
import "C"

import (
	"sync/atomic"
	"time"
)

// How many calls one measured call stands for: measuring costs some
// microseconds, which short calls would feel.
const (
	sampleLong  = 32
	sampleShort = 1024
)

// doubtful is how long a call takes at least to cast doubt on the others being
// short.
const doubtful = 100 * time.Microsecond

// gil is one of Python's locks, and how the calls that need it use it. Calls that
// compute so long that the next one would wait for the lock run one after the other,
// and so do short ones, on the same thread as long as there are more of them: neither
// the lock nor what Python has in the processor's cache changes threads. Calls that
// wait, for a database or a client, or that compute without the lock, run side by
// side.
type gil struct {
	running int           // calls that count; guarded by requestThreads.mu
	calls   atomic.Uint32 // since there was reason to measure many
	pace    pace
}

// room reports whether one more of at most most calls may run.
func (g *gil) room(most int) bool {
	switch g.pace.kind() {
	case short, takeTurns:
		most = 1
	}
	return g.running < most
}

// learn takes a measured call into account.
func (g *gil) learn(s C.struct_gs_sample) {
	g.pace.learn(s)
	if time.Duration(s.whole) > doubtful {
		g.calls.Store(0)
	}
}

// sampled reports whether the next call is to be measured.
func (g *gil) sampled() bool {
	n := g.calls.Add(1)
	switch g.pace.kind() {
	case probing:
		return true
	case short:
		return n%sampleShort == 0 || n < sampleShort && n%sampleLong == 0
	default:
		return n%sampleLong == 0
	}
}

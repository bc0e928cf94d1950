package python

/*
#include "pace.h"
*/
import "C"

import (
	"sync/atomic"
	"time"
)

// How calls use the processor and the GIL; see enum gs_pace_kind.
const (
	short     = C.GS_PACE_SHORT
	takeTurns = C.GS_PACE_TURNS
	probing   = C.GS_PACE_PROBE
	apart     = C.GS_PACE_APART
	waits     = C.GS_PACE_WAITS
)

// pace judges calls by those that are measured. Its methods are safe for
// concurrent use; the zero value is ready.
type pace struct {
	c     C.struct_gs_pace
	known atomic.Uint32 // c.kind, for those who only ask
}

func (p *pace) kind() uint32 { return p.known.Load() }

// learn takes a measured call into account. A thread that is a moment late may
// put back what another has found out; the next sample mends that.
func (p *pace) learn(s C.struct_gs_sample) {
	if kind := C.gs_pace_learn(&p.c, &s); kind != p.known.Load() {
		p.known.Store(kind)
	}
}

// keepsProcessor reports whether calls keep one of Go's processors for long
// without taking turns: the runtime takes it back only after milliseconds.
func (p *pace) keepsProcessor() bool {
	kind := p.kind()
	return kind == apart || kind == waits
}

// sample is a call as it is measured: how long it had Python, for how much of
// that it used a processor, and when it ended.
type sample struct{ whole, computed, ended time.Duration }

func (s sample) flat() C.struct_gs_sample {
	return C.struct_gs_sample{
		whole: C.int64_t(s.whole), computed: C.int64_t(s.computed), ended: C.int64_t(s.ended),
	}
}

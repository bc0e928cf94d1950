package python

/*
#include "metrics.h"
*/
import "C"

import "time"

// Vitals are figures of the request threads since they were started.
type Vitals struct {
	Requests uint64        // begun
	GILWait  time.Duration // that all of them waited for Python's lock before they ran
}

// Vitals returns the figures of this moment. It does not wait.
func (f *Feed) Vitals() Vitals {
	var v C.struct_gs_vitals
	C.gs_feed_vitals(&v)
	return Vitals{Requests: uint64(v.requests), GILWait: time.Duration(v.gil_wait)}
}

package python

/*
#include <stdlib.h>
#include "interp.h"
*/
import "C"

import (
	"strings"
	"unsafe"
)

// Loading is what a script does that is being loaded.
type Loading struct {
	Script string // its path, or the name of the module
	// Server is the line of the application that has started a server of its own,
	// which does not return: "/srv/app.py, line 9, `app.run()`,". "" if none has.
	Server string
	Stack  string // of the loading thread, innermost call last
	Repair string // what to do about Server
}

// Loading tells what the script that is being loaded into an application group
// does at this moment; ok is false if none is. It waits for Python's lock.
func (rt *Runtime) Loading(group string) (l Loading, ok bool) {
	rt.mu.Lock()
	in := rt.interps[group]
	rt.mu.Unlock()
	if in == nil {
		return l, false
	}
	var size C.size_t
	text := C.gs_loading(in.c, &size)
	if text == nil {
		return l, false
	}
	defer C.free(unsafe.Pointer(text))
	parts := strings.Split(C.GoStringN(text, C.int(size)), "\x00")
	if len(parts) < 4 {
		return l, false
	}
	return Loading{Script: parts[0], Server: parts[1], Stack: parts[2], Repair: parts[3]}, true
}

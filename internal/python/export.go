package python

/*
#include "io.h"
*/
import "C"

import (
	"errors"
	"io"
	"slices"
	"strings"
	"unsafe"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
)

// The functions below are the gs_io of embedded mode. They are called from C
// without the GIL, on the thread of the request or on one that the application
// started; handles are those of calls.

//export gsGoRead
func gsGoRead(handle C.gs_call, buf *C.char, size C.size_t) C.ssize_t {
	c := calls.at(uintptr(handle))
	c.goOut()
	defer c.goBack()
	p := unsafe.Slice((*byte)(unsafe.Pointer(buf)), int(size))
	for {
		n, err := c.req.Body.Read(p)
		switch {
		case n > 0 || len(p) == 0:
			return C.ssize_t(n)
		case errors.Is(err, io.EOF):
			return 0
		case err != nil:
			return -C.ssize_t(max(1, copy(p, err.Error())))
		}
	}
}

//export gsGoSend
func gsGoSend(handle C.gs_call, data *C.char, size C.size_t) C.int {
	c := calls.at(uintptr(handle))
	c.goOut()
	defer c.goBack()
	c.sending.Lock()
	defer c.sending.Unlock()
	return status(c.send(unsafe.Slice((*byte)(unsafe.Pointer(data)), int(size))))
}

//export gsGoWrite
func gsGoWrite(handle C.gs_call, data *C.char, size C.size_t, flush C.int) C.int {
	c := calls.at(uintptr(handle))
	c.goOut()
	defer c.goBack()
	c.sending.Lock()
	defer c.sending.Unlock()
	if size == 0 {
		if watcher, ok := c.w.(gateway.LeaveWatcher); ok && watcher.Left() {
			return -1
		}
		return 0
	}
	_, err := c.w.Write(unsafe.Slice((*byte)(unsafe.Pointer(data)), int(size)))
	if err == nil && flush != 0 {
		err = c.w.Flush()
	}
	return status(err)
}

//export gsGoSettle
func gsGoSettle(handle C.gs_call) C.int {
	c := calls.at(uintptr(handle))
	c.goOut()
	defer c.goBack()
	return status(<-c.settled)
}

//export gsGoLog
func gsGoLog(handle C.gs_call, level C.int, text *C.char, size C.size_t) {
	rt := running.Load()
	record := logs.Record{
		Level:   logs.Level(level),
		Module:  "wsgi",
		Message: string(unsafe.Slice((*byte)(unsafe.Pointer(text)), int(size))),
	}
	if handle != 0 {
		calls.at(uintptr(handle)).describe(&record)
	}
	rt.opts.Log.Log(record)
}

//export gsNotLoaded
func gsNotLoaded(script *C.char, scriptSize C.size_t, reason *C.char, reasonSize C.size_t, files *C.char, filesSize C.size_t) {
	tell := running.Load().opts.NotLoaded
	if tell == nil {
		return
	}
	text := func(data *C.char, size C.size_t) string {
		return string(unsafe.Slice((*byte)(unsafe.Pointer(data)), int(size)))
	}
	tell(NotLoaded{
		Script: text(script, scriptSize), Reason: text(reason, reasonSize),
		Stamps: slices.Collect(strings.SplitSeq(text(files, filesSize), "\n")),
	})
}

func status(err error) C.int {
	if err != nil {
		return -1
	}
	return 0
}

package python

/*
#include "service.h"
*/
import "C"

// RunService runs the script of a process that serves no requests, in Python's
// main thread, and returns the exit status that the process is to have: when the
// script has come to its end, has raised an exception, or SystemExit, as SIGTERM
// makes it. The Runtime was started with Options.Service, and can be closed
// afterwards: that waits for the threads that the script has started.
func (a *App) RunService() (status int, err error) {
	t, err := a.target("")
	if err != nil {
		return 0, err
	}
	if !a.rt.onMain(func() { status = int(C.gs_service_run(t.c)) }) {
		return 0, ErrClosed
	}
	return status, nil
}

package python

/*
#include "nofile.h"
*/
import "C"

import (
	"os"
	"syscall"
)

// RestoreOpenFiles gives the process the soft limit of open files that it was
// started with. Go raises it for itself; an application that runs here, and what
// it starts, would inherit a limit that nobody has set: select(2) fails beyond
// 1,024, and programs that close all files they could have take long. It is for
// processes that accept no connections. Files beyond the limit stay open.
func RestoreOpenFiles() error {
	if errno := C.gs_nofile_restore(); errno != 0 {
		return os.NewSyscallError("setrlimit", syscall.Errno(errno))
	}
	return nil
}

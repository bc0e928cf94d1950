// Package confine is what a process does to itself before it runs what others
// wrote: its name, account, directories and limits. It knows Linux; it does not
// know where a Plan comes from or what runs afterwards.
package confine

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/gophersnake/gophersnake/internal/account"
	"github.com/gophersnake/gophersnake/internal/timeout"
)

// Plan is what is to be done, in the order of its fields. The zero value
// changes nothing. It can be sent as JSON.
type Plan struct {
	// DisplayName is what ps shows. As much of it is shown as there is memory
	// for arguments: who starts the process makes room with a long argv[0].
	DisplayName string
	Priority    int              // nice value of all threads; 0 leaves it
	Chroot      string           // new root directory; "" for none
	Account     *account.Account // whom to become; nil for nobody else
	Directory   string           // current directory, inside Chroot; "" stays
	Umask       *uint32          // nil leaves it
	// Environment is added to that of the process.
	Environment map[string]string
	Writable    []string // directories that the account must be able to write in
	// CPUTime is the processor time, in seconds, after which the kernel sends
	// SIGXCPU; it kills the process CPUGrace and a second later. 0 for no limit.
	CPUTime time.Duration
	// CPUGrace without a limit leaves the hard limit as it is.
	CPUGrace timeout.Limit
	Data     int64 // bytes of private writable memory (RLIMIT_DATA); 0 for no limit
	// AddressSpace is RLIMIT_AS in bytes; 0 for no limit. It counts all that is
	// mapped, also what Go's runtime has reserved and does not use.
	AddressSpace int64
}

// StepError is a step that failed. Those after it were not tried.
type StepError struct {
	Option string // of WSGIDaemonProcess that asked for it
	Doing  string // verb and object
	Err    error
	Repair string // what the user can do
}

func (e *StepError) Error() string {
	return fmt.Sprintf("%s: %v; %s", e.Doing, e.Err, e.Repair)
}

func (e *StepError) Unwrap() error { return e.Err }

// step does one part of a plan, if the plan asks for it.
type step func(Plan) error

// steps are in the order in which they must be: names are looked up in the old
// root, only root can change root and account, only the account's own rights
// count for directories, and limits could stop what comes before them.
var steps = []step{
	checkRoom,
	setName,
	setPriority,
	changeRoot,
	becomeAccount,
	changeDirectory,
	setUmask,
	setEnvironment,
	checkWritable,
	limitCPUTime,
	limitData,
	limitAddressSpace,
}

// Apply carries a plan out for the whole process and all its threads, those
// that Go makes later included. It is called once, early, while nothing else
// uses os.Args, the environment or the current directory. A signal asked for with
// PR_SET_PDEATHSIG is forgotten by the kernel when the account changes: ask for
// it afterwards. An error is of type *StepError and leaves the process half
// changed: it must end.
func Apply(p Plan) error {
	for _, do := range steps {
		if err := do(p); err != nil {
			return err
		}
	}
	return nil
}

// repair chooses advice by what the system said.
func repair(err error, permission, otherwise string) string {
	if errors.Is(err, fs.ErrPermission) {
		return permission
	}
	return otherwise
}

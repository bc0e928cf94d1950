package pyhome

import "fmt"

// Reason says what is wrong with a Python.
type Reason uint8

// The reasons of an Error.
const (
	NoSuchDirectory   Reason = iota + 1
	NotADirectory            // neither a directory nor an interpreter
	PermissionDenied         // a path element refuses us
	NoInterpreter            // a directory without bin/python3 or bin/python
	DoesNotRun               // the interpreter fails, hangs or says nonsense
	NotCPython               // PyPy, for instance
	TooOld                   // older than Oldest
	TooNew                   // newer than Newest
	FreeThreadedBuild        // built without the GIL
	NoSharedLibrary          // a static build without libpython
	WrongArchitecture        // its library is not for this processor
	NonePresent              // no usable Python on this machine
)

func (r Reason) String() string {
	switch r {
	case NoSuchDirectory:
		return "no such directory"
	case NotADirectory:
		return "not a directory"
	case PermissionDenied:
		return "permission denied"
	case NoInterpreter:
		return "no Python interpreter in it"
	case DoesNotRun:
		return "its interpreter does not run"
	case NotCPython:
		return "not CPython"
	case TooOld:
		return "too old"
	case TooNew:
		return "too new"
	case FreeThreadedBuild:
		return "free-threaded build"
	case NoSharedLibrary:
		return "no shared library"
	case WrongArchitecture:
		return "library for another processor"
	case NonePresent:
		return "no usable Python"
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// Error is why a Python cannot be used. Its text is one line without the
// repair.
type Error struct {
	Home    string // what was asked for; "" with NonePresent
	Reason  Reason
	Version Version // zero if it did not get that far
	Found   string  // what was found there
	Repair  string  // what to do about it
	Err     error   // the cause, or nil
}

func (e *Error) Error() string {
	text := e.Reason.String()
	if e.Home != "" {
		text = "Python in " + e.Home + ": " + text
	}
	if e.Found != "" {
		text += ": " + e.Found
	}
	return text
}

// Unwrap returns the cause, an *AccessError or an error of the system.
func (e *Error) Unwrap() error { return e.Err }

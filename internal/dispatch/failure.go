package dispatch

import (
	"errors"
	"io/fs"
	"syscall"
)

// KindOf says what an error of the file system means for whoever asked for the
// file: NotFound, Forbidden, Exhausted or Failed. Only what surely is not there
// is not found.
func KindOf(err error) Kind {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return Forbidden
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG):
		return NotFound
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ENOMEM):
		return Exhausted
	}
	return Failed
}

// failure is the target of a path at which the system could not look.
func failure(err error) Target {
	t := Target{Kind: KindOf(err)}
	if t.Kind == Exhausted || t.Kind == Failed {
		t.Err = err
	}
	return t
}

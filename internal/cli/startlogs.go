package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/gophersnake/gophersnake/internal/account"
	"github.com/gophersnake/gophersnake/internal/logs"
)

// logFiles are the logs of a server.
type logFiles struct {
	errors    *logs.ErrorLog
	access    *logs.Access // nil for none
	files     []*logs.File // what errors and access write to; none on a terminal
	errorName string       // as the banner shows it
	name      string       // of the access log, likewise; "" for none

	own map[string]*logs.File // error logs of process groups that have one, by name

	bequests []logs.Bequest // of the program that this process was before
}

// openOwn opens the error log of one process group; a new one is made to belong
// to who.
func (l *logFiles) openOwn(group, path string, who account.Account) error {
	f, err := logs.OpenFile(path, ownerOf(who))
	if err != nil {
		return fmt.Errorf("%w; name a file that can be written with --service-log-file", err)
	}
	if l.own == nil {
		l.own = map[string]*logs.File{}
	}
	l.own[group] = f
	return nil
}

// ownerOf is an account as the owner of logs.
func ownerOf(who account.Account) *logs.Owner {
	return &logs.Owner{UID: int(who.UID), GID: int(who.GID)}
}

// inheritedBy is inherited for a process of a group.
func (l *logFiles) inheritedBy(group string, stdout, stderr io.Writer) (files []*os.File, err error) {
	f := l.own[group]
	if f == nil {
		return l.inherited(stdout, stderr)
	}
	duplicate, err := f.Duplicate()
	if err != nil {
		return nil, err
	}
	return []*os.File{duplicate}, nil
}

// all are the files that are open.
func (l *logFiles) all() []*logs.File {
	return slices.AppendSeq(slices.Clone(l.files), maps.Values(l.own))
}

// openLogs opens the logs that o asks for. New files are made to belong to who.
func openLogs(o *StartOptions, who account.Account, stdout, stderr io.Writer) (*logFiles, error) {
	bequests, err := bequestsOfLogs()
	if err != nil {
		return nil, err
	}
	l := &logFiles{errorName: "/dev/stderr", name: "/dev/stdout", bequests: bequests}
	errorTo, accessTo := stderr, stdout
	if o.LogDirectory != "" {
		if errorTo, err = l.open(&l.errorName, o.LogDirectory, "error_log", who); err != nil {
			return nil, err
		}
	}
	l.errors = logs.NewErrorLog(errorTo, o.LogLevel)
	if o.LogDirectory != "" {
		l.errors.ComplainTo(stderr)
	}
	if !o.AccessLog {
		l.name = ""
		return l, nil
	}
	if o.LogDirectory != "" {
		if accessTo, err = l.open(&l.name, o.LogDirectory, "access_log", who); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	l.access = logs.NewAccess(accessTo, o.AccessLogFormat, l.errors)
	return l, nil
}

func (l *logFiles) open(name *string, dir, base string, who account.Account) (io.Writer, error) {
	*name = filepath.Join(dir, base)
	f, err := l.inherit(*name)
	if f == nil && err == nil {
		f, err = logs.OpenFile(*name, ownerOf(who))
	}
	if err != nil {
		return nil, fmt.Errorf("%w; name a directory that can be written with --log-directory", err)
	}
	l.files = append(l.files, f)
	return f, nil
}

// reopen goes on in new files after a log rotation, and reports whether it can
// in all of them. The log says where it cannot.
func (l *logFiles) reopen() bool {
	all := true
	for _, f := range l.all() {
		if err := f.Reopen(); err != nil {
			all = false
			l.errors.Log(logs.Record{Level: logs.Error, Module: "core", Message: err.Error() + repairOfReopen(err)})
		}
	}
	return all
}

// repairOfReopen is what to do about a log that cannot be opened again.
func repairOfReopen(err error) string {
	if !errors.Is(err, fs.ErrPermission) {
		return ""
	}
	who := account.Current().Name
	return fmt.Sprintf("; let %s write in the directory, or have the rotation make the file for %[1]s (\"create\" of logrotate)", who)
}

// inherited returns duplicates of the logs for another process: of the error
// log, and of the access log if there is one. The caller closes them.
func (l *logFiles) inherited(stdout, stderr io.Writer) (files []*os.File, err error) {
	if len(l.files) > 0 {
		for _, f := range l.files {
			duplicate, err := f.Duplicate()
			if err != nil {
				return nil, errors.Join(err, closeFiles(files))
			}
			files = append(files, duplicate)
		}
		return files, nil
	}
	to := []io.Writer{stderr}
	if l.access != nil {
		to = append(to, stdout)
	}
	for _, w := range to {
		duplicate, err := duplicateOf(w)
		if err != nil {
			return nil, errors.Join(err, closeFiles(files))
		}
		files = append(files, duplicate)
	}
	return files, nil
}

// duplicateOf returns the file behind a standard stream.
func duplicateOf(w io.Writer) (*os.File, error) {
	f, ok := w.(*os.File)
	if !ok {
		return nil, fmt.Errorf("hand the terminal to another process: %T is no file; use --embedded-mode", w)
	}
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("duplicate %s: %w", f.Name(), err)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

func closeFiles(files []*os.File) error {
	var errs []error
	for _, f := range files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Close closes the files.
func (l *logFiles) Close() error {
	var errs []error
	for _, f := range l.all() {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

package spawn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gophersnake/gophersnake/internal/control"
)

// Inherited is what a child has got from its parent.
type Inherited struct {
	files    []*os.File
	control  *control.Conn
	settings json.RawMessage
	alive    *os.File
	gone     chan struct{}
	watched  chan struct{} // closed at the end of the goroutine that watches
}

// RoleOf reports whether args, as os.Args, are those of a process that a
// Launcher has started, and its role.
func RoleOf(args []string) (role string, ok bool) {
	if len(args) < 2 || args[1] == "" || args[1][0] != roleMark {
		return "", false
	}
	return args[1][1:], true
}

func validRole(role string) bool {
	return role != "" && strings.Trim(role, "abcdefghijklmnopqrstuvwxyz") == ""
}

// Inherit takes over what the parent has passed; it is called once, before
// anything else is opened or started. It waits for the settings. All
// descriptors are close-on-exec afterwards. The error of a process that was not
// started by a Launcher says so.
func Inherit() (*Inherited, error) {
	for _, fd := range []int{fdControl, fdSettings, fdAlive} {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
			return nil, fmt.Errorf("take over inherited descriptor %d: %w (this role is only for processes that the program starts itself)", fd, err)
		}
	}
	conn, err := control.Open(os.NewFile(fdControl, "control socket"))
	if err != nil {
		return nil, fmt.Errorf("%w (this role is only for processes that the program starts itself)", err)
	}
	in := &Inherited{control: conn, gone: make(chan struct{}), watched: make(chan struct{})}
	if err := errors.Join(in.readSettings(), in.watchParent()); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	showName()
	return in, nil
}

func (in *Inherited) readSettings() error {
	pipe := os.NewFile(fdSettings, "settings")
	defer pipe.Close()
	text, err := io.ReadAll(pipe)
	if err != nil {
		return fmt.Errorf("read settings: %w", err)
	}
	var e envelope[json.RawMessage]
	if err := json.Unmarshal(text, &e); err != nil {
		return fmt.Errorf("read settings: %w", err)
	}
	in.settings = e.Settings
	for fd := fdFiles; fd < fdFiles+e.Files; fd++ {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
			return fmt.Errorf("take over inherited file %d: %w", fd-fdFiles, err)
		}
		in.files = append(in.files, os.NewFile(uintptr(fd), fmt.Sprintf("inherited file %d", fd-fdFiles)))
	}
	return nil
}

// watchParent starts the goroutine that sees the end of the parent.
func (in *Inherited) watchParent() error {
	if err := unix.SetNonblock(fdAlive, true); err != nil {
		return fmt.Errorf("watch parent: %w", err)
	}
	in.alive = os.NewFile(fdAlive, "parent")
	go func() {
		defer close(in.watched)
		if _, err := in.alive.Read(make([]byte, 1)); errors.Is(err, io.EOF) {
			close(in.gone)
		}
	}()
	return nil
}

// showName makes tools that show the short name of a process show the one that
// it was given, and not "exe". Without it nothing is wrong.
func showName() {
	_ = os.WriteFile("/proc/self/comm", []byte(filepath.Base(os.Args[0])), 0)
}

// Settings decodes the settings into v. A field that v does not have is an
// error.
func (in *Inherited) Settings(v any) error {
	d := json.NewDecoder(bytes.NewReader(in.settings))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("decode settings: %w", err)
	}
	return nil
}

// Files are the inherited files, in the order of Options.Files. They belong to
// the caller.
func (in *Inherited) Files() []*os.File { return in.files }

// Control is the connection to the parent. It belongs to the caller.
func (in *Inherited) Control() *control.Conn { return in.control }

// ParentGone is closed when the parent has ended.
func (in *Inherited) ParentGone() <-chan struct{} { return in.gone }

// Close stops to watch the parent. What Files and Control have returned stays
// open.
func (in *Inherited) Close() error {
	err := in.alive.Close()
	<-in.watched
	return err
}

// DieWithParent makes the kernel kill this process when its parent dies. A
// Launcher arranges for it; the kernel forgets it when a process changes its
// user or group, so that one that drops rights calls this afterwards. It holds
// while the calling thread lives: Go keeps its threads, but for those that end
// with a goroutine locked to them.
func DieWithParent() error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("ask to be killed with the parent: %w", err)
	}
	return nil
}

// Package spawn starts this same executable again in another role, and gives
// that process what it needs: settings, inherited files, a control connection,
// and the certainty not to outlive its parent. It knows processes and their
// descriptors; it knows neither what the roles do nor when to start one again.
//
// # The parent's side
//
// A Launcher starts processes and waits for them. The kernel's signal at a
// parent's death (PR_SET_PDEATHSIG) is tied to the thread that has started the
// process, so that a Launcher has a goroutine on a thread of its own for this.
// A Reaper collects orphans that fall to this process as process 1.
//
// # The child's side
//
// RoleOf looks at the arguments, Inherit takes over what the parent has passed.
// The descriptors of a child are
//
//	0      /dev/null
//	1, 2   a pipe: lines that the parent forwards
//	3      control socket
//	4      pipe with the settings, JSON up to its end
//	5      pipe whose end of file says that the parent is gone
//	6...   files, in the order of Options.Files
//
// Nothing but the role is in the arguments, and nothing is in the environment.
package spawn

// Descriptors of a child.
const (
	fdControl = 3 + iota
	fdSettings
	fdAlive
	fdFiles
)

// roleMark begins the first argument of a child. No command begins with it.
const roleMark = '@'

// envelope is what crosses the settings' pipe.
type envelope[T any] struct {
	Files    int // how many are inherited
	Settings T
}

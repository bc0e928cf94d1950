package launch

import (
	"fmt"

	"github.com/gophersnake/gophersnake/bench/procfs"
)

// A Process is one of a server's and what it holds.
type Process struct {
	PID  int
	Role string
	procfs.Usage
}

// Processes looks at the server whose first process is root, and returns all by process id. It is an error when root has
// ended.
func Processes(root int) ([]Process, error) {
	pids, err := procfs.Proc.Tree(root)
	if err != nil {
		return nil, fmt.Errorf("the server has ended: %w", err)
	}
	var all []Process
	for _, pid := range pids {
		all = append(all, Process{pid, Role(procfs.Proc.Command(pid)), procfs.Proc.Usage([]int{pid})})
	}
	return all, nil
}

// Runs reports whether the process still runs in its role.
func (p Process) Runs() bool { return Role(procfs.Proc.Command(p.PID)) == p.Role }

package e2e

import (
	"os"
	"strconv"
	"strings"
)

// descriptors returns how many descriptors a server has open.
func (p *process) descriptors() int {
	p.t.Helper()
	entries, err := os.ReadDir("/proc/" + strconv.Itoa(p.pid()) + "/fd")
	if err != nil {
		p.t.Fatal(err)
	}
	return len(entries)
}

// memory returns its resident size in kilobytes.
func (p *process) memory() int { return p.statusNumber("VmRSS") }

// threads returns how many threads it has.
func (p *process) threads() int { return p.statusNumber("Threads") }

func (p *process) statusNumber(field string) int {
	p.t.Helper()
	n, err := strconv.Atoi(p.statusField(field)[0])
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

// stateOf returns the letter of a process's state, as proc_pid_stat(5) has it, ""
// when there is no such process.
func stateOf(pid int) string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return rest[:1]
}

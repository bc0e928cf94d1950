package confine

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// setName changes what ps shows: the arguments, and the name of the main
// thread, of which the kernel keeps 15 bytes.
func setName(p Plan) error {
	if p.DisplayName == "" {
		return nil
	}
	// a NUL would end the name, a line break spoil the list
	name := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, p.DisplayName)
	overwriteArguments(name)
	main := filepath.Join("/proc/self/task", strconv.Itoa(os.Getpid()), "comm")
	if err := os.WriteFile(main, []byte(name), 0); err != nil {
		return &StepError{"display-name", fmt.Sprintf("name process %q", name), err, "mount /proc or leave display-name out"}
	}
	return nil
}

// overwriteArguments puts name in the place of the arguments, as far as they
// reach. os.Args keeps its value: its strings are copied before.
func overwriteArguments(name string) {
	room := argumentMemory(os.Args)
	for i, arg := range os.Args {
		os.Args[i] = strings.Clone(arg)
	}
	if len(room) == 0 {
		return
	}
	clear(room)
	copy(room, shorten(name, len(room)))
}

// argumentMemory returns the memory of the arguments: that of the first and of
// those that follow it without a gap, as the kernel lays them out. It is without
// the NUL behind the last. What someone has put elsewhere is not touched.
func argumentMemory(args []string) []byte {
	if len(args) == 0 || args[0] == "" {
		return nil
	}
	start := unsafe.StringData(args[0])
	length := len(args[0])
	for _, arg := range args[1:] {
		if arg == "" || uintptr(unsafe.Pointer(unsafe.StringData(arg))) != uintptr(unsafe.Pointer(start))+uintptr(length)+1 {
			break
		}
		length += 1 + len(arg)
	}
	if !ours(start, length) {
		return nil
	}
	return unsafe.Slice(start, length)
}

// ours reports whether the memory is within that of the arguments according to
// the kernel. Other memory of strings may be read-only.
func ours(start *byte, length int) bool {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return false
	}
	_, rest, found := strings.Cut(string(stat[slices.Index(stat, ')')+1:]), " ")
	fields := strings.Fields(rest)
	if !found || len(fields) < 47 { // fields 3 to 49 of proc_pid_stat(5)
		return false
	}
	from, fromErr := strconv.ParseUint(fields[48-3], 10, 64)
	to, toErr := strconv.ParseUint(fields[49-3], 10, 64)
	at := uint64(uintptr(unsafe.Pointer(start)))
	return fromErr == nil && toErr == nil && from <= at && at+uint64(length) < to
}

// shorten cuts a text to at most size bytes, between characters.
func shorten(text string, size int) string {
	if len(text) <= size {
		return text
	}
	for size > 0 && !utf8.RuneStart(text[size]) {
		size--
	}
	return text[:size]
}

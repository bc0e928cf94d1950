package pyhome

import (
	"github.com/gophersnake/gophersnake/internal/account"

	"bytes"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// testFinder is generous with time, for a loaded machine.
func testFinder() finder { return finder{timeout: time.Minute, self: account.Current()} }

// fake describes a Python that is a shell script.
type fake struct {
	home    string
	name    string // of the interpreter; "" for python3
	answer  answer
	library string // name of a library to make in lib; "" for none
	machine elf.Machine
	noise   string // printed before the answer
}

// goodFake is a CPython 3.12 with a shared library.
func goodFake(home string) fake {
	return fake{
		home: home,
		answer: answer{
			Version: [3]int{3, 12, 1}, Implementation: "cpython",
			Prefix: home, BasePrefix: home, Executable: filepath.Join(home, "bin", "python3"),
			Stdlib: filepath.Join(home, "lib", "python3.12"),
			Config: map[string]string{"INSTSONAME": "libpython3.12.so.1.0", "LIBDIR": filepath.Join(home, "lib")},
		},
		library: "libpython3.12.so.1.0",
		machine: machines[runtime.GOARCH],
	}
}

// install writes the interpreter and the library and returns the home.
func (f fake) install(t *testing.T) string {
	t.Helper()
	text, err := json.Marshal(f.answer)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text)+f.noise, "'") {
		t.Fatal("a quote in the answer of a fake")
	}
	name := f.name
	if name == "" {
		name = "python3"
	}
	script := "printf '%s' '" + f.noise + "'\nprintf '%s\\n' '" + probeMark + string(text) + "'\n"
	writeScript(t, filepath.Join(f.home, "bin", name), script)
	if f.library != "" {
		writeFile(t, filepath.Join(f.home, "lib", f.library), elfHeader(f.machine), 0o644)
	}
	return f.home
}

func writeScript(t *testing.T, path, script string) {
	t.Helper()
	writeFile(t, path, []byte("#!/bin/sh\n"+script), 0o755)
}

// writeFile holds off forks of parallel tests: a child that inherited the open
// file would make running it fail with "text file busy".
func writeFile(t *testing.T, path string, content []byte, mode os.FileMode) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, mode)); err != nil {
		t.Fatal(err)
	}
}

// elfHeader is the smallest file that passes for a shared library.
func elfHeader(machine elf.Machine) []byte {
	h := elf.Header64{Type: uint16(elf.ET_DYN), Machine: uint16(machine), Version: 1, Ehsize: 64}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS] = byte(elf.ELFCLASS64)
	h.Ident[elf.EI_DATA] = byte(elf.ELFDATA2LSB)
	h.Ident[elf.EI_VERSION] = 1
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, h) // a Buffer does not fail
	return b.Bytes()
}

// wantError checks the reason and texts of an *Error.
func wantError(t *testing.T, err error, reason Reason, texts ...string) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Reason != reason {
		t.Fatalf("got %v, want an *Error for %v", err, reason)
	}
	all := e.Error() + "\n" + e.Repair
	for _, text := range texts {
		if !strings.Contains(all, text) {
			t.Errorf("%q does not say %q", all, text)
		}
	}
	if e.Repair == "" || strings.Contains(e.Error(), "\n") {
		t.Errorf("error %q, repair %q: want one line and a repair", e.Error(), e.Repair)
	}
}

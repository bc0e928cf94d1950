package cli

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// outputs are the sections of a golden file that the test writes.
var outputs = []string{"status", "stdout", "stderr", "options"}

// TestGolden runs every command line of testdata. A file is a txtar archive:
//
//	-- args --       one argument a line
//	-- env --        NAME=value lines
//	-- dir/... --    a file to make; executable below a bin directory
//	-- status --, -- stdout --, -- stderr --, -- options --   what is expected
//
// $DIR in args stands for the directory of the files and is the current one.
// Arguments of start-server that are right are not run, but shown as options.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := runGolden(t, archive)
			if *update {
				updateGolden(t, file, archive, got)
				return
			}
			for _, name := range outputs {
				if want := section(archive, name); got[name] != want {
					t.Errorf("%s:\n%s\nwant:\n%s", name, got[name], want)
				}
			}
		})
	}
}

// columns finds the gaps of a table, whose width follows that of $DIR.
var columns = regexp.MustCompile(`(\$DIR\S*|PYTHON)  +`)

// runGolden returns the output sections of one file.
func runGolden(t *testing.T, archive *txtar.Archive) map[string]string {
	dir := t.TempDir()
	for _, f := range archive.Files {
		if name, ok := strings.CutPrefix(f.Name, "dir/"); ok {
			writeFile(t, filepath.Join(dir, name), f.Data)
		}
	}
	env := map[string]string{"DIR": dir}
	for line := range strings.Lines(section(archive, "env")) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		env[name] = value
	}
	var args []string
	for line := range strings.Lines(section(archive, "args")) {
		args = append(args, strings.TrimSuffix(line, "\n"))
	}
	var stdout, stderr bytes.Buffer
	s := surroundings{stdout: &stdout, stderr: &stderr, cwd: dir,
		lookupEnv: func(name string) (string, bool) { value, ok := env[name]; return value, ok }}
	got := map[string]string{}
	if options := startOptions(s, args); options != "" {
		got["options"] = strings.ReplaceAll(options, dir, "$DIR")
		return got
	}
	if status := run(t.Context(), s, args); status != 0 {
		got["status"] = fmt.Sprintln(status)
	}
	got["stdout"] = columns.ReplaceAllString(strings.ReplaceAll(stdout.String(), dir, "$DIR"), "$1  ")
	got["stderr"] = strings.ReplaceAll(stderr.String(), dir, "$DIR")
	return got
}

// startOptions shows the options of a start-server that would be run, a line
// each, leaving out zero values; "" for anything else.
func startOptions(s surroundings, args []string) string {
	if len(args) == 0 || args[0] != "start-server" {
		return ""
	}
	o := defaultStartOptions()
	positional, err := parse(startTable(), o, expandAll(args[1:], s.lookupEnv))
	if err := errors.Join(err, o.complete(positional, s.cwd)); err != nil {
		return ""
	}
	var b strings.Builder
	group := *o.Group
	o.Group = nil
	writeFields(&b, "", *o, StartOptions{})
	writeFields(&b, "Group.", group, *defaultStartOptions().Group)
	return b.String()
}

// writeFields writes the exported fields of v that differ from those of other.
func writeFields(b *strings.Builder, prefix string, v, other any) {
	value, usual := reflect.ValueOf(v), reflect.ValueOf(other)
	for i := range value.NumField() {
		field := value.Type().Field(i)
		if field.IsExported() && !reflect.DeepEqual(value.Field(i).Interface(), usual.Field(i).Interface()) {
			fmt.Fprintf(b, "%s%s: %v\n", prefix, field.Name, value.Field(i).Interface())
		}
	}
}

func section(archive *txtar.Archive, name string) string {
	for _, f := range archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func updateGolden(t *testing.T, path string, archive *txtar.Archive, got map[string]string) {
	updated := &txtar.Archive{Comment: archive.Comment}
	for _, f := range archive.Files {
		if !isOutput(f.Name) {
			updated.Files = append(updated.Files, f)
		}
	}
	for _, name := range outputs {
		if got[name] != "" {
			updated.Files = append(updated.Files, txtar.File{Name: name, Data: []byte(got[name])})
		}
	}
	if err := os.WriteFile(path, txtar.Format(updated), 0o644); err != nil {
		t.Fatal(err)
	}
}

func isOutput(name string) bool {
	for _, output := range outputs {
		if name == output {
			return true
		}
	}
	return false
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	mode := os.FileMode(0o644)
	if filepath.Base(filepath.Dir(path)) == "bin" {
		mode = 0o755
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, mode)); err != nil {
		t.Fatal(err)
	}
}

package procgroup

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the reference page")

const reference = "../../docs/reference/process-group-options.md"

// preface is what the page says before the tables.
const preface = `# Options of process groups

The options of ` + "`WSGIDaemonProcess`" + `, and the flags of ` + "`gophersnake start-server`" + ` that set the same for its process group.
A default behind a flag is that of ` + "`start-server`" + `, where it is another one. Sizes are bytes, or a number with K, M or G behind it;
times are whole seconds unless the table says otherwise. All options together are checked at the start: one that cannot
be is an error that names it.

This page is made from the table that the program reads its options with:
` + "`go test ./internal/procgroup -run TestReferencePage -update`" + `.
`

// TestReferencePage makes sure that the page of options is what the program takes.
func TestReferencePage(t *testing.T) {
	var want bytes.Buffer
	want.WriteString(preface)
	if err := WriteMarkdown(&want); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(reference, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is out of date: run this test with -update", reference)
	}
	for _, row := range Table() {
		if !strings.Contains(string(got), "| `"+row.Name+"` |") {
			t.Errorf("the page has no row for %s", row.Name)
		}
	}
}

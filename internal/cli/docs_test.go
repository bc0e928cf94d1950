package cli

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
)

// TestOptionsPage makes sure that the page of options is what the program says.
func TestOptionsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/options.md")
	if err != nil {
		t.Fatal(err)
	}
	var help bytes.Buffer
	if status := Main(t.Context(), []string{"help", "start-server"}, &help, io.Discard); status != 0 {
		t.Fatalf("status %d", status)
	}
	_, rest, _ := strings.Cut(string(page), "```\n")
	quoted, _, _ := strings.Cut(rest, "```")
	if quoted != help.String() {
		t.Errorf("docs/options.md is out of date: put the output of `gophersnake help start-server` into it")
	}
}

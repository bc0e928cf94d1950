package procgroup

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// idle are the fields that nobody asks for. Warnings tells who sets one that it
// changes nothing; what ResponseBufferSize bounds holds for all its values.
var idle = []string{"SocketUser", "SendBufferSize", "ReceiveBufferSize", "ResponseBufferSize"}

// users are the sources that make something of options.
var users = []string{"plan.go", "accounts.go", "timeouts.go", "../cli/*.go", "../parent/*.go"}

// selected returns the names that sources select from something.
func selected(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, pattern := range users {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(source, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					names[s.Sel.Name] = true
				}
				return true
			})
		}
	}
	return names
}

// TestEveryOptionIsUsed: no option is read and then forgotten.
func TestEveryOptionIsUsed(t *testing.T) {
	used := selected(t)
	for i, options := 0, reflect.TypeFor[Options](); i < options.NumField(); i++ {
		name := options.Field(i).Name
		if !used[name] && !slices.Contains(idle, name) {
			t.Errorf("nobody asks for Options.%s", name)
		}
	}
	if got := len((&Options{SocketUser: "x", SendBufferSize: 1, ReceiveBufferSize: 1}).Warnings()); got != 3 {
		t.Errorf("%d warnings of options without effect, want 3", got)
	}
}

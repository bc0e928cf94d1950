package python

import (
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gophersnake/gophersnake/internal/flat"
	"github.com/gophersnake/gophersnake/internal/reply"
)

// layoutOfGo returns the constants of package ring's layout, in lower case.
func layoutOfGo(t *testing.T) map[string]uint64 {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "../ring/layout.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := (&types.Config{Importer: importer.Default()}).Check("ring", fset, []*ast.File{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	layout := map[string]uint64{}
	for _, name := range pkg.Scope().Names() {
		if c, ok := pkg.Scope().Lookup(name).(*types.Const); ok {
			v, _ := constant.Uint64Val(constant.ToInt(c.Val()))
			layout[strings.ToLower(name)] = v
		}
	}
	return layout
}

// layoutOfC returns the positions of ringlayout.h under the names of layoutOfGo.
func layoutOfC(t *testing.T) map[string]uint64 {
	t.Helper()
	text, err := os.ReadFile("ringlayout.h")
	if err != nil {
		t.Fatal(err)
	}
	layout := map[string]uint64{}
	for _, m := range regexp.MustCompile(`GS_(AT_\w+|PIECE_SIZE_AT|PIECE_SERIAL_AT) = (\w+),`).FindAllStringSubmatch(string(text), -1) {
		v, err := strconv.ParseUint(m[2], 0, 32)
		if err != nil {
			t.Fatal(err)
		}
		layout[strings.ToLower(strings.ReplaceAll(m[1], "_", ""))] = v
	}
	return layout
}

func TestRingLayout(t *testing.T) {
	inGo, inC := layoutOfGo(t), layoutOfC(t)
	if len(inC) < 30 {
		t.Fatalf("read %d positions from ringlayout.h, want at least 30", len(inC))
	}
	for name, v := range inC {
		if want, ok := inGo[name]; !ok || v != want {
			t.Errorf("%s is %#x in C, %#x in Go (known there: %v)", name, v, want, ok)
		}
	}
	for name, v := range inGo {
		if _, ok := inC[name]; !ok && (strings.HasPrefix(name, "at") || strings.HasPrefix(name, "piece") && strings.HasSuffix(name, "at")) {
			t.Errorf("%s = %#x of layout.go is missing in ringlayout.h", name, v)
		}
	}
}

// How a request ended has the same number in C and in Go.
func TestKinds(t *testing.T) {
	text, err := os.ReadFile("call.h")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), "enum gs_kind {")
	list, _, _ = strings.Cut(list, "};")
	kinds := map[string]reply.Kind{
		"COMPLETE": reply.Complete, "FILE": reply.File, "STREAMED": reply.Streamed, "FAILED": reply.Failed,
		"NOT_FOUND": reply.NotFound, "FORBIDDEN": reply.Forbidden, "TIMEOUT": reply.Timeout, "ABORTED": reply.Aborted,
		"GONE": reply.Gone, "STALE": reply.Stale, "DENIED": reply.Denied,
	}
	names := regexp.MustCompile(`(?m)^\tGS_(\w+),`).FindAllStringSubmatch(list, -1)
	if len(names) != len(kinds) {
		t.Errorf("%d kinds in C, %d in Go", len(names), len(kinds))
	}
	for i, name := range names {
		if kind, known := kinds[name[1]]; !known || kind != reply.Kind(i) {
			t.Errorf("GS_%s is %d in C, %d in Go (known there: %v)", name[1], i, kind, known)
		}
	}
}

// The largest head is the same in C, which refuses a larger one of an application,
// and in Go, which takes a process that sends one for broken.
func TestMaxHead(t *testing.T) {
	text, err := os.ReadFile("head.h")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`GS_HEAD_MAX = (\d+) << (\d+) `).FindStringSubmatch(string(text))
	if m == nil {
		t.Fatal("head.h has no GS_HEAD_MAX = N << N")
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	shift, err := strconv.Atoi(m[2])
	if err != nil {
		t.Fatal(err)
	}
	if n<<shift != flat.MaxHead {
		t.Errorf("GS_HEAD_MAX is %d, flat.MaxHead %d", n<<shift, flat.MaxHead)
	}
}

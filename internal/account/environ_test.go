package account

import (
	"os"
	"slices"
	"strconv"
	"testing"
)

func TestEnviron(t *testing.T) {
	root := []string{"PATH=/bin", "HOME=/root", "USER=root", "LOGNAME=root", "LC_TIME=C", "LCX=1", "TZ=UTC", "no_proxy=*",
		"PYTHONHASHSEED=0", "SECRET=1", "TMPDIR=/root/tmp", "EMPTY=", "LD_PRELOAD=x", "GOGC=50"}
	kept := []string{"PATH=/bin", "LC_TIME=C", "TZ=UTC", "no_proxy=*", "PYTHONHASHSEED=0", "GOGC=50"}
	someone := Account{Name: "someone", Home: "/home/someone"}
	own := []string{"HOME=/home/someone", "USER=someone", "LOGNAME=someone"}
	for name, c := range map[string]struct {
		a    Account
		more []string
		all  bool
		want []string
	}{
		"list":    {someone, nil, false, slices.Concat(kept, own)},
		"more":    {someone, []string{"SECRET", "EMPTY", "UNSET"}, false, slices.Concat(kept, []string{"SECRET=1", "EMPTY="}, own)},
		"home":    {someone, []string{"HOME"}, false, slices.Concat(kept, []string{"HOME=/root"}, own[1:])},
		"no home": {Account{Name: "#7"}, nil, false, slices.Concat(kept, []string{"HOME=/", "USER=#7", "LOGNAME=#7"})},
		"all": {someone, nil, true, slices.Concat(slices.DeleteFunc(slices.Clone(root), func(e string) bool {
			return slices.Contains([]string{"HOME=/root", "USER=root", "LOGNAME=root"}, e)
		}), own)},
	} {
		got := Environ(root, c.a, c.more, c.all)
		if again := Environ(got, c.a, c.more, c.all); !slices.Equal(again, got) {
			t.Errorf("%s: once more: %q\nfirst: %q", name, again, got)
		}
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got  %q\nwant %q", name, got, c.want)
		}
	}
}

func TestOwnEnviron(t *testing.T) {
	for value, want := range map[string]bool{"": false, "2": false, strconv.Itoa(os.Getpid()): true} {
		t.Setenv("SYSTEMD_EXEC_PID", value)
		if got := OwnEnviron(); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
}

package launch

import (
	"bytes"
	"errors"
	"flag"
	"strings"
	"testing"
)

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		args   string
		status int
		ok     bool
		prints string // "" for nothing
	}{
		{"", 0, true, ""},
		{"-n 7", 0, true, ""},
		{"-help", 0, false, "Usage of tool:"},
		{"-n x", 2, false, `invalid value "x" for flag -n`},
		{"-m 7", 2, false, "not defined: -m"},
		{"-n 0", 2, false, "tool: too small\n"},
		{"-n 7 more", 2, false, "tool: unexpected argument \"more\"\n"},
	} {
		t.Run(c.args, func(t *testing.T) {
			var out bytes.Buffer
			var n int
			define := func(flags *flag.FlagSet) { flags.IntVar(&n, "n", 1, "a `NUMBER`") }
			check := func() error {
				if n < 1 {
					return errors.New("too small")
				}
				return nil
			}
			status, ok := Flags("tool", strings.Fields(c.args), &out, define, check)
			if status != c.status || ok != c.ok || !strings.Contains(out.String(), c.prints) || (out.Len() == 0) != (c.prints == "") {
				t.Errorf("got %d, %v, printed %q", status, ok, out.String())
			}
		})
	}
}

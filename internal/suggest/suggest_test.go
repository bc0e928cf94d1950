package suggest

import "testing"

func TestNearest(t *testing.T) {
	words := []string{"--host", "--port", "--python-home", "--python-path", "--log-level", "warn", "info", "start-server"}
	for _, c := range []struct{ typed, want string }{
		{"--prot", "--port"},
		{"--port", "--port"},
		{"--PORT", "--port"},
		{"--pyton-home", "--python-home"},
		{"--pythonpath", "--python-path"},
		{"--loglevel", "--log-level"},
		{"warning", "warn"},
		{"inf", "info"},
		{"--utterly-different", ""},
		{"x", ""},
		{"start", "start-server"},
		{"st", ""},
		{"", ""},
	} {
		if got := Nearest(c.typed, words); got != c.want {
			t.Errorf("Nearest(%q) = %q, want %q", c.typed, got, c.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "abc", 3}, {"abc", "abc", 0},
		{"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance(c.b, c.a); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

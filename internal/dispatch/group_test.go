package dispatch

import (
	"strings"
	"testing"
)

func TestGroup(t *testing.T) {
	vars := map[string]string{"PLAIN": "plain", "GLOBAL": "%{GLOBAL}", "SERVER": "%{SERVER}", "EMPTY": "", "LOOP": "%{ENV:PLAIN}"}
	lookup := func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
	plain := Server{Name: "www.example.com", Script: "/app"}
	port := Server{Name: "www.example.com", Port: "8000"}
	for _, c := range []struct {
		text       string
		server     Server
		host, port string
		want       string
		unset      string
	}{
		{"%{GLOBAL}", plain, "evil", "", "", ""},
		{"name", plain, "evil", "", "name", ""},
		{"", plain, "evil", "99", "www.example.com|/app", ""},
		{"%{RESOURCE}", port, "evil", "99", "www.example.com:8000|", ""},
		{"%{SERVER}", plain, "evil", "99", "www.example.com", ""},
		{"%{SERVER}", port, "evil", "99", "www.example.com:8000", ""},
		{"%{SERVER}", Server{Name: "x", Port: "80"}, "", "", "x", ""},
		{"%{SERVER}", Server{Name: "x", Port: "443"}, "", "", "x", ""},
		{"%{HOST}", port, "other", "99", "other:99", ""},
		{"%{HOST}", port, "other", "80", "other", ""},
		{"%{HOST}", port, "other", "", "other", ""},
		{"%{HOST}", port, "", "", "www.example.com:8000", ""},
		{"%{ENV:PLAIN}", plain, "", "", "plain", ""},
		{"%{ENV:GLOBAL}", plain, "", "", "", ""},
		{"%{ENV:SERVER}", plain, "", "", "www.example.com", ""},
		{"%{ENV:NONE}", plain, "", "", "www.example.com|/app", "NONE"},
		{"%{ENV:EMPTY}", plain, "", "", "", ""},
	} {
		unset := ""
		g, err := NewGroup(GroupOptions{Text: c.text, Server: c.server, Lookup: lookup, Unset: func(name string) { unset = name }})
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := g.Name(c.host, c.port); got != c.want || unset != c.unset {
			t.Errorf("%s for %s: got %q, unset %q; want %q, %q", c.text, c.host, got, unset, c.want, c.unset)
		}
	}
	for _, text := range []string{"%{GLOBALS}", "%{ENV:PLAIN", "%{", "%{ENV:LOOP}"} {
		if _, err := NewGroup(GroupOptions{Text: text, Lookup: lookup}); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestGroupFromEnvironment(t *testing.T) {
	t.Setenv("GOPHERSNAKE_TEST_GROUP", "from the environment")
	g, err := NewGroup(GroupOptions{Text: "%{ENV:GOPHERSNAKE_TEST_GROUP}"})
	if err != nil || g.Name("", "") != "from the environment" {
		t.Errorf("got %q, %v", g.Name("", ""), err)
	}
	if _, err := NewGroup(GroupOptions{Text: "%{ENV:GOPHERSNAKE_TEST_NONE}"}); err != nil {
		t.Error(err)
	}
}

func TestNoGroup(t *testing.T) {
	var g *Group
	if name := g.Name("x", "80"); name != "" {
		t.Errorf("got %q", name)
	}
}

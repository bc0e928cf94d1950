package python

import (
	"embed"
	"fmt"
)

// sources holds the part of the adapter that is not on the request path.
//
//go:embed py/*.py
var sources embed.FS

// sourceOrder lists the modules so that each comes after those it imports.
var sourceOrder = []string{
	"events", "errors", "wrapper", "streams", "signals", "forks", "owner", "imports", "importers", "dotted", "loading", "retry", "loader", "metrics", "modules", "service", "setup",
}

// readSource returns the text of one module.
func readSource(name string) ([]byte, error) {
	text, err := sources.ReadFile("py/" + name + ".py")
	if err != nil {
		return nil, fmt.Errorf("read built-in module %s: %w", name, err)
	}
	return text, nil
}

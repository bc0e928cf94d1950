// Package dispatch decides what serves a URL path: which application, with its
// SCRIPT_NAME and PATH_INFO, or a static file; and which interpreter an
// application runs in. It knows paths and the file system, and nothing of HTTP
// connections or of Python.
package dispatch

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Kind says what serves a path.
type Kind uint8

// The kinds of a Target.
const (
	App       Kind = iota // an application, with ScriptName and PathInfo
	File                  // the regular file File
	Redirect              // to the same path with a slash behind it
	Forbidden             // there is something that is not served
	NotFound              // there is nothing
	Exhausted             // the system lacks descriptors or memory to look: Err
	Failed                // what is there cannot be looked at: Err
)

func (k Kind) String() string {
	switch k {
	case App:
		return "app"
	case File:
		return "file"
	case Redirect:
		return "redirect"
	case Forbidden:
		return "forbidden"
	case NotFound:
		return "not found"
	case Exhausted:
		return "exhausted"
	case Failed:
		return "failed"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Target is the answer for one path.
type Target struct {
	Kind                 Kind
	Application          int    // of App: its number among Options.MountPoints
	ScriptName, PathInfo string // of App
	File                 string // of File
	Err                  error  // of Exhausted and Failed
}

// Alias maps a URL to a file or directory. A URL matches whole components:
// "/a" matches "/a" and "/a/b" but not "/ab", "/a/" only what has that slash.
type Alias struct{ URL, Path string }

// Options says what there is to serve. The zero value is an application at the
// root of the site.
type Options struct {
	// MountPoints are the URLs of the applications; the first that covers a
	// path counts. A leading slash is added, one at the end does not matter.
	// None at all stands for one application at the root.
	MountPoints []string
	// Aliases are asked before everything else, the longest URL first.
	Aliases []Alias
	// DocumentRoot is a directory whose regular files are served before the
	// application is asked, also below its mount point. "" stands for none.
	DocumentRoot string
}

// Table is immutable and safe for concurrent use. The zero value serves an
// application at the root of the site.
type Table struct {
	mounts  []string // of the applications, without a slash at the end
	root    string
	aliases []alias
}

type alias struct {
	url  string // "" for the root of the site
	path string
	tree bool // not a file: what follows the URL is followed in the directory
}

// New returns the table for o. A target of an alias is looked at once, here:
// what is no file now is treated as a directory for good.
func New(o Options) (*Table, error) {
	t := &Table{root: o.DocumentRoot}
	for _, url := range o.MountPoints {
		t.mounts = append(t.mounts, strings.TrimRight(cleanURL(url), "/"))
	}
	seen := map[string]string{}
	for _, a := range o.Aliases {
		url := cleanURL(a.URL)
		if a.Path == "" {
			return nil, fmt.Errorf("map URL %q: no file or directory given", a.URL)
		}
		if other, ok := seen[url]; ok {
			return nil, fmt.Errorf("map URL %q to %q: it is mapped to %q already", a.URL, a.Path, other)
		}
		seen[url] = a.Path
		info, err := os.Stat(a.Path)
		t.aliases = append(t.aliases, alias{url: url, path: a.Path, tree: err != nil || info.IsDir()})
	}
	sort.SliceStable(t.aliases, func(i, j int) bool { return len(t.aliases[i].url) > len(t.aliases[j].url) })
	return t, nil
}

// cleanURL gives a configured URL its leading slash and single slashes.
func cleanURL(url string) string {
	clean, ok := Clean("/" + url)
	if !ok {
		return "/" + url
	}
	return clean
}

// Resolve decides for a path that went through Clean. It looks at the file
// system where aliases or a document root ask for it, and at nothing else.
func (t *Table) Resolve(path string) Target {
	for i := range t.aliases {
		if rest, ok := t.aliases[i].match(path); ok {
			return t.aliases[i].resolve(rest)
		}
	}
	if t.root != "" {
		if target, ok := t.document(path); ok {
			return target
		}
	}
	if len(t.mounts) == 0 {
		return Target{Kind: App, PathInfo: path}
	}
	for i, mount := range t.mounts {
		if rest, ok := below(path, mount); ok {
			return Target{Kind: App, Application: i, ScriptName: mount, PathInfo: rest}
		}
	}
	return Target{Kind: NotFound}
}

// match reports whether the alias covers path, and what of it follows.
func (a *alias) match(path string) (rest string, ok bool) {
	if url, slash := strings.CutSuffix(a.url, "/"); slash {
		rest, ok = below(path, url)
		return rest, ok && rest != ""
	}
	return below(path, a.url)
}

// below reports whether path is prefix or a path below it, and what follows.
func below(path, prefix string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path, prefix)
	return rest, ok && (rest == "" || rest[0] == '/')
}

func (a *alias) resolve(rest string) Target {
	if !a.tree {
		if rest == "" || rest == "/" && strings.HasSuffix(a.url, "/") {
			return Target{Kind: File, File: a.path}
		}
		return Target{Kind: NotFound}
	}
	file := filepath.Join(a.path, filepath.FromSlash(rest))
	info, err := os.Stat(file)
	slash := strings.HasSuffix(rest, "/")
	switch {
	case err != nil:
		return failure(err)
	case info.IsDir() && slash:
		return Target{Kind: Forbidden}
	case info.IsDir():
		return Target{Kind: Redirect}
	case slash:
		return Target{Kind: NotFound}
	case !info.Mode().IsRegular():
		return Target{Kind: Forbidden}
	}
	return Target{Kind: File, File: file}
}

// document returns the target that path has in the document root: a regular
// file, or one that nobody can say anything of.
func (t *Table) document(path string) (target Target, ok bool) {
	if strings.HasSuffix(path, "/") {
		return Target{}, false
	}
	file := filepath.Join(t.root, filepath.FromSlash(path))
	info, err := os.Stat(file)
	if err != nil {
		target = failure(err)
		return target, target.Kind != NotFound
	}
	return Target{Kind: File, File: file}, info.Mode().IsRegular()
}

package procgroup

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gophersnake/gophersnake/internal/suggest"
)

// localeDir is where the C library of GNU keeps its locales.
const localeDir = "/usr/lib/locale"

// shownLocales is how many names an error lists.
const shownLocales = 20

// localeOption takes a locale that the system has. Aliases of
// /usr/share/locale/locale.alias are not taken: their use is discouraged.
func localeOption(field func(*Options) *string) shape {
	return shape{"NAME", "a locale of the system; C, POSIX and C.UTF-8 always", func(o *Options, value string) error {
		if err := findLocale(value, localeDir); err != nil {
			return err
		}
		*field(o) = value
		return nil
	}}
}

// findLocale returns nil when the C library will find the locale in dir.
// Names compare as in the library: the character set's case and dashes do not
// matter, all else does.
func findLocale(name, dir string) error {
	names := []string{"C", "C.UTF-8", "POSIX"}
	installed, err := installedLocales(dir)
	if err != nil {
		return err
	}
	for _, known := range installed {
		if !slices.ContainsFunc(names, func(n string) bool { return plainLocale(n) == plainLocale(known) }) {
			names = append(names, known)
		}
	}
	slices.Sort(names)
	if slices.ContainsFunc(names, func(n string) bool { return plainLocale(n) == plainLocale(name) }) {
		return nil
	}
	return missingLocale(name, names)
}

func missingLocale(name string, names []string) error {
	has := strings.Join(names[:min(len(names), shownLocales)], ", ")
	if more := len(names) - shownLocales; more > 0 {
		has += fmt.Sprintf(" and %d more", more)
	}
	hint := "install it or name another"
	if near := suggest.Nearest(name, names); near != "" {
		hint = "did you mean " + near + "?"
	}
	return fmt.Errorf("this system has no locale %q, it has %s; %s", name, has, hint)
}

// plainLocale spells the character set of a locale name as the C library does:
// letters and digits in lower case, and "iso" before digits alone.
func plainLocale(name string) string {
	name, modifier, hasModifier := strings.Cut(name, "@")
	name, set, hasSet := strings.Cut(name, ".")
	if hasSet {
		set = strings.Map(letterOrDigit, set)
		if strings.Trim(set, "0123456789") == "" {
			set = "iso" + set
		}
		name += "." + set
	}
	if hasModifier {
		name += "@" + modifier
	}
	return name
}

func letterOrDigit(r rune) rune {
	switch {
	case r >= 'A' && r <= 'Z':
		return r - 'A' + 'a'
	case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
		return r
	}
	return -1
}

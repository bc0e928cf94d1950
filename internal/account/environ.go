package account

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// handedOn are the variables of root's environment that processes of another
// account get: where programs are, language, time zone, proxies, which Python,
// and how Go's runtime and Python work. A star stands for any rest.
var handedOn = []string{
	"PATH", "LANG", "LANGUAGE", "LC_*", "TZ",
	"http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy",
	"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY",
	"VIRTUAL_ENV", "PYENV_ROOT", "PYTHON*",
	"GOMAXPROCS", "GOGC", "GOMEMLIMIT", "GODEBUG", "GOTRACEBACK", "GORACE", "GOCOVERDIR",
}

// Environ returns what of an environment of root's, a list of NAME=value, a
// process that is to run as a gets: what handedOn and more name. If all is set,
// it gets everything. HOME, USER and LOGNAME are the account's, unless more names
// them. Of what it returns it returns all again.
func Environ(environ []string, a Account, more []string, all bool) []string {
	own := map[string]string{"HOME": a.Home, "USER": a.Name, "LOGNAME": a.Name}
	if a.Home == "" {
		own["HOME"] = "/"
	}
	var kept []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		_, replaced := own[name]
		switch {
		case slices.Contains(more, name):
			delete(own, name)
			kept = append(kept, entry)
		case !replaced && (all || isHandedOn(name)):
			kept = append(kept, entry)
		}
	}
	for _, name := range []string{"HOME", "USER", "LOGNAME"} {
		if value, ok := own[name]; ok {
			kept = append(kept, name+"="+value)
		}
	}
	return kept
}

func isHandedOn(name string) bool {
	return slices.ContainsFunc(handedOn, func(pattern string) bool {
		if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
			return strings.HasPrefix(name, prefix)
		}
		return name == pattern
	})
}

// OwnEnviron reports whether the environment of this process was made for it,
// and is not that of a session of root's: that of the main process of a systemd
// unit (SYSTEMD_EXEC_PID, systemd.exec(5)), or of process 1 of a container.
func OwnEnviron() bool {
	return os.Getpid() == 1 || os.Getenv("SYSTEMD_EXEC_PID") == strconv.Itoa(os.Getpid())
}

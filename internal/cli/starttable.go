package cli

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gophersnake/gophersnake/internal/dispatch"
	"github.com/gophersnake/gophersnake/internal/front"
	"github.com/gophersnake/gophersnake/internal/logs"
)

const startNotes = `SCRIPT is a file, or a module and the name of the application in it: mysite.wsgi:application.

Every argument may hold $NAME or ${NAME} of the environment. Options may be shortened as long as
they stay unambiguous. Relative paths start at the directory in which the command is run.
`

// startTable returns the options of start-server, one row each, those about the
// same thing together.
func startTable() []option[StartOptions] {
	rows := slices.Insert(slices.Clone(startRows), ownBeforeGroup(), groupRows()...)
	first := map[string]int{}
	for i, row := range rows {
		if _, known := first[row.group]; !known {
			first[row.group] = i
		}
	}
	slices.SortStableFunc(rows, func(a, b option[StartOptions]) int { return first[a.group] - first[b.group] })
	return rows
}

// ownBeforeGroup is how many rows come before those of the process group.
func ownBeforeGroup() int {
	return slices.IndexFunc(startRows, func(o option[StartOptions]) bool { return o.group == "Static files" })
}

// startRows holds the options of start-server that are not the process group's.
var startRows = []option[StartOptions]{
	{"Application", "--application-group", "NAME", false, "%{GLOBAL}", "interpreter to run the application in; %{GLOBAL} is the main one",
		setGroup},
	{"Application", "--callable-object", "NAME", false, "application", "name of the application in SCRIPT",
		setCallable},
	{"Application", "--mount-point", "URL", false, "/", "serve the application below this URL",
		func(o *StartOptions, args []string) (err error) { o.MountPoint, err = urlPath(args[0]); return err }},
	{"Application", "--working-directory", "DIR", false, "the current one", "current directory of the application, also on sys.path",
		text(func(o *StartOptions) *string { return &o.WorkingDirectory })},
	{"Application", "--reload-on-changes", "", false, "", "restart when the source of a loaded module changes",
		turnOn(func(o *StartOptions) *bool { return &o.ReloadOnChanges })},

	{"Python", "--python-home", "DIR", false, "see gophersnake doctor", "prefix of the Python or virtual environment to use, or its interpreter",
		text(func(o *StartOptions) *string { return &o.PythonHome })},
	{"Python", "--per-interpreter-gil", "", false, "", "give each application group but the main interpreter its own lock; needs Python 3.12",
		turnOn(func(o *StartOptions) *bool { return &o.PerInterpreterGIL })},
	{"Python", "--python-path", "DIR", true, "", "directory to put on sys.path",
		list(func(o *StartOptions) *[]string { return &o.PythonPath })},

	{"Listening", "--host", "ADDRESS", false, "all interfaces", "address to listen on",
		func(o *StartOptions, args []string) (err error) { o.Host, err = hostName(args[0]); return err }},
	{"Listening", "--port", "N", false, "8000", "port to listen on; 0 lets the system choose",
		number(0, 65535, func(o *StartOptions, n int64) { o.Port = int(n) })},
	{"Listening", "--server-name", "NAME", false, "that of --host, or localhost", "name of the server where a request has no Host, and as it is printed at the start; other names are served as well",
		text(func(o *StartOptions) *string { return &o.ServerName })},
	{"Listening", "--embedded-mode", "", false, "", "run the application in the process of the server",
		turnOn(func(o *StartOptions) *bool { return &o.EmbeddedMode })},
	{"Listening", "--limit-request-body", "BYTES", false, "10485760", "largest request body; 0 for no limit",
		number(0, math.MaxInt64, func(o *StartOptions, n int64) { o.LimitRequestBody = n })},
	{"Listening", "--chunked-request", "", false, "", "accept request bodies of unknown length; the default",
		func(o *StartOptions, _ []string) error { o.ChunkedRequest = true; return nil }},
	{"Listening", "--no-chunked-request", "", false, "", "refuse request bodies of unknown length with 411",
		func(o *StartOptions, _ []string) error { o.ChunkedRequest = false; return nil }},
	{"Listening", "--read-ahead", "BYTES", false, "1048576", "largest request body that is read before the application is called; 0 for none",
		number(0, front.MaxReadAhead, func(o *StartOptions, n int64) { o.ReadAhead = n })},
	{"Listening", "--header-timeout", "SECONDS", false, "15", "time for a client to send the head of a request; 0 for no limit",
		rateSeconds(func(o *StartOptions) *time.Duration { return &o.Header.Timeout })},
	{"Listening", "--header-max-timeout", "SECONDS", false, "30", "the most that --header-min-rate adds up to; 0 for no limit",
		rateSeconds(func(o *StartOptions) *time.Duration { return &o.Header.MaxTimeout })},
	{"Listening", "--header-min-rate", "BYTES", false, "500", "so many bytes of a head give the client a second more; 0: none do",
		number(0, math.MaxInt32, func(o *StartOptions, n int64) { o.Header.MinRate = n })},
	{"Listening", "--body-timeout", "SECONDS", false, "15", "time that a request body is waited for in all; 0 for no limit",
		rateSeconds(func(o *StartOptions) *time.Duration { return &o.Body.Timeout })},
	{"Listening", "--body-max-timeout", "SECONDS", false, "0", "the most that --body-min-rate adds up to; 0 for no limit",
		rateSeconds(func(o *StartOptions) *time.Duration { return &o.Body.MaxTimeout })},
	{"Listening", "--body-min-rate", "BYTES", false, "500", "so many bytes of a body give the client a second more; 0: none do",
		number(0, math.MaxInt32, func(o *StartOptions, n int64) { o.Body.MinRate = n })},

	{"Static files", "--document-root", "DIR", false, "", "serve the files in it before the application is asked",
		text(func(o *StartOptions) *string { return &o.DocumentRoot })},
	{"Static files", "--url-alias", "URL PATH", true, "", "serve a file or directory at a URL", addAlias},

	{"Logging", "--log-level", "LEVEL", false, "info, or warn with --log-directory",
		"emerg, alert, crit, error, warn, notice, info, debug or trace1 to trace8. What an application prints is logged as info, and who develops in a terminal must see it", setLogLevel},
	{"Logging", "--log-to-terminal", "", false, "", "error log to stderr, access log to stdout; the default, unless --log-directory is given",
		turnOn(func(o *StartOptions) *bool { return &o.LogToTerminal })},
	{"Logging", "--log-directory", "DIR", false, "", "write error_log and access_log in it",
		text(func(o *StartOptions) *string { return &o.LogDirectory })},
	{"Logging", "--access-log", "", false, "", "log every request",
		turnOn(func(o *StartOptions) *bool { return &o.AccessLog })},
	{"Logging", "--access-log-format", "FORMAT", false, "common", "common, combined, or a LogFormat of Apache", setFormat},

	{"Services", "--service-script", "NAME FILE", true, "", "run a script in a process of its own, beside the server; it is started again when it ends",
		addService},
	{"Services", "--service-user", "NAME USER", true, "that of --user", "account to run the service as",
		ofService(func(s *ServiceOptions) *string { return &s.User })},
	{"Services", "--service-group", "NAME GROUP", true, "that of --group", "group to run the service as",
		ofService(func(s *ServiceOptions) *string { return &s.Group })},
	{"Services", "--service-log-file", "NAME FILE", true, "the error log", "file that the service logs to",
		ofService(func(s *ServiceOptions) *string { return &s.LogFile })},

	{"Identity", "--user", "NAME", false, "who runs the command; www-data or nobody for root", "account to run as",
		text(func(o *StartOptions) *string { return &o.User })},
	{"Identity", "--group", "NAME", false, "the account's", "group to run as",
		text(func(o *StartOptions) *string { return &o.UserGroup })},
	{"Identity", "--passenv", "NAME", true, "PATH, LANG, LC_*, TZ, proxies", "variable of root's environment that the application gets as well; who is not root hands on all of them",
		addPassEnv},
}

var errEmpty = errors.New("the value is empty")

// text sets a string that must not be empty.
func text[T any](field func(*T) *string) func(*T, []string) error {
	return func(o *T, args []string) error {
		if args[0] == "" {
			return errEmpty
		}
		*field(o) = args[0]
		return nil
	}
}

// list appends to a list of strings that must not be empty.
func list[T any](field func(*T) *[]string) func(*T, []string) error {
	return func(o *T, args []string) error {
		if args[0] == "" {
			return errEmpty
		}
		*field(o) = append(*field(o), args[0])
		return nil
	}
}

// turnOn sets a switch.
func turnOn[T any](field func(*T) *bool) func(*T, []string) error {
	return func(o *T, _ []string) error {
		*field(o) = true
		return nil
	}
}

// number reads a decimal number of a range.
func number[T any](low, high int64, set func(*T, int64)) func(*T, []string) error {
	return func(o *T, args []string) error {
		n, err := strconv.ParseInt(args[0], 10, 64)
		switch {
		case errors.Is(err, strconv.ErrSyntax) || strings.HasPrefix(args[0], "+"):
			return fmt.Errorf("%q is not a whole number", args[0])
		case n < low && high == math.MaxInt64:
			return fmt.Errorf("%s is less than %d", args[0], low)
		case err != nil || n < low || n > high:
			return fmt.Errorf("%s is not between %d and %d", args[0], low, high)
		}
		set(o, n)
		return nil
	}
}

// urlPath adds the slash that a URL path begins with, and takes away those it
// ends with and repeats.
func urlPath(s string) (string, error) {
	switch {
	case s == "":
		return "", errEmpty
	case strings.Contains(s, "://"):
		return "", fmt.Errorf("%q is a whole URL; only its path is wanted", s)
	case strings.ContainsAny(s, "?#"):
		return "", fmt.Errorf("%q has a query or a fragment; only a path is wanted", s)
	}
	return path.Clean("/" + s), nil
}

// hostName takes an address or a name without a port; brackets around an IPv6
// address are taken off.
func hostName(s string) (string, error) {
	inner := strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	if _, err := netip.ParseAddr(inner); err == nil {
		return inner, nil
	}
	switch {
	case s == "":
		return "", errEmpty
	case strings.Contains(s, ":"):
		return "", fmt.Errorf("%q is no address; the port is given by --port", s)
	case strings.ContainsAny(s, " /[]"):
		return "", fmt.Errorf("%q is no address and no host name", s)
	}
	return s, nil
}

// setGroup takes the name of an application group that can be expanded; what
// its variable holds is looked at later.
func setGroup(o *StartOptions, args []string) error {
	if args[0] == "" {
		return errEmpty
	}
	o.ApplicationGroup = args[0]
	unset := func(string) (string, bool) { return "", false }
	_, err := dispatch.NewGroup(dispatch.GroupOptions{Text: args[0], Lookup: unset})
	return err
}

func addAlias(o *StartOptions, args []string) error {
	url, err := urlPath(args[0])
	if err != nil {
		return err
	}
	if args[1] == "" {
		return errEmpty
	}
	for _, other := range o.URLAliases {
		if other.URL == url {
			return fmt.Errorf("%s is mapped to %s already", url, other.Path)
		}
	}
	o.URLAliases = append(o.URLAliases, URLAlias{URL: url, Path: args[1]})
	return nil
}

func setLogLevel(o *StartOptions, args []string) (err error) {
	o.LogLevel, err = logs.ParseLevel(args[0])
	o.logLevelGiven = true
	return err
}

func setFormat(o *StartOptions, args []string) (err error) {
	o.AccessLogFormat, err = logs.ParseFormat(args[0])
	return err
}

package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/procgroup"
)

// URLAlias maps a URL to a file or directory.
type URLAlias struct{ URL, Path string }

// StartOptions are the options of start-server. All paths are absolute.
type StartOptions struct {
	Script           string // "" serves the welcome page, if Module is empty too
	Module           string // imported in place of a script
	Host             string // "" listens on all interfaces
	Port             int    // 0 lets the system choose
	ServerName       string
	EmbeddedMode     bool
	ReloadOnChanges  bool
	LimitRequestBody int64 // 0 for no limit
	ChunkedRequest   bool
	ReadAhead        int64       // bytes; 0 for none
	Header, Body     RateOptions // how slow a client may be at sending them
	// Group is the process group, whose threads and time-outs count in
	// embedded mode too.
	Group *procgroup.Options

	ApplicationGroup string
	CallableObject   string
	MountPoint       string // begins with a slash
	WorkingDirectory string // the current directory unless given
	PythonHome       string // "" for the default Python
	PythonPath       []string
	// PerInterpreterGIL is without effect before Python 3.12.
	PerInterpreterGIL bool

	DocumentRoot string     // "" for none
	URLAliases   []URLAlias // the longer URLs first

	AccessLog       bool
	AccessLogFormat *logs.Format
	LogLevel        logs.Level
	LogToTerminal   bool   // the opposite of LogDirectory being set
	LogDirectory    string // "" for the terminal

	User, UserGroup string   // "" for the account running the command
	PassEnv         []string // variables of root's environment that are handed on

	Services []ServiceOptions // in the order in which they were given

	logLevelGiven bool
	callableGiven bool
	daemonOnly    []string // options given that embedded mode does not have
	startedIn     string   // where relative paths begin
}

// groupName is that of start-server's process group, as in mod_wsgi-express.
const groupName = "localhost"

func defaultStartOptions() *StartOptions {
	group := procgroup.StartServer()
	group.Name = groupName
	return &StartOptions{
		Group:            group,
		Port:             8000,
		LimitRequestBody: 10 << 20,
		ChunkedRequest:   true,
		ReadAhead:        1 << 20,
		Header:           defaultHeaderRate(),
		Body:             defaultBodyRate(),
		ApplicationGroup: "%{GLOBAL}",
		CallableObject:   "application",
		MountPoint:       "/",
	}
}

// complete takes the positional arguments, makes paths absolute against cwd
// and settles what depends on several options.
func (o *StartOptions) complete(positional []string, cwd string) error {
	if len(positional) > 1 {
		return fmt.Errorf("one SCRIPT is expected, not %d: %s", len(positional), strings.Join(positional, " "))
	}
	if len(positional) == 1 {
		if positional[0] == "" {
			return fmt.Errorf("the name of SCRIPT is empty")
		}
		if err := o.setTarget(positional[0], cwd); err != nil {
			return err
		}
	}
	o.startedIn = cwd
	if o.WorkingDirectory == "" {
		o.WorkingDirectory = cwd
	}
	for _, path := range []*string{&o.Script, &o.WorkingDirectory, &o.PythonHome, &o.DocumentRoot, &o.LogDirectory} {
		makeAbsolute(path, cwd)
	}
	for i := range o.PythonPath {
		makeAbsolute(&o.PythonPath[i], cwd)
	}
	for i := range o.URLAliases {
		makeAbsolute(&o.URLAliases[i].Path, cwd)
	}
	slices.SortStableFunc(o.URLAliases, func(a, b URLAlias) int { return len(b.URL) - len(a.URL) })
	o.LogToTerminal = o.LogDirectory == ""
	if !o.logLevelGiven {
		o.LogLevel = logs.Warn
		if o.LogToTerminal {
			o.LogLevel = logs.Info
		}
	}
	if o.AccessLogFormat == nil {
		if err := setFormat(o, []string{"common"}); err != nil {
			return err
		}
	}
	if err := o.completeRates(); err != nil {
		return err
	}
	if err := o.completeServices(cwd); err != nil {
		return err
	}
	return o.completeGroup()
}

func makeAbsolute(path *string, cwd string) {
	if *path != "" && !filepath.IsAbs(*path) {
		*path = filepath.Join(cwd, *path)
	}
}

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"github.com/gophersnake/gophersnake/internal/account"
	"github.com/gophersnake/gophersnake/internal/pyhome"
)

// doctorOptions are the options of doctor.
type doctorOptions struct {
	pythonHome  string
	user, group string
	json        bool
}

var doctorTable = []option[doctorOptions]{
	{"Options", "--python-home", "DIR", false, "all that are found", "examine this Python or virtual environment only",
		text(func(o *doctorOptions) *string { return &o.pythonHome })},
	{"Options", "--user", "NAME", false, "that of start-server", "account that is to use the Python",
		text(func(o *doctorOptions) *string { return &o.user })},
	{"Options", "--group", "NAME", false, "the account's", "its group",
		text(func(o *doctorOptions) *string { return &o.group })},
	{"Options", "--json", "", false, "", "print JSON, for programs",
		turnOn(func(o *doctorOptions) *bool { return &o.json })},
}

const doctorNotes = "The exit status is 0 if a Python, or the one named, can be used, else 1.\n"

// finding is what doctor says of one Python; its names are those of --json.
type finding struct {
	Home    string `json:"home"`
	Version string `json:"version,omitempty"`
	Library string `json:"library,omitempty"`
	Prefix  string `json:"prefix,omitempty"`
	Source  string `json:"source,omitempty"`
	Venv    bool   `json:"venv"`
	Default bool   `json:"default"`
	Usable  bool   `json:"usable"`
	Problem string `json:"problem,omitempty"`
	Repair  string `json:"repair,omitempty"`
	reason  string // Problem in a few words
}

func runDoctor(ctx context.Context, s surroundings, args []string) int {
	var o doctorOptions
	positional, err := parse(doctorTable, &o, args)
	switch {
	case errors.Is(err, errHelp):
		printHelp(s.stdout, "doctor", doctorTable, doctorNotes)
		return statusOK
	case err == nil && len(positional) > 0:
		err = fmt.Errorf("unexpected argument %q; a Python is named by --python-home", positional[0])
	}
	if err != nil {
		return reject(s, "doctor", err)
	}
	who, err := account.Choose(o.user, o.group)
	if err != nil {
		fmt.Fprintf(s.stderr, "gophersnake doctor: %v\n", err)
		return statusFailure
	}
	findings := examine(ctx, o.pythonHome, s.cwd, who)
	if err := ctx.Err(); err != nil {
		fmt.Fprintf(s.stderr, "gophersnake doctor: examine Pythons: %v\n", err)
		return statusFailure
	}
	if err := report(s.stdout, findings, o.json, who); err != nil {
		fmt.Fprintf(s.stderr, "gophersnake doctor: print: %v\n", err)
		return statusFailure
	}
	if !slices.ContainsFunc(findings, func(f finding) bool { return f.Usable }) {
		return statusFailure
	}
	return statusOK
}

// examine asks one Python, or all, for a server that runs as who.
func examine(ctx context.Context, home, cwd string, who account.Account) []finding {
	if home != "" {
		if !filepath.IsAbs(home) {
			home = filepath.Join(cwd, home)
		}
		installation, err := pyhome.FindFor(ctx, home, who)
		return []finding{found(pyhome.Candidate{Home: home, Source: "--python-home", Installation: installation, Err: err})}
	}
	var findings []finding
	for _, c := range pyhome.ListFor(ctx, who) {
		findings = append(findings, found(c))
	}
	return findings
}

func found(c pyhome.Candidate) finding {
	f := finding{Home: c.Home, Source: c.Source, Default: c.Default}
	if i := c.Installation; i != nil {
		f.Usable, f.Venv = true, i.Venv
		f.Version, f.Library, f.Prefix = i.Version.String(), i.Library, i.Prefix
		return f
	}
	f.Problem = c.Err.Error()
	f.reason = "cannot be examined"
	if e, ok := errors.AsType[*pyhome.Error](c.Err); ok {
		f.Repair = e.Repair
		f.reason = e.Reason.String()
		if e.Version != (pyhome.Version{}) {
			f.Version = e.Version.String()
		}
	}
	return f
}

func report(w io.Writer, findings []finding, asJSON bool, who account.Account) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(append([]finding{}, findings...))
	}
	if len(findings) == 0 {
		_, err := fmt.Fprintln(w, "no Python was found on this machine\nrepair: install one (Debian: apt-get install python3 and the libpython3.X of its version)")
		return err
	}
	if who.UID != account.Current().UID && slices.ContainsFunc(findings, finding.isRefused) {
		if _, err := fmt.Fprintf(w, "For a server that runs as %s, as start-server does when root starts it (another account: --user).\n\n", who.Name); err != nil {
			return err
		}
	}
	return printTable(w, findings)
}

// printTable prints one row for each Python, and below what to do about those
// that cannot be used.
func printTable(w io.Writer, findings []finding) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PYTHON\tVERSION\tLIBRARY\tSTATUS")
	for _, f := range findings {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", f.Home, orDash(f.Version), orDash(f.Library), f.status())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return printRepairs(w, findings)
}

// printRepairs says what is wrong with the unusable and what to do. Neighbours
// with the same repair share it.
func printRepairs(w io.Writer, findings []finding) error {
	unusable := slices.DeleteFunc(slices.Clone(findings), func(f finding) bool { return f.Usable })
	text := ""
	for i, f := range unusable {
		if i == 0 || unusable[i-1].Repair != f.Repair {
			text += "\n"
		}
		text += f.Problem + "\n"
		if f.Repair != "" && (i == len(unusable)-1 || unusable[i+1].Repair != f.Repair) {
			text += "repair: " + f.Repair + "\n"
		}
	}
	_, err := io.WriteString(w, text)
	return err
}

// isRefused reports a Python that the account cannot reach.
func (f finding) isRefused() bool { return f.reason == pyhome.PermissionDenied.String() }

// status is the last column of the table.
func (f finding) status() string {
	switch {
	case !f.Usable:
		return f.reason
	case f.Default && f.Venv:
		return "ok, default, virtual environment"
	case f.Default:
		return "ok, default"
	case f.Venv:
		return "ok, virtual environment"
	}
	return "ok"
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

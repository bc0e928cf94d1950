package procgroup

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/gophersnake/gophersnake/internal/account"
	"github.com/gophersnake/gophersnake/internal/suggest"
)

// errRoot is mod_wsgi's sentence.
var errRoot = &excuse{"WSGI process blocked from running as root.",
	errors.New("applications are not run as root; name another account with user=")}

const accountValues = "name or #number"

// userOption takes an account that exists and that may be one.
func userOption(field func(*Options) *string, may func(account.Account) error) shape {
	return shape{"NAME", accountValues, func(o *Options, value string) error {
		a, err := account.Lookup(value)
		if err != nil {
			return unknown("user", value, "/etc/passwd", err)
		}
		if err := may(a); err != nil {
			return err
		}
		*field(o) = value
		return nil
	}}
}

func anyUser(account.Account) error { return nil }

func notRoot(a account.Account) error {
	if a.UID == 0 {
		return errRoot
	}
	return nil
}

// groupOption takes a group that exists.
func groupOption(field func(*Options) *string) shape {
	return shape{"NAME", accountValues, func(o *Options, value string) error {
		if _, err := lookupGroup(value); err != nil {
			return err
		}
		*field(o) = value
		return nil
	}}
}

func supplementaryGroups(o *Options, value string) error {
	names := strings.Split(value, ",")
	for _, name := range names {
		if name == "" {
			return fmt.Errorf("%q has an empty name; groups are separated by one comma", value)
		}
		if _, err := lookupGroup(name); err != nil {
			return err
		}
	}
	o.SupplementaryGroups = names
	return nil
}

func lookupGroup(name string) (uint32, error) {
	gid, err := account.LookupGroup(name)
	if err != nil {
		return 0, unknown("group", name, "/etc/group", err)
	}
	return gid, nil
}

// unknown says that there is no such user or group, in Apache's words, and
// which one of those in a file was probably meant.
func unknown(kind, name, file string, cause error) error {
	text := fmt.Sprintf("bad %s name %s.", kind, name)
	if near := suggest.Nearest(name, namesIn(file)); near != "" {
		return &excuse{text, fmt.Errorf("%w; did you mean %s?", cause, near)}
	}
	return &excuse{text, fmt.Errorf("%w; create it or name another", cause)}
}

// namesIn returns the first field of each line. Without the file there is
// nothing to suggest.
func namesIn(file string) []string {
	content, _ := os.ReadFile(file)
	var names []string
	for line := range strings.Lines(string(content)) {
		if name, _, found := strings.Cut(line, ":"); found {
			names = append(names, name)
		}
	}
	return names
}

// Owner is who a script and its directory must belong to.
type Owner struct {
	Name  string // as it was given
	ID    uint32
	Group bool // it is a group
}

// ScriptOwner returns what script-user or script-group asks for, nil when neither
// was given. It looks accounts up, which a process behind a chroot no longer can.
func (o *Options) ScriptOwner() (*Owner, error) {
	switch {
	case o.ScriptUser != "":
		a, err := account.Lookup(o.ScriptUser)
		if err != nil {
			return nil, o.fail("script-user", o.ScriptUser, unknown("user", o.ScriptUser, "/etc/passwd", err))
		}
		return &Owner{Name: o.ScriptUser, ID: a.UID}, nil
	case o.ScriptGroup != "":
		gid, err := lookupGroup(o.ScriptGroup)
		if err != nil {
			return nil, o.fail("script-group", o.ScriptGroup, err)
		}
		return &Owner{Name: o.ScriptGroup, ID: gid, Group: true}, nil
	}
	return nil, nil
}

// Identity returns the account that the processes run as; server is that of
// the server, which stands in for what is not given. It never is root. Only
// root can run processes as another account: for others that is an error.
func (o *Options) Identity(server account.Account) (account.Account, error) {
	return o.identity(account.Current(), server)
}

func (o *Options) identity(now, server account.Account) (a account.Account, err error) {
	a = server
	if o.User != "" {
		if a, err = account.Lookup(o.User); err != nil {
			return a, o.fail("user", o.User, unknown("user", o.User, "/etc/passwd", err))
		}
	}
	if o.Group != "" {
		gid, err := lookupGroup(o.Group)
		if err != nil {
			return a, o.fail("group", o.Group, err)
		}
		a.Groups = without(a.Groups, a.GID) // as initgroups: that of the user gives way
		a.GID = gid
	}
	if o.SupplementaryGroups != nil {
		if a.Groups, err = groupNumbers(o.SupplementaryGroups); err != nil {
			return a, o.fail("supplementary-groups", strings.Join(o.SupplementaryGroups, ","), err)
		}
	}
	if a.UID == 0 {
		return a, o.fail("user", a.Name, errRoot)
	}
	return a, o.mayBecome(now, a)
}

// mayBecome reports an account that now cannot become.
func (o *Options) mayBecome(now, a account.Account) error {
	onlyRoot := fmt.Errorf("only root can change its account, and this is %s; leave the option out or start as root", now.Name)
	switch {
	case now.UID == 0:
		return nil
	case a.UID != now.UID:
		return o.fail("user", a.Name, onlyRoot)
	case a.GID != now.GID:
		return o.fail("group", o.Group, onlyRoot)
	case o.SupplementaryGroups != nil && !sameGroups(a, now):
		return o.fail("supplementary-groups", strings.Join(o.SupplementaryGroups, ","), onlyRoot)
	}
	return nil
}

func groupNumbers(names []string) ([]uint32, error) {
	var numbers []uint32
	for _, name := range names {
		gid, err := lookupGroup(name)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, gid)
	}
	return numbers, nil
}

func sameGroups(a, b account.Account) bool {
	set := func(a account.Account) []uint32 {
		all := append([]uint32{a.GID}, a.Groups...)
		slices.Sort(all)
		return slices.Compact(all)
	}
	return slices.Equal(set(a), set(b))
}

func without(groups []uint32, gid uint32) []uint32 {
	return slices.DeleteFunc(slices.Clone(groups), func(g uint32) bool { return g == gid })
}

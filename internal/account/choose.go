package account

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"strings"
)

// ErrRoot says that applications do not run as root.
var ErrRoot = errors.New("applications are not run as root: name another account with --user")

// unprivileged are the accounts that stand in for root, the first there is.
var unprivileged = []string{"www-data", "nobody"}

// Choose decides who this process is to run as: what the user and the group
// name, or who runs it, or, for root, an account without rights. An empty name
// stands for no choice.
func Choose(userName, groupName string) (Account, error) {
	return choose(Current(), userName, groupName)
}

func choose(now Account, userName, groupName string) (Account, error) {
	a, err := chooseUser(now, userName)
	if err != nil {
		return Account{}, err
	}
	if groupName != "" {
		if a.GID, err = LookupGroup(groupName); err != nil {
			return Account{}, err
		}
	}
	switch {
	case a.UID == 0:
		return Account{}, ErrRoot
	case now.UID != 0 && (a.UID != now.UID || a.GID != now.GID):
		return Account{}, fmt.Errorf("run as %s, group %d: only root can change its account, and this is %s",
			a.Name, a.GID, now.Name)
	}
	return a, nil
}

func chooseUser(now Account, name string) (Account, error) {
	if name != "" {
		return Lookup(name)
	}
	if now.UID != 0 {
		return now, nil
	}
	for _, name := range unprivileged {
		if a, err := Lookup(name); err == nil {
			return a, nil
		}
	}
	return Account{}, fmt.Errorf("%w (there is neither %s)", ErrRoot, strings.Join(unprivileged, " nor "))
}

// LookupGroup finds the number of a group by its name or number.
func LookupGroup(name string) (uint32, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		byID, idErr := user.LookupGroupId(strings.TrimPrefix(name, "#"))
		if idErr != nil {
			return 0, fmt.Errorf("look up group %q: %w", name, err)
		}
		g = byID
	}
	gid, err := strconv.ParseUint(g.Gid, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("look up group %q: %w", name, err)
	}
	return uint32(gid), nil
}

// Package account knows the system's accounts: who they are, what they may
// read, and how this process becomes one. It knows nothing of what is run
// as them.
package account

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// Account is who wants access.
type Account struct {
	Name   string
	UID    uint32
	GID    uint32
	Groups []uint32 // supplementary
	Home   string   // home directory; "" if it is not known
}

// Current is the one this process runs as.
func Current() Account {
	a := Account{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}
	a.Name = userName(a.UID)
	if u, err := user.LookupId(strconv.FormatUint(uint64(a.UID), 10)); err == nil {
		a.Home = u.HomeDir
	}
	groups, _ := os.Getgroups() // without them a group's right may go unseen, no more
	for _, g := range groups {
		a.Groups = append(a.Groups, uint32(g))
	}
	return a
}

// Lookup finds an account by its name or number, with all its groups.
func Lookup(name string) (Account, error) {
	u, err := user.Lookup(name)
	if err != nil {
		if byID, idErr := user.LookupId(strings.TrimPrefix(name, "#")); idErr == nil {
			u, err = byID, nil
		}
	}
	if err != nil {
		return Account{}, fmt.Errorf("look up account %q: %w", name, err)
	}
	uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return Account{}, fmt.Errorf("look up account %q: %w", name, err)
	}
	a := Account{Name: u.Username, UID: uint32(uid), GID: uint32(gid), Home: u.HomeDir}
	ids, err := u.GroupIds()
	if err != nil {
		return Account{}, fmt.Errorf("look up groups of account %q: %w", name, err)
	}
	for _, id := range ids {
		if n, err := strconv.ParseUint(id, 10, 32); err == nil {
			a.Groups = append(a.Groups, uint32(n))
		}
	}
	return a, nil
}

package account

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// AccessError says which element of a path refuses an account.
type AccessError struct {
	Account Account
	Path    string // what was to be reached
	Element string // what refuses: Path itself or a directory on the way
	Need    string // "search", "read" or "read and search"
	Owner   string // account:group
	Mode    fs.FileMode
}

func (e *AccessError) Error() string {
	text := fmt.Sprintf("%s may not %s %s (owner %s, mode %v)", e.Account.Name, e.Need, e.Element, e.Owner, e.Mode)
	if e.Element != e.Path {
		text += ", which is on the way to " + e.Path
	}
	return text
}

// Is makes the error an fs.ErrPermission.
func (e *AccessError) Is(target error) bool { return target == fs.ErrPermission }

// Refusal returns nil if the account can reach and read path, as far as owners
// and modes tell; a directory must be searchable too. Otherwise the error is
// an *AccessError for the first element that refuses, or that of the system
// when the path cannot be examined. Symbolic links are followed. It judges an
// element with an access control list to be open, and root to be let in
// everywhere. Relative paths start at the current directory.
func Refusal(path string, account Account) error {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("examine access to %s: %w", path, err)
	}
	w := walk{account: account, target: absolute}
	return w.run()
}

const (
	searchBit = 1
	readBit   = 4
	maxLinks  = 40
)

// walk goes along a path from the root.
type walk struct {
	account Account
	target  string
	links   int
}

func (w *walk) run() error {
	at, rest := "/", strings.Split(strings.Trim(w.target, "/"), "/")
	for {
		info, err := os.Lstat(at)
		if err != nil {
			return fmt.Errorf("examine access to %s: %w", w.target, err)
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			if at, rest, err = w.follow(at, rest); err != nil {
				return err
			}
			continue
		}
		last := len(rest) == 0
		if err := w.judge(at, info, last); err != nil || last {
			return err
		}
		at, rest = filepath.Join(at, rest[0]), rest[1:]
	}
}

// follow replaces the link at by where it points to.
func (w *walk) follow(at string, rest []string) (string, []string, error) {
	if w.links++; w.links > maxLinks {
		return "", nil, fmt.Errorf("examine access to %s: %w", w.target, syscall.ELOOP)
	}
	to, err := os.Readlink(at)
	if err != nil {
		return "", nil, fmt.Errorf("examine access to %s: %w", w.target, err)
	}
	if !filepath.IsAbs(to) {
		to = filepath.Join(filepath.Dir(at), to)
	}
	elements := strings.FieldsFunc(to, func(r rune) bool { return r == '/' })
	return "/", append(elements, rest...), nil
}

// judge decides on one element; to pass a directory takes search permission.
func (w *walk) judge(at string, info fs.FileInfo, last bool) error {
	need, verb := uint32(searchBit), "search"
	if last {
		need, verb = readBit, "read"
		if info.IsDir() {
			need, verb = readBit|searchBit, "read and search"
		}
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || w.account.UID == 0 || hasACL(at) || w.bits(stat)&need == need {
		return nil
	}
	account := w.account
	if account.Name == "" {
		account.Name = userName(account.UID)
	}
	return &AccessError{Account: account, Path: w.target, Element: at, Need: verb,
		Owner: userName(stat.Uid) + ":" + groupName(stat.Gid), Mode: info.Mode()}
}

// bits returns the three permission bits that apply to the account: only the
// most specific class counts.
func (w *walk) bits(stat *syscall.Stat_t) uint32 {
	mode := uint32(stat.Mode) //nolint:unconvert // it is narrower on other systems
	switch {
	case stat.Uid == w.account.UID:
		return mode >> 6 & 7
	case stat.Gid == w.account.GID || slices.Contains(w.account.Groups, stat.Gid):
		return mode >> 3 & 7
	}
	return mode & 7
}

func hasACL(path string) bool {
	n, err := unix.Lgetxattr(path, "system.posix_acl_access", nil)
	return err == nil && n > 0
}

func userName(uid uint32) string {
	if u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10)); err == nil {
		return u.Username
	}
	return "#" + strconv.FormatUint(uint64(uid), 10)
}

func groupName(gid uint32) string {
	if g, err := user.LookupGroupId(strconv.FormatUint(uint64(gid), 10)); err == nil {
		return g.Name
	}
	return "#" + strconv.FormatUint(uint64(gid), 10)
}

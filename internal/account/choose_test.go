package account

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	root := Account{Name: "root"}
	me := Account{Name: "me", UID: 4321, GID: 4321}
	for _, test := range []struct {
		name        string
		now         Account
		user, group string
		want        string // name of the account, or part of the error
		gid         uint32
	}{
		{"nobody in particular", me, "", "", "me", 4321},
		{"root without a choice", root, "", "", "www-data", 33},
		{"root names a user", root, "nobody", "", "nobody", 65534},
		{"root names a number", root, "#65534", "", "nobody", 65534},
		{"root names a group", root, "nobody", "www-data", "nobody", 33},
		{"root names root", root, "root", "", "not run as root", 0},
		{"no such user", root, "nobody-at-all", "", `look up account "nobody-at-all"`, 0},
		{"no such group", root, "nobody", "nogroup-at-all", `look up group "nogroup-at-all"`, 0},
		{"only root can change", me, "nobody", "", "only root can change", 0},
		{"nor the group", me, "", "www-data", "only root can change", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := choose(test.now, test.user, test.group)
			switch {
			case err != nil:
				if !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want %q", err, test.want)
				}
			case got.Name != test.want || got.GID != test.gid:
				t.Errorf("chose %s, group %d; want %s, %d", got.Name, got.GID, test.want, test.gid)
			}
		})
	}
}

// become names the account that TestMain turns into.
const become = "GOPHERSNAKE_TEST_BECOME"

func TestMain(m *testing.M) {
	name := os.Getenv(become)
	if name == "" {
		os.Exit(m.Run())
	}
	a, err := Lookup(name)
	if err == nil {
		err = Become(a)
	}
	if err != nil {
		os.Stdout.WriteString(err.Error())
		os.Exit(1)
	}
	status, _ := os.ReadFile("/proc/self/status")
	os.Stdout.Write(status)
}

func runAs(name string) (string, error) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), become+"="+name)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestBecome(t *testing.T) {
	if os.Geteuid() != 0 {
		out, err := runAs("nobody")
		if err == nil {
			t.Errorf("an ordinary account became another one:\n%s", out)
		}
		return
	}
	out, err := runAs("www-data")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"Uid:\t33\t33\t33\t33\n", "Gid:\t33\t33\t33\t33\n", "Groups:\t33 \n"} {
		if !strings.Contains(out, want) {
			t.Errorf("status lacks %q:\n%s", want, out)
		}
	}
}

func TestBecomeRoot(t *testing.T) {
	if err := Become(Account{Name: "root", UID: 0, GID: 4321}); !errors.Is(err, ErrRoot) {
		t.Errorf("Become root: %v", err)
	}
}

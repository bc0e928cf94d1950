package confine

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// planFor names the plan, as JSON, that the test's program carries out instead
// of its tests.
const planFor = "GOPHERSNAKE_TEST_PLAN"

// probeFor names a file that the child then tries to read.
const probeFor = "GOPHERSNAKE_TEST_READ"

// leastFor has the child give up rights first, if it is set.
const leastFor = "GOPHERSNAKE_TEST_LEAST"

func TestMain(m *testing.M) {
	text := os.Getenv(planFor)
	if text == "" {
		os.Exit(m.Run())
	}
	if os.Getenv(leastFor) != "" {
		if err := LeastRights(os.Environ()); err != nil {
			fmt.Print(err)
			os.Exit(1)
		}
	}
	if err := runChild(text); err != nil {
		fmt.Print(err)
		os.Exit(1)
	}
}

// told is what the child says about itself.
type told struct {
	Args     []string
	Dir      string
	Lang     string
	Read     string // "" or why it could not
	Dumpable int
	Umask    int
}

// runChild starts some threads, carries out the plan, starts more, says how it
// is and waits for its standard input to end.
func runChild(text string) error {
	var p Plan
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return err
	}
	startThreads(nil)
	if err := Apply(p); err != nil {
		return err
	}
	startThreads(nil)
	t := told{Args: os.Args, Lang: os.Getenv("LANG")}
	t.Dir, _ = os.Getwd()
	if path := os.Getenv(probeFor); path != "" {
		if _, err := os.ReadFile(path); err != nil {
			t.Read = err.Error()
		}
	}
	t.Dumpable, _ = unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	t.Umask = unix.Umask(0)
	unix.Umask(t.Umask)
	if err := json.NewEncoder(os.Stdout).Encode(t); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// startThreads makes threads that stay until done is closed.
func startThreads(done <-chan struct{}) {
	ready := make(chan struct{})
	for range 4 {
		go func() {
			runtime.LockOSThread()
			ready <- struct{}{}
			<-done
		}()
	}
	for range 4 {
		<-ready
	}
}

// child is a process that has carried out its plan and waits.
type child struct {
	told
	pid int
}

// command returns the child's command: args as its arguments, env beyond ours.
func command(t *testing.T, p Plan, args []string, env ...string) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	if args != nil {
		cmd.Args = args
	}
	cmd.Env = append(append(os.Environ(), env...), planFor+"="+string(text), "GORACE=atexit_sleep_ms=0")
	return cmd
}

// start starts a child; it ends with the test.
func start(t *testing.T, p Plan, args []string, env ...string) child {
	t.Helper()
	return startCommand(t, command(t, p, args, env...))
}

// startCommand is start for a command that runs the child.
func startCommand(t *testing.T, cmd *exec.Cmd) child {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("child: %v", err)
		}
	})
	c := child{pid: cmd.Process.Pid}
	var answer strings.Builder
	if err := json.NewDecoder(io.TeeReader(stdout, &answer)).Decode(&c.told); err != nil {
		t.Fatalf("child said %q: %v", answer.String(), err)
	}
	return c
}

// fails returns what a child says whose plan fails.
func fails(t *testing.T, p Plan, env ...string) string {
	t.Helper()
	out, err := command(t, p, nil, env...).Output()
	if err == nil {
		t.Errorf("the plan was carried out: %s", out)
	}
	return string(out)
}

// proc reads a file of the child in /proc.
func (c child) proc(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", c.pid, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// threads reads a file of each thread of the child.
func (c child) threads(t *testing.T, name string) []string {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", c.pid))
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, entry := range entries {
		texts = append(texts, c.proc(t, "task/"+entry.Name()+"/"+name))
	}
	if len(texts) < 9 {
		t.Errorf("the child has %d threads, it was to make 8", len(texts))
	}
	return texts
}

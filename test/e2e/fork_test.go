package e2e

import (
	"fmt"
	"testing"
)

// birthScript sends SIGTERM to children in the instant of their birth and looks
// whether one lives on.
const birthScript = `import multiprocessing, os, select, signal, subprocess, time

def ends(pid):
    fd = os.pidfd_open(pid)
    try:
        return bool(select.select([fd], [], [], 10)[0])
    finally:
        os.close(fd)

def forked():
    pid = os.fork()
    if pid == 0:
        while True:
            time.sleep(60)
    os.kill(pid, signal.SIGTERM)
    lost = not ends(pid)
    if lost:
        os.kill(pid, signal.SIGKILL)
    return lost or os.waitpid(pid, 0)[1] != signal.SIGTERM

def process():
    p = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    p.start()
    p.terminate()
    lost = not ends(p.pid)
    if lost:
        p.kill()
    p.join()
    return lost or p.exitcode != -signal.SIGTERM

def popen(**options):
    p = subprocess.Popen(["/bin/sleep", "60"], **options)
    p.terminate()
    lost = not ends(p.pid)
    if lost:
        p.kill()
    return p.wait() != -signal.SIGTERM or lost

kinds = {
    "fork": forked,
    "multiprocessing": process,
    "subprocess": popen,
    "preexec": lambda: popen(preexec_fn=lambda: None),
    "posix_spawn": lambda: popen(close_fds=False),
}

def application(environ, start_response):
    kind, rounds = environ["QUERY_STRING"].split("*")
    lost = any(kinds[kind]() for _ in range(int(rounds)))
    start_response("200 OK", [])
    return [b"one lived on after SIGTERM" if lost else b"none lost"]
`

// TestSignalAtBirth: a child of the application that gets a signal before it has
// done anything acts on it.
func TestSignalAtBirth(t *testing.T) {
	t.Parallel()
	const batch = 100
	for _, daemon := range []bool{false, true} {
		t.Run(modeName(daemon), func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t)
			write(t, dir, "app.py", birthScript)
			p := launch{dir: dir, daemon: daemon, args: []string{"app.py"}}.start(t)
			for kind, rounds := range map[string]int{
				"fork": count(20_000, 400), "multiprocessing": count(2_000, 100), "subprocess": count(1_000, 100),
				"preexec": count(1_000, 100), "posix_spawn": count(1_000, 100),
			} {
				for done := 0; done < rounds; done += batch {
					if answer := p.get(fmt.Sprintf("/?%s*%d", kind, batch)).body; answer != "none lost" {
						t.Errorf("%s: after %d of %d children: %s", kind, done, rounds, answer)
						break
					}
				}
			}
		})
	}
}

func modeName(daemon bool) string {
	if daemon {
		return "daemon"
	}
	return "embedded"
}

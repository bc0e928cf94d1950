package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sayScript is a script that answers with a text, after it has done something.
func sayScript(first, text string) string {
	return first + fmt.Sprintf("\ndef application(environ, start_response):\n    start_response('200 OK', [])\n    return [b%q]\n", text)
}

// rewrite changes a file, with a time of change that differs from the one before
// however coarse the clock is.
func rewrite(t *testing.T, path, text string) {
	t.Helper()
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Dir(path), filepath.Base(path), text)
	later := before.ModTime().Add(time.Second)
	if now := time.Now(); later.Before(now) {
		later = now
	}
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
}

// TestScriptThatKillsItsProcess: when the processes of a changed script die while it
// loads, the old code serves on, the request that saw the change included, and the
// log says so. The next change is tried like the first.
func TestScriptThatKillsItsProcess(t *testing.T) {
	for _, test := range []struct{ name, death, processes, startup string }{
		{"exit", "import os\nos._exit(3)", "2", "30"},
		{"killed", "import os\nos.kill(os.getpid(), 9)", "2", "30"},
		{"startup", "import time\ntime.sleep(3600)", "1", "6"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t)
			script := write(t, dir, "app.py", sayScript("", "one"))
			p := launch{dir: dir, daemon: true, args: []string{"--processes", test.processes, "--startup-timeout", test.startup, "app.py"}}.start(t)
			p.expect("/", 200, "one")
			rewrite(t, script, sayScript(test.death, "never"))
			for range 5 {
				began := time.Now()
				p.expect("/", 200, "one")
				if took := time.Since(began); took > 20*time.Second {
					t.Errorf("an answer of the old code took %v", took)
				}
			}
			p.stderr.await(t, `could not start: .*; it is tried again .*, the old process stays in service`)
			p.stderr.await(t, `process [0-9]+ of group .* serves on with the code from before the last change, as its replacement could not start`)
			rewrite(t, script, sayScript("", "two"))
			p.expect("/", 200, "two")
			p.expect("/", 200, "two")
			p.stop()
		})
	}
}

// atOnce asks for a path, and wants the answer not to wait for anything.
func (p *process) atOnce(path string, status int) {
	p.t.Helper()
	began := time.Now()
	p.expect(path, status, "")
	if took := time.Since(began); took > 5*time.Second {
		p.t.Errorf("GET %s: the answer took %v", path, took)
	}
}

// statusTable is what the command status prints of the server.
func (p *process) statusTable() string {
	p.t.Helper()
	_, port, _ := strings.Cut(p.addr, ":")
	out, err := exec.Command(program, "status", "--port", port).CombinedOutput()
	if err != nil {
		p.t.Errorf("status: %v", err)
	}
	return string(out)
}

// TestLoadSucceedsLater: a script that cannot be loaded because a database is not up
// gives 500, with one traceback, and works soon after the database does, though no file
// that is part of it has changed.
func TestLoadSucceedsLater(t *testing.T) {
	inBothModes(t, func(t *testing.T, l launch) {
		dir := tempDir(t)
		write(t, dir, "app.py", sayScript("import os\nif not os.path.exists('database'):\n    raise RuntimeError('the database is not up')\n", "works"))
		p := launch{dir: dir, daemon: l.daemon, args: []string{"app.py"}}.start(t)
		for range 3 {
			p.atOnce("/", 500)
		}
		if l.daemon {
			p.stderr.await(t, `\[core:error\] .*process 1 \(pid [0-9]+\) script \S+/app\.py has not loaded: RuntimeError: the database is not up; requests for it get 500, and a fresh process tries again in 1s`)
			p.stderr.await(t, `a fresh process tries again in 2s`)
			out := p.statusTable()
			for _, part := range []string{"not loaded", "script " + filepath.Join(dir, "app.py") + " has not loaded: RuntimeError: the database is not up\n"} {
				if !strings.Contains(out, part) {
					t.Errorf("status does not say %q:\n%s", part, out)
				}
			}
		}
		write(t, dir, "database", "")
		eventually(t, "the script has loaded", func() bool { return p.get("/").body == "works" })
		if l.daemon {
			out := p.statusTable()
			if !strings.Contains(out, "  ready  ") || strings.Contains(out, "not loaded  ") {
				t.Errorf("status:\n%s", out)
			}
		}
		if n := strings.Count(p.stderr.String(), "Traceback"); n != 1 {
			t.Errorf("%d tracebacks, want one", n)
		}
	})
}

// TestMendedModule: a typo in a module is mended, and the script, which has not
// changed, works at once.
func TestMendedModule(t *testing.T) {
	inBothModes(t, func(t *testing.T, l launch) {
		dir := tempDir(t)
		write(t, dir, "app.py", "import site_models\n"+sayScript("", "works"))
		models := write(t, dir, "site_models.py", "from site_base import *\nthis is no Python\n")
		write(t, dir, "site_base.py", "")
		p := launch{dir: dir, daemon: l.daemon, args: []string{"app.py"}}.start(t)
		p.atOnce("/", 500)
		if l.daemon {
			p.stderr.await(t, `a fresh process tries again in 4s`)
		}
		rewrite(t, models, "from site_base import *\n")
		eventually(t, "the script has loaded", func() bool { return p.get("/").body == "works" })
		if l.daemon {
			p.stderr.await(t, `its replacement is tried as soon as may be: \S+/site_models\.py has changed`)
		}
	})
}

// TestMendedScript: the first request after the script itself was mended is served by
// it.
func TestMendedScript(t *testing.T) {
	inBothModes(t, func(t *testing.T, l launch) {
		dir := tempDir(t)
		script := write(t, dir, "app.py", "this is no Python\n")
		p := launch{dir: dir, daemon: l.daemon, args: []string{"app.py"}}.start(t)
		p.atOnce("/", 500)
		rewrite(t, script, sayScript("", "works"))
		p.expect("/", 200, "works")
	})
}

// TestLateScript: a script that is not there at the start, and cannot be loaded when it
// comes, is found out by the first request, and tried again all the same.
func TestLateScript(t *testing.T) {
	inBothModes(t, func(t *testing.T, l launch) {
		dir := tempDir(t)
		p := launch{dir: dir, daemon: l.daemon, args: []string{"app.py"}}.start(t)
		p.expect("/", 404, "")
		part := write(t, dir, "site_part.py", "1 / 0\n")
		write(t, dir, "app.py", sayScript("import site_part\n", "works"))
		p.atOnce("/", 500)
		if l.daemon {
			p.stderr.await(t, `script \S+/app\.py has not loaded: ZeroDivisionError: division by zero; requests for it get 500, and a fresh process tries again in 1s`)
			p.stderr.await(t, `still fails in a fresh process`)
		}
		rewrite(t, part, "")
		eventually(t, "the script has loaded", func() bool { return p.get("/").body == "works" })
		if n := strings.Count(p.stderr.String(), "Traceback"); n != 1 {
			t.Errorf("%d tracebacks, want one", n)
		}
	})
}

// TestMissingModuleAppears: a module that was not found is put where it was looked for.
func TestMissingModuleAppears(t *testing.T) {
	inBothModes(t, func(t *testing.T, l launch) {
		dir := tempDir(t)
		write(t, dir, "app.py", "import site_package.missing\n"+sayScript("", "works"))
		write(t, dir, "site_package/__init__.py", "")
		p := launch{dir: dir, daemon: l.daemon, args: []string{"app.py"}}.start(t)
		p.atOnce("/", 500)
		if l.daemon {
			p.stderr.await(t, `a fresh process tries again in 4s`)
		}
		write(t, dir, "site_package/missing.py", "")
		eventually(t, "the script has loaded", func() bool { return p.get("/").body == "works" })
		if l.daemon {
			p.stderr.await(t, `its replacement is tried as soon as may be: \S+/site_package/missing\.py has changed`)
		}
	})
}

// TestReloadOnChangesAfterFailure: under --reload-on-changes everything is started
// again when a file changes that took part in a load that failed.
func TestReloadOnChangesAfterFailure(t *testing.T) {
	inBothModes(t, func(t *testing.T, l launch) {
		dir := tempDir(t)
		write(t, dir, "app.py", "import site_models\n"+sayScript("", "works"))
		models := write(t, dir, "site_models.py", "1 / 0\n")
		p := launch{dir: dir, daemon: l.daemon, args: []string{"--reload-on-changes", "app.py"}}.start(t)
		p.atOnce("/", 500)
		rewrite(t, models, "")
		eventually(t, "the script has loaded", func() bool { return p.get("/").body == "works" })
		if !l.daemon {
			p.stderr.await(t, `\[core:notice\] .*/site_models\.py has changed: restarting`)
		}
	})
}

// TestBrokenChangeServesOldCode: a change that cannot be loaded is not served in a
// daemon: the old process stays, and watches what the change depends on.
func TestBrokenChangeServesOldCode(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	script := write(t, dir, "app.py", sayScript("", "one"))
	part := write(t, dir, "site_part.py", "1 / 0\n")
	p := launch{dir: dir, daemon: true, args: []string{"app.py"}}.start(t)
	p.expect("/", 200, "one")
	rewrite(t, script, sayScript("import site_part\n", "two"))
	for range 3 {
		p.expect("/", 200, "one")
	}
	p.stderr.await(t, `could not start: script \S+/app\.py has not loaded: ZeroDivisionError: division by zero; it is tried again .*, the old process stays in service`)
	p.stderr.await(t, `serves on with the code from before the last change, as its replacement could not start \(script \S+ has not loaded: ZeroDivisionError`)
	p.stderr.await(t, `it is tried again in 4s, the old process stays in service`)
	rewrite(t, part, "")
	eventually(t, "the change is served", func() bool { return p.get("/").body == "two" })
	p.stop()
}

// TestBrokenModuleServesOldCode: so it is with --reload-on-changes, when a module is
// broken and then mended.
func TestBrokenModuleServesOldCode(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "app.py", "import site_part\n"+sayScript("", "works"))
	part := write(t, dir, "site_part.py", "")
	p := launch{dir: dir, daemon: true, args: []string{"--reload-on-changes", "app.py"}}.start(t)
	p.expect("/", 200, "works")
	first := p.onlyDaemon()
	rewrite(t, part, "this is no Python\n")
	p.stderr.await(t, `could not start: script \S+/app\.py has not loaded: SyntaxError: .*, the old process stays in service`)
	p.expect("/", 200, "works")
	rewrite(t, part, "pass\n")
	p.stderr.await(t, fmt.Sprintf(`process 1 \(pid %d\) ended: exited with status 0, after \S+/site_part\.py has changed`, first))
	p.expect("/", 200, "works")
	p.stop()
}

// TestReloadOfABrokenScript: SIGHUP does not replace what works by what cannot be
// loaded.
func TestReloadOfABrokenScript(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "app.py", "import site_part\n"+sayScript("", "works"))
	part := write(t, dir, "site_part.py", "")
	p := launch{dir: dir, daemon: true, args: []string{"app.py"}}.start(t)
	p.expect("/", 200, "works")
	rewrite(t, part, "1 / 0\n")
	p.signal(syscall.SIGHUP)
	p.stderr.await(t, `reload: the old processes go on: .*script \S+/app\.py has not loaded: ZeroDivisionError`)
	p.expect("/", 200, "works")
	rewrite(t, part, "")
	p.signal(syscall.SIGHUP)
	p.stderr.await(t, `\] reloaded\n`)
	p.expect("/", 200, "works")
	p.stop()
}

// TestDjangoLoadsLater: a Django project whose settings fail first, and whose models
// have a typo then, works when both are mended, without a change of wsgi.py.
func TestDjangoLoadsLater(t *testing.T) {
	inBothModes(t, func(t *testing.T, l launch) {
		dir := tempDir(t)
		install := exec.Command("/usr/bin/python3", "-m", "pip", "install", "--quiet", "--target", filepath.Join(dir, "lib"), "Django==4.2.25")
		if out, err := install.CombinedOutput(); err != nil {
			t.Fatalf("install Django: %v\n%s", err, out)
		}
		write(t, dir, "mysite/__init__.py", "")
		write(t, dir, "mysite/settings.py", "import os\nif not os.path.exists('database'):\n    raise RuntimeError('the database is not up')\n"+
			"SECRET_KEY = 'x'\nALLOWED_HOSTS = ['*']\nROOT_URLCONF = 'mysite.urls'\nINSTALLED_APPS = ['django.contrib.contenttypes', 'shop']\n"+
			"DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}}\nDEFAULT_AUTO_FIELD = 'django.db.models.AutoField'\n")
		write(t, dir, "mysite/urls.py", "from django.http import HttpResponse\nfrom django.urls import path\nfrom shop.models import Item\nurlpatterns = [path('', lambda r: HttpResponse('shop of ' + Item.__name__))]\n")
		write(t, dir, "mysite/wsgi.py", "import os\nfrom django.core.wsgi import get_wsgi_application\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')\napplication = get_wsgi_application()\n")
		write(t, dir, "shop/__init__.py", "")
		models := write(t, dir, "shop/models.py", "from django.db import models\nclass Item(models.Model):\n    name = models.CharFeld(max_length=10)\n")
		p := launch{dir: dir, daemon: l.daemon, args: []string{"--python-path", filepath.Join(dir, "lib"), "--working-directory", dir, "mysite/wsgi.py"}}.start(t)
		p.atOnce("/", 500)
		p.stderr.await(t, `RuntimeError: the database is not up`)
		write(t, dir, "database", "")
		eventually(t, "the typo is found", func() bool {
			p.atOnce("/", 500)
			return strings.Contains(p.stderr.String(), "has no attribute 'CharFeld'")
		})
		rewrite(t, models, "from django.db import models\nclass Item(models.Model):\n    name = models.CharField(max_length=10)\n")
		eventually(t, "the project has loaded", func() bool { return p.get("/").body == "shop of Item" })
	})
}

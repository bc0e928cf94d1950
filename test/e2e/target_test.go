package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// siteScript takes its routes from a module that imports it back.
const siteScript = `routes = {}
import views

def application(environ, start_response):
    start_response("200 OK", [])
    return [routes.get(environ["PATH_INFO"], VERSION).encode()]
`

// What a script imports may import the script: there is one copy of it, also
// after it has changed.
func TestScriptImportedBack(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, l launch) {
		write(t, l.dir, "app.py", strings.ReplaceAll(siteScript, "VERSION", `"first"`))
		write(t, l.dir, "views.py", "from app import routes\nroutes['/views'] = 'of the views'\n")
		l.args = []string{"app.py"}
		p := l.start(t)
		p.expect("/views", 200, "of the views")
		p.expect("/", 200, "first")
		write(t, l.dir, "app.py", strings.ReplaceAll(siteScript, "VERSION", `"the second"`))
		p.expect("/", 200, "the second")
		p.expect("/views", 200, "of the views")
		if p.stderr.count(`loaded twice`) != 0 {
			t.Errorf("the log:\n%s", p.stderr)
		}
	})
}

// writePackage writes a package with an application in a module.
func writePackage(t *testing.T, dir string) {
	t.Helper()
	write(t, dir, "site_of_ours/__init__.py", "")
	write(t, dir, "site_of_ours/routes.py", "from .wsgi import routes\nroutes['/views'] = 'of the views'\n")
	write(t, dir, "site_of_ours/wsgi.py", strings.NewReplacer("import views", "from . import routes as _",
		"VERSION", `__name__ + " " + environ["SCRIPT_FILENAME"]`).Replace(siteScript))
}

// A module and the name of an application, as other servers take it. The module
// is what it is when it is imported: relative imports work.
func TestModuleTarget(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, l launch) {
		writePackage(t, l.dir)
		l.args = []string{"site_of_ours.wsgi:application"}
		p := l.start(t)
		p.expect("/", 200, "site_of_ours.wsgi "+l.dir+"/site_of_ours/wsgi.py")
		p.expect("/views", 200, "of the views")
		p.stderr.await(t, `Loading module 'site_of_ours\.wsgi' into main interpreter`)
		source, err := os.ReadFile(filepath.Join(l.dir, "site_of_ours/wsgi.py"))
		if err != nil {
			t.Fatal(err)
		}
		write(t, l.dir, "site_of_ours/wsgi.py", strings.ReplaceAll(string(source), "__name__ +", "'again, ' + __name__ +"))
		p.expect("/", 200, "again, site_of_ours.wsgi "+l.dir+"/site_of_ours/wsgi.py")
		p.expect("/views", 200, "of the views")
	})
}

// What is wrong with such a target is said, with the repair.
func TestModuleTargetWrong(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"site_of_ours.wsgl:application":    `There is no module 'site_of_ours\.wsgl'; did you mean site_of_ours\.wsgi\?$`,
		"sites_of_ours.wsgi:application":   `There is no module 'sites_of_ours'; did you mean site_of_ours\.wsgi\?$`,
		"nothing_like.it:application":      `There is no module 'nothing_like': the directory it is looked for in is that of --working-directory`,
		"site_of_ours.wsgi:my_application": `WSGI0089: Target module 'site_of_ours\.wsgi' does not contain WSGI application 'my_application'\. Did you mean site_of_ours\.wsgi:application `,
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			inBothModes(t, func(t *testing.T, l launch) {
				writePackage(t, l.dir)
				l.args = []string{target}
				p := l.start(t)
				p.stderr.await(t, want)
				checkPage(t, p.get("/"), 500, "site_of_ours")
			})
		})
	}
}

// A file counts before a module; a target that can be neither is refused.
func TestTargetRefused(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"app.py:application":  `write app.py --callable-object application, or app:application`,
		"app:create_app()":    "calls a factory: write a file of two lines, `from app import create_app` and `application = create_app()`",
		"my-site:application": `"my-site" is no name of a module`,
		"app:":                `"" is no name of an application in the module app`,
		"app:one.two":         `"one.two" is no name of an application`,
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			out := launch{args: []string{target}}.fail(t, 2)
			if !strings.Contains(out, want) {
				t.Errorf("got %q, want %q", out, want)
			}
		})
	}
	out := launch{args: []string{"--callable-object", "app", "app:application"}}.fail(t, 2)
	if !strings.Contains(out, "app:application names the application, and --callable-object app does") {
		t.Errorf("got %q", out)
	}
	dir := tempDir(t)
	write(t, dir, "odd:name", helloScript)
	launch{dir: dir, args: []string{"odd:name"}}.start(t).expect("/", 200, "hello")
}

// A missing callable is said when the script is loaded, not first to a client.
func TestMissingCallableAtStart(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, l launch) {
		path := write(t, l.dir, "app.py", strings.ReplaceAll(helloScript, "application", "app"))
		l.args = []string{"app.py"}
		l.start(t).stderr.await(t, `\[wsgi:warn\] .*WSGI0089: Target WSGI script '`+regexp.QuoteMeta(path)+`' .* Did you mean --callable-object app `)
	})
}

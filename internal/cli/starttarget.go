package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	moduleName = regexp.MustCompile(`^[\p{L}_][\p{L}\p{Nd}_]*(\.[\p{L}_][\p{L}\p{Nd}_]*)*$`)
	identifier = regexp.MustCompile(`^[\p{L}_][\p{L}\p{Nd}_]*$`)
)

// setTarget takes what names the application: a file, or MODULE:NAME as other
// servers take it. A file of that name counts first.
func (o *StartOptions) setTarget(target, cwd string) error {
	module, name, isModule := strings.Cut(target, ":")
	path := target
	makeAbsolute(&path, cwd)
	if _, err := os.Lstat(path); err == nil || !isModule || strings.Contains(module, "/") {
		o.Script = target
		return nil
	}
	switch {
	case strings.HasSuffix(module, ".py"):
		return fmt.Errorf("%q is neither a file nor a module and a name: write %s --callable-object %s, or %s:%s",
			target, module, name, strings.TrimSuffix(filepath.Base(module), ".py"), name)
	case !moduleName.MatchString(module):
		return fmt.Errorf("there is no file %q, and %q is no name of a module: write it as in mysite.wsgi:application", target, module)
	case strings.Contains(name, "("):
		return fmt.Errorf("%q calls a factory: write a file of two lines, `from %s import %s` and `application = %s`, and name that",
			target, module, name[:strings.IndexByte(name, '(')], name)
	case !identifier.MatchString(name):
		return fmt.Errorf("%q is no name of an application in the module %s: write it as in %s:application", name, module, module)
	case o.callableGiven:
		return fmt.Errorf("%s names the application, and --callable-object %s does: leave one of them out", target, o.CallableObject)
	}
	o.Module, o.CallableObject = module, name
	return nil
}

// setCallable takes --callable-object.
func setCallable(o *StartOptions, args []string) error {
	o.callableGiven = true
	return text(func(o *StartOptions) *string { return &o.CallableObject })(o, args)
}

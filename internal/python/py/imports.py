"""What is watched while modules are imported.

A finder in front of all others is asked for each module that is not loaded yet,
and for no other: a request that imports nothing new pays nothing. It sees

- a script that is imported back by what it imports, as in
  ``from app import app``: a second copy of it would take the routes;
- extension modules that are known to need the main interpreter.
"""

import importlib
import os
import sys
import threading
from importlib.machinery import ExtensionFileLoader, ModuleSpec

import _gophersnake

WARN = 4  # level of the log

# Modules that are known not to work in sub-interpreters.
MAIN_INTERPRETER_ONLY = frozenset((
    "numpy", "scipy", "pandas", "lxml.etree", "psycopg2", "cv2", "torch",
    "tensorflow", "h5py", "matplotlib", "google.protobuf.pyext",
    # of PyO3
    "bcrypt._bcrypt", "cryptography.hazmat.bindings._rust", "jiter.jiter", "nh3",
    "orjson", "polars", "pydantic_core", "rpds.rpds", "tiktoken._tiktoken", "tokenizers",
))

# Parts of what extension modules say that refuse a sub-interpreter: PyO3 and
# CPython, older PyO3, Cython, numpy.
REFUSALS = ("subinterpreter", "once per interpreter process",
            "Interpreter change detected", "more than once per process")

REPAIR = "use --application-group %{GLOBAL} (WSGIApplicationGroup %{GLOBAL})"

_group = ""  # the application group that this interpreter is for
_warned = set()
_scripts = {}  # Script by path
_removed = set()  # names of packages that were removed before their submodules, if these were


class Script:
    """A script that is loaded, or being loaded, in this interpreter."""

    def __init__(self, path):
        self.path = path
        self.module = None  # None: it failed to load
        self.importable = False
        self.names = set()   # by which it was imported
        self.loaded = set()  # names of the modules that came with it
        self._before = None
        self._importers = set()  # names of modules that are bound to one that failed

    def begin(self, module, importable):
        """Make module the one that is imported. It is about to be executed."""
        old, self.module, self.importable = self.module, module, importable
        for name in sorted(self.names):
            if old is not None and sys.modules.get(name) is old:
                for attribute in ("__package__", "__spec__", "__loader__", "__path__"):
                    if attribute in old.__dict__:
                        setattr(module, attribute, old.__dict__[attribute])
                _enter(name, module)
                _adopt(name, module)
            else:
                self.names.discard(name)
        self._warn_of_earlier()
        self.before()

    def end(self, failed):
        """The script was executed. What is imported from now on does not come with it."""
        self.loaded |= set(sys.modules) - self._before
        if failed:
            self._note_importers()
            for name in self.names:
                if sys.modules.get(name) is self.module:
                    remove(name)
            self.module = None
            self.names.clear()

    def _note_importers(self):
        """Note what has imported the script, before any of it is forgotten."""
        if self.names:
            from _gophersnake import importers

            self._importers.update(importers.of(self.names, self.loaded))

    def before(self):
        """What is imported from now on comes with the script."""
        self._before = set(sys.modules)

    def submodule(self, name):
        """Import a submodule of the script by the name that the script was imported by.

        In "from package import module" CPython looks for the module below the package's
        __name__, which the script keeps. That there is none of this name is no error to
        it, if the package has the module as an attribute then.
        """
        parent, _, child = name.rpartition(".")
        if self.module is None or sys.modules.get(parent) is not self.module or parent in self.names or not self.names:
            return
        real = "%s.%s" % (min(self.names), child)
        try:
            setattr(self.module, child, importlib.import_module(real))
        except ModuleNotFoundError as exc:
            if exc.name != real:
                raise
        raise ModuleNotFoundError("No module named %r" % name, name=name)

    def forget_importers(self):
        """Have the script import anew what has imported it.

        What those modules have registered with the old script, such as routes, the
        new one lacks; be the old one in service or one that failed.
        """
        self._note_importers()
        for name in self._importers:
            remove(name)
        self._importers.clear()

    def _warn_of_earlier(self):
        for name, module in list(sys.modules.items()):
            file = given(module, "__file__")
            if module is not self.module and isinstance(file, str) and _same_file(file, self.path):
                _warn_of_second(self.path, name, "module '%s' was imported before" % name)
                return


def script(path):
    """Return the Script of a file, which need not be loaded yet."""
    if path not in _scripts:
        _scripts[path] = Script(path)
    return _scripts[path]


def install(application_group):
    """Begin to watch, in the interpreter of an application group."""
    global _group
    _group = application_group
    sys.meta_path.insert(0, _Finder())
    if _group:
        ExtensionFileLoader.create_module = _explaining(ExtensionFileLoader.create_module)
        ExtensionFileLoader.exec_module = _explaining(ExtensionFileLoader.exec_module)


class _Finder:
    """Finds no module but scripts that are loaded."""

    def __init__(self):
        self._asking = threading.local()

    def find_spec(self, name, path=None, target=None):
        if _group and name in MAIN_INTERPRETER_ONLY and name not in _warned:
            _warned.add(name)
            _gophersnake.log(
                WARN, "%s imports %s, which is known to need the main interpreter, but runs in "
                "the application group '%s'. If it fails or hangs, %s."
                % (_importer(), name, _group, REPAIR))
        scripts = list(_scripts.values())
        for s in scripts:
            s.submodule(name)
        if name not in _removed and not any(_is_named(s.path, name) for s in scripts):
            return None
        spec = self._script(name, self._others(name, path, target))
        if spec is not None and name in _removed and _submodules(name):
            _adopting(spec.loader)
        return spec

    def _others(self, name, path, target):
        """Have the other finders look. One of them may ask the others in turn, this one
        included: it finds nothing then."""
        names = self._asking.__dict__.setdefault("names", set())
        if name in names:
            return None
        names.add(name)
        try:
            return find(name, path, target)
        finally:
            names.discard(name)

    def _script(self, name, spec):
        found = None
        if spec is not None and spec.origin:
            found = next((s for s in list(_scripts.values()) if _same_file(s.path, spec.origin)), None)
        if found is None or found.module is None:
            return spec
        if not found.importable:
            _warn_of_second(found.path, name, "%s imports it as module '%s'" % (_importer(), name))
            return spec
        found.names.add(name)
        given = ModuleSpec(name, _Loaded(found), origin=spec.origin)
        given.submodule_search_locations = spec.submodule_search_locations
        return given


class _Loaded:
    """A loader of a script that is loaded."""

    def __init__(self, script):
        self.script = script

    def create_module(self, spec):
        return self.script.module

    def exec_module(self, module):
        """Nothing: it was or is being executed."""


def find(name, path=None, target=None):
    """Return the spec of a module as it is found on disk, None if it is not."""
    for finder in list(sys.meta_path):
        look = getattr(finder, "find_spec", None)
        if look is None or isinstance(finder, _Finder):
            continue
        spec = look(name, path, target)
        if spec is not None:
            return spec
    return None


def given(module, name):
    """Return an attribute that a module has, None if it has none.

    Unlike getattr this runs nothing: it would load a module of importlib.util.LazyLoader.
    """
    try:
        return object.__getattribute__(module, "__dict__").get(name)
    except AttributeError:  # no module, but in sys.modules
        return None


def _is_named(path, name):
    """Report whether an import of the module name could mean the file."""
    directory, base = os.path.split(path)
    stem = os.path.splitext(base)[0]
    if stem == "__init__":
        stem = os.path.basename(directory)
    return name.rpartition(".")[2] == stem


def _same_file(a, b):
    if a == b:
        return True
    if os.path.basename(a) != os.path.basename(b):
        return False
    try:
        return os.path.samefile(a, b)
    except OSError:
        return False


def _enter(name, module):
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent in sys.modules:
        setattr(sys.modules[parent], child, module)


def _adopt(name, package):
    """Have a package that is new the submodules that were imported before as attributes.

    Otherwise CPython sets them when it loads a submodule, which it does not do again.
    """
    for child, module in _submodules(name):
        setattr(package, child, module)


def _submodules(name):
    """Return the submodules of a package that are imported, with what they are called in it."""
    parts = [(other.rpartition("."), module) for other, module in list(sys.modules.items())]
    return [(child, module) for (parent, _, child), module in parts if parent == name and module is not None]


def _adopting(loader):
    """Have a loader do so before it executes a package. One that is for all modules is left alone."""
    execute = getattr(loader, "exec_module", None)
    if execute is None or isinstance(loader, type) or not hasattr(loader, "__dict__"):
        return

    def exec_module(module):
        _adopt(module.__spec__.name, module)
        execute(module)

    loader.exec_module = exec_module


def remove(name):
    """Make a module one that is not loaded."""
    module = sys.modules.pop(name, None)
    if any(other.startswith(name + ".") for other in list(sys.modules)):
        _removed.add(name)
    parent, _, child = name.rpartition(".")
    if module is not None and parent in sys.modules and given(sys.modules[parent], child) is module:
        delattr(sys.modules[parent], child)


def _importer():
    """Name the line that imports something just now."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(("<frozen importlib", "<gophersnake ")) and name != importlib.__file__:
            return "'%s', line %d," % (name, frame.f_lineno)
        frame = frame.f_back
    return "something"


def _warn_of_second(path, name, how):
    if (path, name) in _warned:
        return
    _warned.add((path, name))
    _gophersnake.log(
        WARN, "WSGI script '%s' is loaded twice: %s. That is another copy of it: what is registered "
        "with its application, such as routes, is not served. Repair: move the application to a module "
        "of its own, and have the script and '%s' import it from there." % (path, how, name))


def _explaining(method):
    """Wrap a method of ExtensionFileLoader."""

    def wrapper(self, argument):
        try:
            return method(self, argument)
        except ImportError as exc:
            _explain(getattr(argument, "name", None) or argument.__name__, exc)
            raise

    return wrapper


def _explain(name, exc):
    text = str(exc)
    if name in _warned or not any(part in text for part in REFUSALS):
        return
    _warned.add(name)
    _gophersnake.log(
        WARN, "%s imports %s, which refuses the application group '%s': %s. It needs the main "
        "interpreter: %s." % (_importer(), name, _group, text, REPAIR))

"""When a script that could not be loaded is tried again, and what it depends on."""

import os
import sys
import sysconfig
import threading
import time

import _gophersnake
from _gophersnake import imports

LONGEST = 60.0  # seconds between two attempts
FEW_FILES = 100  # so many are looked at with each request
LOOK_SHARE = 20  # looking at more takes at most one part in so many of the time
MOST_NAMES = 40 << 10  # bytes of all names that are told to others

_STDLIB = tuple(os.path.realpath(sysconfig.get_path(name)) + os.sep for name in ("stdlib", "platstdlib"))
_SITE = ("site-packages", "dist-packages")


class _Imports:
    """A finder that finds nothing and notes what one thread imports."""

    def __init__(self):
        self._thread = threading.get_ident()
        self._before = dict(sys.modules)
        self._names = {}

    def find_spec(self, name, path=None, target=None):
        if threading.get_ident() == self._thread:
            self._names[name] = True
        return None

    def added(self):
        """The names of the modules that are there because of it."""
        return [name for name in self._names
                if sys.modules.get(name) is not None and sys.modules[name] is not self._before.get(name)]


class Retry:
    """The attempts to load one script, until one succeeds."""

    def __init__(self, elsewhere):
        self._elsewhere = elsewhere  # other processes try it again, not this one
        self._attempts = 0
        self._next = 0.0  # when the next attempt is due, whatever has changed
        self._next_look = 0.0
        self._stamps = {}  # by the names of files
        self._imports = None

    def begin(self):
        """Note what is imported from now on."""
        self._imports = _Imports()
        sys.meta_path.insert(0, self._imports)

    def _end(self):
        """Return the names of the modules that an attempt has brought in."""
        noted, self._imports = self._imports, None
        if noted in sys.meta_path:
            sys.meta_path.remove(noted)
        return noted.added()

    def succeeded(self):
        """Forget what has failed."""
        self._end()
        self._attempts = 0
        self._stamps = {}

    def due(self, script, mtime_ns):
        """Whether to make an attempt now; script was changed last at mtime_ns when it
        was read last."""
        if not self._attempts:
            return True
        if self._elsewhere:
            return False
        return time.monotonic() >= self._next or _changed(script, mtime_ns) or self._any_changed()

    def failed(self, script, exc, summary):
        """Note an attempt that ended with exc, and tell the files that took part."""
        added = self._end()
        files = dict.fromkeys(_of_exception(exc))
        files.update(dict.fromkeys(_of_modules(added)))
        for name in files:
            self._stamps.setdefault(name, None)
        self._stamps = {name: _stamp(name) for name in self._stamps}
        if not self._elsewhere:
            _forget(added)
        self._next = time.monotonic() + min(2.0 ** min(self._attempts, 6), LONGEST)
        self._attempts += 1
        _gophersnake.not_loaded(script, summary, "\n".join(_bounded(self._stamps)))

    def _any_changed(self):
        began = time.monotonic()
        if began < self._next_look and len(self._stamps) > FEW_FILES:
            return False
        changed = any(_stamp(name) != stamp for name, stamp in self._stamps.items())
        ended = time.monotonic()
        self._next_look = ended + LOOK_SHARE * (ended - began)
        return changed


def _stamp(name):
    try:
        st = os.stat(name)
    except (OSError, ValueError):
        return None
    return st.st_mtime_ns, st.st_size


def _changed(script, mtime_ns):
    stamp = _stamp(script) if script else None
    return stamp is not None and stamp[0] != mtime_ns


def _of_exception(exc):
    """The files that an exception, or what led to it, speaks of, whether they exist or
    not."""
    seen, todo = set(), [exc]
    while todo:
        exc = todo.pop(0)
        if exc is None or id(exc) in seen:
            continue
        seen.add(id(exc))
        tb = exc.__traceback__
        while tb is not None:
            yield from _path(tb.tb_frame.f_code.co_filename)
            tb = tb.tb_next
        if isinstance(exc, (SyntaxError, OSError)):
            yield from _path(exc.filename)
        if isinstance(exc, ImportError):
            yield from _path(exc.path)
            yield from _missing(exc.name)
        todo += [exc.__cause__, exc.__context__]


def _missing(name):
    """Where a module would be, if it were there."""
    if not isinstance(name, str) or name in sys.modules:
        return
    parent, _, last = name.rpartition(".")
    directories = imports.given(sys.modules.get(parent), "__path__") or () if parent else sys.path
    for directory in directories:
        if isinstance(directory, str):
            yield from _path(os.path.join(directory, last + ".py"))
            yield from _path(os.path.join(directory, last))


def _of_modules(names):
    """The files of modules, those that the standard library is not made of first."""
    foreign, standard = [], []
    for name in names:
        path = imports.given(sys.modules.get(name), "__file__")
        (foreign if isinstance(path, str) and _foreign(path) else standard).extend(_path(path))
    return foreign + standard


def _path(name):
    if isinstance(name, str) and name and not name.startswith("<"):
        yield os.path.abspath(name)


def _foreign(path):
    path = os.path.realpath(path)
    return not path.startswith(_STDLIB) or any(os.sep + part + os.sep in path for part in _SITE)


def _bounded(stamps):
    """As many stamps as may be told, from the first, each with time, size and name."""
    told = 0
    for name, stamp in stamps.items():
        line = "%d %d %s" % (*(stamp or (0, -1)), name)
        told += len(os.fsencode(line)) + 4
        if told > MOST_NAMES or "\n" in name:
            return
        yield line


def _forget(names):
    """Take modules out of sys.modules that an attempt has left half-made there, so that
    the next one makes them anew. The standard library stays, and packages with
    extension modules, many of which cannot be loaded twice."""
    modules = {name: sys.modules.get(name) for name in names}
    kept = {name.partition(".")[0] for name, module in modules.items() if _is_extension(module)}
    for name, module in modules.items():
        path = imports.given(module, "__file__")
        own = _foreign(path) if isinstance(path, str) else imports.given(module, "__path__") is not None
        if own and name.partition(".")[0] not in kept and not name.startswith("_gophersnake"):
            imports.remove(name)


def _is_extension(module):
    path = imports.given(module, "__file__")
    return isinstance(path, str) and path.endswith((".so", ".pyd"))

"""Script files: loading, reloading and what is said when that fails."""

import hashlib
import os
import sys
import threading
import time
import types

import _gophersnake
from _gophersnake import dotted, errors, imports, loading, owner
from _gophersnake.retry import Retry
from _gophersnake.wrapper import FileWrapper

ERROR, WARN, INFO = 3, 4, 6  # levels of the log

VERSION = (6, 0, 5)         # of the mod_wsgi whose behaviour this is
APACHE_VERSION = (2, 4, 71)  # of the Apache that it was observed with

# Keys that every request sets. Their places are kept in the base dict, so that
# its copy never has to grow for them.
PER_REQUEST = (
    "REQUEST_METHOD", "REQUEST_URI", "QUERY_STRING", "SCRIPT_NAME", "PATH_INFO",
    "SERVER_PROTOCOL", "SERVER_NAME", "SERVER_PORT", "SERVER_ADDR", "REMOTE_ADDR",
    "REMOTE_PORT", "REQUEST_SCHEME", "wsgi.url_scheme", "wsgi.input", "wsgi.errors",
    "mod_wsgi.script_name", "mod_wsgi.path_info", "mod_wsgi.listener_host",
    "mod_wsgi.listener_port", "mod_wsgi.request_id", "mod_wsgi.request_start",
    "mod_wsgi.application_start", "mod_wsgi.thread_id",
)

_lock = threading.RLock()  # loading in this interpreter, one at a time
_states = {}  # (__mtime__, mtime in ns) of each loaded script by module name


def _module_name(path):
    digest = hashlib.md5(path.encode("utf-8", "surrogateescape"), usedforsecurity=False)
    return "_mod_wsgi_" + digest.hexdigest()


class Failure:
    """The first failure to load one state of a script."""

    def __init__(self, exc, mtime_ns, request_id):
        self.summary = "%s: %s" % (type(exc).__name__, exc)
        self.text = errors.text(exc)
        self.mtime_ns = mtime_ns
        self.request_id = request_id
        self.when = time.strftime("%a %b %d %H:%M:%S %Y")

    def points(self):
        """Say where its traceback is."""
        return "traceback logged at %s%s" % (
            self.when, " for request %s" % self.request_id if self.request_id else "")


class Target:
    """A script in this interpreter, with the constant part of its environ."""

    def __init__(self, options):
        self.import_name = options.get("module", "")  # "" for a script
        self.importable = options.get("importable") == "1"
        self.file = options.get("file", "") or dotted.file_of(self.import_name)
        self.source = options.get("source", "")
        self.name = self.file or options["name"]
        self.title = self.import_name or self.name  # for the log
        self.callable_object = sys.intern(options["callable_object"])
        self.process_group = options.get("process_group", "")
        self.application_group = options.get("application_group", "")
        self.reloading = bool(self.file) and options.get("reloading") == "1"
        self.recycles = options.get("recycles") == "1"
        self.server_pid = int(options["server_pid"])
        self.owner = owner.of(options)
        self.denied = False  # the last attempt to load it was refused
        self.module = self.import_name or _module_name(self.name)
        self.failure = None
        self.retry = Retry(elsewhere=self.recycles)
        self.known_failure = options.get("known_failure", "")  # of another process, logged by it
        self._mtime_ns = 0  # of the file when it was read last
        self.base = self._base(options)

    def _base(self, options):
        base = {sys.intern(key): None for key in PER_REQUEST}
        for key, value in options.items():
            if key.startswith("env:"):
                base[sys.intern(key[4:])] = value
        base.update({
            "wsgi.version": (1, 0),
            "wsgi.input_terminated": True,
            "wsgi.multithread": options["multithread"] == "1",
            "wsgi.multiprocess": options["multiprocess"] == "1",
            "wsgi.run_once": options["run_once"] == "1",
            "wsgi.file_wrapper": FileWrapper,
            "mod_wsgi.version": VERSION,
            "apache.version": APACHE_VERSION,
            "mod_wsgi.process_group": self.process_group,
            "mod_wsgi.application_group": self.application_group,
            "mod_wsgi.callable_object": self.callable_object,
            "mod_wsgi.handler_script": "",
            "mod_wsgi.request_handler": "wsgi-script",
            "mod_wsgi.server_pid": options["server_pid"],
            "mod_wsgi.queue_start": 0.0,
            "mod_wsgi.daemon_start": 0.0,
        })
        if self.import_name and self.file:
            base["SCRIPT_FILENAME"] = self.file
        return base

    def load(self, request_id, force):
        """Return (dict, __mtime__, mtime in ns) of the loaded module.

        The file is read anew if it changed since it was loaded, or if force.
        None means that it failed, which has been logged. What has failed is not
        tried again with each request: see retry.py.
        """
        with _lock:
            self.denied = False
            if not self.retry.due(self.file, self._mtime_ns):
                self._log_again(self.failure.summary)
                return None
            self.retry.begin()
            try:
                loaded = self._load(request_id, force)
                self.retry.succeeded()
                if request_id is None and self.callable_object not in loaded[0]:
                    self._log_missing(WARN)
                return loaded
            except owner.Denied as exc:
                self.retry.succeeded()  # this is looked at with each request
                self.denied = True
                _gophersnake.log(ERROR, str(exc))
                return None
            except BaseException as exc:
                self._log_failure(exc, request_id)
                self.retry.failed(self.name, exc, "%s: %s" % (type(exc).__name__, exc))
                return None

    def _load(self, request_id, force):
        loaded = sys.modules.get(self.module) if self.module in _states else None
        if loaded is not None and not force and self._is_current(loaded):
            return self._result(loaded)
        if loaded is not None:
            imports.remove(self.module)
        _gophersnake.log(INFO, "%s %s '%s' into %s." % (
            "Loading" if loaded is None else "Reloading", self._kind(), self.title, errors.context(self)))
        if self.import_name:
            module, mtime = self._import()
        else:
            module, mtime = self._execute()
        module.__mtime__ = mtime
        _states[self.module] = mtime, self._mtime_ns
        self.failure = None
        return self._result(module)

    def _kind(self):
        return "module" if self.import_name else "WSGI script"

    def _execute(self):
        """Run the script as a module that is new."""
        source, mtime = self._read()
        module = types.ModuleType(self.module)
        module.__file__ = self.name
        code = compile(source, self.name, "exec", dont_inherit=True)
        watched = imports.script(self.name)
        watched.forget_importers()
        sys.modules[self.module] = module
        watched.begin(module, self.importable)
        try:
            with loading.of(self.title):
                exec(code, module.__dict__)
        except BaseException:
            sys.modules.pop(self.module, None)
            watched.end(failed=True)
            raise
        watched.end(failed=False)
        return module, mtime

    def _import(self):
        """Import the module, which is not in sys.modules if its file has changed."""
        mtime = 0.0
        self._mtime_ns = 0
        if self.file:
            st = os.stat(self.file)
            mtime, self._mtime_ns = st.st_mtime, st.st_mtime_ns
            if self.owner:
                self.owner.check(self.file, st)
        watched = imports.script(self.name)
        with loading.of(self.title):
            return dotted.load(self.import_name, watched), mtime

    def _read(self):
        self._mtime_ns = 0
        if not self.file:
            return self.source, 0.0
        with open(self.file, "rb") as f:
            st = os.fstat(f.fileno())
            self._mtime_ns = st.st_mtime_ns
            if self.owner:
                self.owner.check(self.file, st)
            return f.read(), st.st_mtime

    def _result(self, module):
        return (module.__dict__, *_states[self.module])

    def _is_current(self, module):
        # another target may have loaded it
        mtime, mtime_ns = _states[self.module]
        if module.__dict__.get("__mtime__") is not mtime:
            return False
        return not self.file or os.stat(self.file).st_mtime_ns == mtime_ns

    def _log_failure(self, exc, request_id):
        first = self.failure
        if first is None or first.mtime_ns != self._mtime_ns:
            self.failure = Failure(exc, self._mtime_ns, request_id)
            if first is None and self._is_known():
                _gophersnake.log(ERROR, "WSGI0109: %s '%s' still fails in a fresh process: %s; an earlier one has logged the traceback." % (
                    "Module" if self.import_name else "Python script file", self.title, self.failure.summary))
                return
            lines = ["WSGI0109: Unable to %s '%s'." % (
                "import module" if self.import_name else "execute Python script file", self.title),
                     errors.text(exc), *dotted.hints(self.import_name, exc), *loading.hints(exc)]
            _gophersnake.log(ERROR, "\n".join(lines + self._hints(exc)))
            return
        summary = "%s: %s" % (type(exc).__name__, exc)
        if summary == first.summary:
            self._log_again(summary)
            return
        _gophersnake.log(
            ERROR, "WSGI0109: Python script file '%s' now fails with %s; that may only follow "
            "from the first failure, %s:\n%s" % (self.name, summary, first.points(), first.text))

    def _is_known(self):
        """Whether another process has logged this failure. Of a long one only the beginning
        was told."""
        known, summary = self.known_failure, self.failure.summary
        return summary == known or len(known) > 1000 and summary.startswith(known)

    def _log_again(self, summary):
        _gophersnake.log(ERROR, "WSGI0109: Python script file '%s' still fails: %s; %s."
                         % (self.name, summary, self.failure.points()))

    def _hints(self, exc):
        if not isinstance(exc, ImportError):
            return []
        venv = "virtual environment" if sys.prefix != sys.base_prefix else "installation"
        return ["Python %d.%d.%d, %s %s (python-home), sys.path:"
                % (*sys.version_info[:3], venv, sys.prefix)] + ["  " + p for p in sys.path]

    def reload_required(self, function):
        """Ask the script's own reload_required(resource)."""
        try:
            return bool(function(self.name))
        except BaseException as exc:
            errors.log_exception(self, exc)
            return False

    def missing_callable(self):
        """Log that the script lacks the application."""
        self._log_missing(ERROR)

    def _log_missing(self, level):
        what = "Target module" if self.import_name else "Target WSGI script"
        _gophersnake.log(level, "WSGI0089: %s '%s' does not contain WSGI application '%s'.%s" % (
            what, self.title, self.callable_object, dotted.instead(self)))


def new_target(pairs):
    """Make a Target from alternating names and values."""
    return Target(dict(zip(pairs[::2], pairs[1::2])))

"""What is known of a script while it loads, for one that does not come to its end."""

import contextlib
import linecache
import sys
import threading
import traceback

# What serves until the program ends: packages or modules, and the names of their
# functions that do. Parts of a package that do nothing else are modules without names.
SERVERS = {
    package: frozenset(names.split())
    for package, names in (
        ("aiohttp", "run_app"), ("bjoern", "run"), ("bottle", "run"), ("cheroot", "start safe_start serve"),
        ("cherrypy", "block quickstart"), ("cherrypy.wsgiserver", "start"), ("daphne", "run"), ("eventlet", "server"),
        ("flask", "run"), ("gevent", "serve_forever"), ("granian", "serve"), ("gunicorn", "run"),
        ("hypercorn", "run serve"), ("paste", "serve"), ("sanic", "run serve"),
        ("socketserver", "serve_forever"), ("tornado", "start"), ("twisted", "run"),
        ("uvicorn", "run serve"), ("waitress", "serve run"),
        ("werkzeug", "run_simple serve_forever"),
    )
}
MODULES = ("django.core.management.commands.runserver", "django.utils.autoreload")

# What has one of them serve until there is a result.
RETURNING = {"tornado": frozenset(("run_sync",))}

REPAIR = ("remove the call, or put it below `if __name__ == \"__main__\":`, which is not true here: "
          "the application is served without it")

_current = None  # (title, thread ident) of the script that is being loaded


@contextlib.contextmanager
def of(title):
    """Name what the calling thread loads within."""
    global _current
    before, _current = _current, (title, threading.get_ident())
    try:
        yield
    finally:
        _current = before


def report():
    """Return what the loading thread does, as bytes, NUL after each text: the script,
    the line that starts a server ("" if none does), the stack, and what to do about
    such a line. Nothing loads: b"".
    """
    if _current is None:
        return b""
    title, ident = _current
    frame = sys._current_frames().get(ident)
    if frame is None:
        return b""
    frames = _own(list(traceback.walk_stack(frame))[::-1])
    stack = "".join(traceback.StackSummary.extract(iter(frames)).format()).rstrip("\n")
    texts = (title, _server_in(frames), stack, REPAIR)
    return b"".join(t.encode("utf-8", "surrogateescape") + b"\0" for t in texts)


def hints(exc):
    """Return what to do about an exception that came out of a server."""
    line = _server_in(_own(list(traceback.walk_tb(exc.__traceback__))))
    return ["%s starts a server of its own. Repair: %s." % (line, REPAIR)] if line else []


def _own(frames):
    """Leave out this program's frames: what called the script, and what watches its imports."""
    return [(f, line) for f, line in frames if not f.f_code.co_filename.startswith("<gophersnake ")]


def _is_of(frame, functions):
    """Report whether a frame is of one of the functions, which are by package or module."""
    module = frame.f_globals.get("__name__") or ""
    while module:
        if frame.f_code.co_name in functions.get(module, ()):
            return True
        module = module.rpartition(".")[0]
    return False


def _server_in(frames):
    """Name the line that called the first server, "" if there is none."""
    for (caller, number), (frame, _) in zip(frames, frames[1:]):
        serves = _is_of(frame, SERVERS) and not _is_of(caller, RETURNING)
        if serves or frame.f_globals.get("__name__") in MODULES:
            file = caller.f_code.co_filename
            code = linecache.getline(file, number, caller.f_globals).strip()
            return "%s, line %d, `%s`," % (file, number, code)
    return ""

"""What is set up in each interpreter before a script is loaded, and its end."""

import atexit
import os
import site
import sys
import threading

import _gophersnake
from _gophersnake import events, forks, imports, modules, signals, streams

WARN = 4  # level of the log

_main = False  # this is the main interpreter
_service = False  # this process serves no requests


def _add_paths(directories):
    """Add directories as site does, their .pth files included, to the front."""
    front = []
    for directory in directories:
        before = set(sys.path)
        site.addsitedir(directory)
        added = [p for p in sys.path if p not in before]
        if os.path.abspath(directory) not in added + front:
            front.append(os.path.abspath(directory))
        front += added
    sys.path[:] = front + [p for p in sys.path if p not in front]


def configure(pairs):
    """Prepare the interpreter as alternating names and values say."""
    global _main, _service
    options = dict(zip(pairs[::2], pairs[1::2]))
    _main = options["main"] == "1"
    _service = options["service"] == "1"
    sys.argv = ["mod_wsgi"]
    streams.install(options["restrict_stdin"] == "1", options["restrict_stdout"] == "1")
    if options["restrict_signal"] == "1":
        signals.restrict()
    if _main:
        forks.repair()
    else:
        forks.refuse(options["application_group"])
    imports.install(options["application_group"])
    while "" in sys.path:
        sys.path.remove("")
    if options["python_path"]:
        _add_paths(options["python_path"].split(os.pathsep))
    if options["home"]:
        sys.path[:] = [options["home"]] + [p for p in sys.path if p != options["home"]]
    events.daemon = bool(options["process_group"])
    modules.install(options)
    if _main:
        _configure_process(options)


def _configure_process(options):
    """Set up what all interpreters of the process share."""
    if options["switch_interval"]:
        sys.setswitchinterval(float(options["switch_interval"]))
    if options["locale"]:
        import locale

        try:
            locale.setlocale(locale.LC_ALL, "")
        except locale.Error:
            _gophersnake.log(WARN, "WSGI0079: Unable to set locale to '%s': the system does not have it."
                             % options["locale"])
    if options["dump_signal"]:
        # Not above: it hangs in a sub-interpreter with its own GIL.
        import faulthandler

        # Works also when a thread never gives the GIL back.
        faulthandler.register(int(options["dump_signal"]), file=2, all_threads=True)


def source_files():
    """Return the source files of all loaded modules, NUL after each, as bytes."""
    names = set()
    for module in list(sys.modules.values()):
        name = imports.given(module, "__file__")
        if isinstance(name, str) and name.endswith((".py", ".pyc", ".wsgi")):
            names.add(os.path.abspath(name[:-1] if name.endswith(".pyc") else name))
    return b"".join(os.fsencode(name) + b"\0" for name in sorted(names))


def stopping(ending, reason):
    """Run what waits for the end; report whether the interpreter can be ended.

    reason is what subscribers are told. ending says that it will be if it can. Threads that do not end keep a
    sub-interpreter from it; then its exit handlers are run here.
    """
    if not _service:
        events.publish_stopping(reason)
    if ending and _main:
        return True
    threading._shutdown()
    if ending and _gophersnake.thread_count() == 1:
        return True
    atexit._run_exitfuncs()
    return False

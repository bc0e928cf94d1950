"""A service: a script that runs in the main thread, for as long as it likes."""

import functools
import signal
import sys
import types

import _gophersnake
from _gophersnake import errors, imports, owner

ERROR, INFO = 3, 6  # levels of the log


def run(target):
    """Run the script of target; return the exit status of the process."""
    try:
        _prepare_signals()
        _gophersnake.log(INFO, "Running service script '%s' in %s." % (
            target.name, errors.context(target)))
        _execute(target)
    except SystemExit as exc:
        return _status(exc.code)
    except owner.Denied as exc:
        _gophersnake.log(ERROR, str(exc))
        return 1
    except BaseException as exc:
        _gophersnake.log(ERROR, "WSGI0109: Unable to execute Python script file '%s'.\n%s" % (
            target.name, errors.text(exc)))
        return 1
    _gophersnake.log(INFO, "Service script '%s' has come to its end." % target.name)
    return 0


def _prepare_signals():
    """Have SIGTERM raise SystemExit."""
    original = signal.signal

    @functools.wraps(original)
    def on_stack(signalnum, handler):
        before = original(signalnum, handler)
        _gophersnake.signal_on_stack(signalnum)
        return before

    signal.signal = on_stack
    signal.signal(signal.SIGTERM, _terminate)


def _terminate(signum, frame):
    sys.exit()


def _execute(target):
    source, mtime = target._read()
    module = types.ModuleType(target.module)
    module.__file__ = target.name
    module.__mtime__ = mtime
    sys.modules[target.module] = module
    imports.script(target.name).begin(module, target.importable)
    exec(compile(source, target.name, "exec", dont_inherit=True), module.__dict__)


def _status(code):
    """Return the status for what a script has raised SystemExit with."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    _gophersnake.log(ERROR, str(code))
    return 1

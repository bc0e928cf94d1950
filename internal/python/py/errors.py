"""What the error log says about exceptions."""

import sys
import traceback

import _gophersnake
from _gophersnake.events import RequestTimeout

ERROR, WARN, INFO = 3, 4, 6  # levels of the log


def context(target):
    """Name the interpreter that target runs in, for a log line."""
    if target.application_group:
        where = "sub-interpreter '%s'" % target.application_group
    else:
        where = "main interpreter"
    if target.process_group:
        return "%s of daemon process '%s'" % (where, target.process_group)
    return where + " in embedded mode"


def text(exc):
    """Return the traceback of exc without the frames of this program."""
    tb = exc.__traceback__
    while tb is not None and tb.tb_frame.f_code.co_filename.startswith("<gophersnake "):
        tb = tb.tb_next
    return "".join(traceback.format_exception(type(exc), exc, tb)).rstrip("\n")


def log_exception(target, exc):
    """Log an exception that an application let out of a request."""
    if exc is None:
        return
    if isinstance(exc, RequestTimeout):
        _gophersnake.log(INFO, "Request interrupted by RequestTimeout; thread recovered.")
        return
    if isinstance(exc, SystemExit):
        head = ("WSGI0175: SystemExit exception raised by WSGI script '%s' for %s; ignored."
                % (target.name, context(target)))
    else:
        head = ("WSGI0174: %s exception raised processing WSGI script '%s' for %s."
                % (type(exc).__name__, target.name, context(target)))
    _gophersnake.log(ERROR, head + "\n" + text(exc))


def stack_of(ident):
    """Return the stack of a thread of this interpreter, innermost call last."""
    frame = sys._current_frames().get(ident)
    if frame is None:
        return ""
    return "".join(traceback.format_stack(frame)).rstrip("\n")

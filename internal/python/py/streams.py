"""Text streams over the server's error log."""

import io
import sys

import _gophersnake

INFO, ERROR = 6, 3  # levels of the log


def text_wrapper(raw):
    """Return a text stream over a raw Log; its name is that of raw."""
    return io.TextIOWrapper(
        raw, encoding="utf-8", errors="replace", newline="\n",
        line_buffering=True, write_through=True)


class Restricted:
    """A stand-in for a standard stream that applications must not use."""

    def __init__(self, name):
        object.__setattr__(self, "_name", name)

    def __getattribute__(self, attribute):
        name = object.__getattribute__(self, "_name")
        raise OSError("%s access restricted by mod_wsgi" % name)


Restricted.__module__ = "mod_wsgi"


def install(restrict_stdin, restrict_stdout):
    """Make sys.stdout and sys.stderr write to the error log."""
    sys.stderr = sys.__stderr__ = text_wrapper(_gophersnake.new_stream(ERROR))
    if restrict_stdout:
        sys.stdout = Restricted("sys.stdout")
    else:
        sys.stdout = sys.__stdout__ = text_wrapper(_gophersnake.new_stream(INFO))
    if restrict_stdin:
        sys.stdin = Restricted("sys.stdin")

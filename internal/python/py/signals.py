"""WSGIRestrictSignal: applications do not install signal handlers."""

import functools
import os
import signal
import traceback

import _gophersnake

INFO = 6  # level of the log


def restrict():
    """Make signal.signal refuse in this process; its forks are free."""
    original = signal.signal
    server = os.getpid()

    @functools.wraps(original)
    def refuse(signalnum, handler):
        if os.getpid() != server:
            return original(signalnum, handler)
        stack = "".join(traceback.format_stack(limit=12)[:-1]).rstrip("\n")
        _gophersnake.log(
            INFO, "Callback registration for signal %d ignored.\n%s" % (signalnum, stack))
        return handler

    signal.signal = refuse

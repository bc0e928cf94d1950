"""Events that applications can subscribe to."""

import signal
import traceback

import _gophersnake

ERROR, INFO = 3, 6  # levels of the log

event_callbacks = []
shutdown_callbacks = []
signal_callbacks = []


class RequestTimeout(BaseException):
    """Raised in a request that has run longer than request-timeout."""


RequestTimeout.__module__ = "mod_wsgi"


def subscribe_events(callback):
    """Have callback(name, **payload) called for each event of this interpreter."""
    event_callbacks.append(callback)
    return callback


def subscribe_shutdown(callback):
    """Have callback(name, **payload) called before this process ends."""
    shutdown_callbacks.append(callback)
    return callback


daemon = False  # set by setup.configure in a daemon process


def subscribe_signals(callback):
    """Have callback(name, **payload) called for SIGHUP and SIGUSR2 to a daemon."""
    if daemon:
        signal_callbacks.append(callback)
        return callback
    stack = "".join(traceback.format_stack(limit=8)[:-1]).rstrip("\n")
    _gophersnake.log(
        INFO, "Callback for signals refused: there are none in embedded mode.\n" + stack)
    return callback


def publish(name, payload, callbacks=None):
    """Call callbacks in order; what one returns is seen by the next."""
    for callback in list(event_callbacks if callbacks is None else callbacks):
        try:
            result = callback(name, **payload)
        except BaseException:
            _gophersnake.log(
                ERROR, "WSGI0112: Exception raised by callback for event '%s'.\n%s"
                % (name, traceback.format_exc().rstrip("\n")))
        else:
            if isinstance(result, dict):
                payload.update(result)
    return payload


def publish_stopping(reason):
    """Announce the end of the process to everyone who subscribed."""
    publish("process_stopping", {"shutdown_reason": reason}, shutdown_callbacks)
    publish("process_stopping", {"shutdown_reason": reason})


def publish_signal(number):
    """Announce a signal to this process to everyone who subscribed."""
    payload = {"signame": signal.Signals(number).name, "signum": number}
    publish("process_signal", payload, signal_callbacks)
    publish("process_signal", payload)

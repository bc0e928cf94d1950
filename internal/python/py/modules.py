"""The modules mod_wsgi and apache as applications import them."""

import importlib.machinery
import sys
import types

import _gophersnake
from _gophersnake import events, loader, metrics, wrapper

CRIT, ERROR, WARN, INFO, DEBUG = 2, 3, 4, 6, 7  # levels of the log


def _log_handler():
    import logging

    class LogHandler(logging.Handler):
        """A logging handler that keeps levels in the server's error log."""

        def emit(self, record):
            try:
                _gophersnake.log(self._level(record.levelno), self.format(record))
            except Exception:
                self.handleError(record)

        @staticmethod
        def _level(number):
            for least, level in ((logging.CRITICAL, CRIT), (logging.ERROR, ERROR),
                                 (logging.WARNING, WARN), (logging.INFO, INFO)):
                if number >= least:
                    return level
            return DEBUG

    LogHandler.__module__ = "mod_wsgi"
    return LogHandler


class _Module(types.ModuleType):
    """mod_wsgi; what is costly is made when it is first asked for."""

    def __getattr__(self, name):
        if name == "LogHandler":
            self.LogHandler = _log_handler()
            return self.LogHandler
        if name == "active_requests":
            self.active_requests = _gophersnake.active_requests()
            return self.active_requests
        raise AttributeError("module 'mod_wsgi' has no attribute %r" % name)

    def __dir__(self):
        return sorted(set(super().__dir__()) | {"LogHandler", "active_requests"})


def _installed(name):
    try:
        spec = importlib.machinery.PathFinder.find_spec(name)
    except Exception:
        return []
    return list(spec.submodule_search_locations or []) if spec else []


def install(options):
    """Enter both modules into sys.modules."""
    capacity = {
        "maximum_processes": int(options["processes"]),
        "threads_per_process": int(options["threads"]),
    }
    metrics.configure(options)
    mod_wsgi = _Module("mod_wsgi", "The server, as applications see it.")
    mod_wsgi.__dict__.update(
        capacity,
        # an installed package of the same name keeps its submodules
        __path__=_installed("mod_wsgi"),
        version=loader.VERSION,
        process_group=options["process_group"],
        application_group=options["application_group"],
        FileWrapper=wrapper.FileWrapper,
        RequestTimeout=events.RequestTimeout,
        request_data=_gophersnake.request_data,
        server_metrics=metrics.server_metrics,
        subscribe_events=events.subscribe_events,
        subscribe_shutdown=events.subscribe_shutdown,
        subscribe_signals=events.subscribe_signals,
        event_callbacks=events.event_callbacks,
        shutdown_callbacks=events.shutdown_callbacks,
        signal_callbacks=events.signal_callbacks,
    )
    apache = types.ModuleType("apache", "The HTTP server, as applications see it.")
    apache.__dict__.update(
        capacity,
        version=loader.APACHE_VERSION,
        description=options["server_software"],
        build_date="",
        mpm_name="gophersnake",
    )
    sys.modules["mod_wsgi"] = mod_wsgi
    sys.modules["apache"] = apache

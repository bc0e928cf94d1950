"""Figures that applications can ask for."""

import os
import time

import _gophersnake

_options = {}


def configure(options):
    """Take the options of the interpreter."""
    _options.update(options)


def server_metrics():
    """Return the figures of this process; None unless server-metrics is On.

    The keys are those of mod_wsgi's scoreboard. A process of a group knows
    itself only: it is the one element of "processes". Bytes are those of response
    bodies.
    """
    if _options.get("server_metrics") != "1":
        return None
    workers = [{
        "thread_num": number,
        "status": "_" if runs < 0 else "W",
        "access_count": begun - (runs >= 0),
        "bytes_served": size,
    } for number, (begun, runs, size) in enumerate(_gophersnake.request_threads())]
    now, started = time.time(), float(_options["started"])
    return {
        "server_limit": int(_options["processes"]),
        "thread_limit": int(_options["threads"]),
        "restart_time": started,
        "current_time": now,
        "running_time": now - started,
        "access_count": sum(worker["access_count"] for worker in workers),
        "bytes_served": sum(worker["bytes_served"] for worker in workers),
        "processes": [{"process_num": 0, "pid": os.getpid(), "workers": workers}],
    }

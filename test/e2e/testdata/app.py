"""The application of most tests: each path shows one behaviour."""

import atexit
import hashlib
import json
import logging
import os
import sys
import threading

import mod_wsgi

HERE = os.path.dirname(os.path.abspath(__file__))

log = logging.getLogger("app")
log.setLevel(logging.DEBUG)
log.addHandler(mod_wsgi.LogHandler())

atexit.register(print, "exit handler was run")


def answer(start_response, body, kind="text/plain"):
    start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


def environ(environ, start_response):
    shown = {k: v for k, v in environ.items() if isinstance(v, str)}
    shown.update(path=sys.path, cwd=os.getcwd(), prefix=sys.prefix, version=sys.version.split()[0],
                 group=mod_wsgi.application_group, main=threading.main_thread().name)
    return answer(start_response, json.dumps(shown).encode(), "application/json")


def read(environ, start_response):
    digest, size = hashlib.sha256(), 0
    while data := environ["wsgi.input"].read(65536):
        digest.update(data)
        size += len(data)
    return answer(start_response, b"%d %s\n" % (size, digest.hexdigest().encode()))


def hold(environ, start_response):
    print("holding", environ["QUERY_STRING"])
    with open(os.path.join(HERE, environ["QUERY_STRING"] or "gate")) as gate:
        gate.readline()
    return answer(start_response, b"released\n")


def stream(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    for n in range(int(environ["QUERY_STRING"] or 3)):
        yield b"%d\n" % n * 1000


def file(environ, start_response):
    f = open(os.path.join(HERE, "data.bin"), "rb")
    start_response("200 OK", [("Content-Type", "application/octet-stream"),
                              ("Content-Length", str(os.path.getsize(f.name)))])
    return environ["wsgi.file_wrapper"](f)


def levels(environ, start_response):
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(log, level)("logged as " + level)
    print("printed")
    print("to stderr", file=sys.stderr)
    print("to wsgi.errors", file=environ["wsgi.errors"])
    return answer(start_response, b"logged\n")


def boom(environ, start_response):
    raise RuntimeError("the request broke")


def hello(environ, start_response):
    return answer(start_response, b"Hello World!\n")


def application(environ, start_response):
    name = environ["PATH_INFO"].strip("/")
    function = globals().get(name) if name in PATHS else hello
    return function(environ, start_response)


def other(environ, start_response):
    return answer(start_response, b"the other application\n")


PATHS = ("environ", "read", "hold", "stream", "file", "levels", "boom")

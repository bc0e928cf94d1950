"""A small guest book: what `make demo` serves."""

import html
import os
import sqlite3
import threading
import time
import urllib.parse

import mod_wsgi

DATABASE = os.path.join(os.environ.get("TMPDIR", "/tmp"), "gophersnake-demo-%d.db" % os.getuid())

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Guest book</title>
<link rel="stylesheet" href="/static/demo.css">
</head>
<body>
<h1>Guest book</h1>
<form method="post" action="/sign">
<label>Name <input name="name" maxlength="80" required></label>
<label>Message <textarea name="message" rows="3" maxlength="1000" required></textarea></label>
<button>Sign</button>
</form>
%s
<footer>Thread %d of at most %d &middot; request %s &middot; answered in %.1f ms &middot;
<a href="/stream">a streamed page</a> &middot; <a href="/source">this file</a></footer>
</body>
</html>
"""

_local = threading.local()


def database():
    """Return the calling thread's connection."""
    if not hasattr(_local, "connection"):
        _local.connection = sqlite3.connect(DATABASE)
        _local.connection.execute(
            "CREATE TABLE IF NOT EXISTS entries (name TEXT, message TEXT, at REAL)")
    return _local.connection


def entries():
    rows = database().execute("SELECT name, message, at FROM entries ORDER BY at DESC LIMIT 50")
    return "\n".join(
        "<article><h2>%s</h2><time>%s</time><p>%s</p></article>" % (
            html.escape(name), time.strftime("%Y-%m-%d %H:%M", time.gmtime(at)),
            html.escape(message))
        for name, message, at in rows)


def index(environ, start_response):
    began = time.perf_counter()
    body = entries()
    page = PAGE % (
        body, environ["mod_wsgi.thread_id"], mod_wsgi.threads_per_process,
        environ["mod_wsgi.request_id"], 1000 * (time.perf_counter() - began))
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [page.encode()]


def sign(environ, start_response):
    if environ["REQUEST_METHOD"] != "POST":
        start_response("405 Method Not Allowed", [("Allow", "POST"), ("Content-Type", "text/plain")])
        return [b"Only POST.\n"]
    form = urllib.parse.parse_qs(environ["wsgi.input"].read(16384).decode("utf-8", "replace"))
    name, message = form.get("name", [""])[0], form.get("message", [""])[0]
    if name and message:
        with database() as connection:
            connection.execute("INSERT INTO entries VALUES (?, ?, ?)",
                               (name[:80], message[:1000], time.time()))
        print("signed by", name)
    start_response("303 See Other", [("Location", "/")])
    return []


def stream(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    for number in range(1, 6):
        yield b"line %d of 5, as it is made\n" % number
        time.sleep(0.3)


def source(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return environ["wsgi.file_wrapper"](open(__file__, "rb"))


ROUTES = {"/": index, "/sign": sign, "/stream": stream, "/source": source}


def application(environ, start_response):
    view = ROUTES.get(environ["PATH_INFO"])
    if view is None:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"There is no such page.\n"]
    return view(environ, start_response)

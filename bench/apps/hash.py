"""Computes without the GIL, as compression and numerics do: how many processors that uses."""

import hashlib

DATA = b"0123456789abcdef" * 65536


def application(environ, start_response):
    body = hashlib.sha256(DATA).hexdigest().encode() + b"\n"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]

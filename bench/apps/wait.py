"""Waits, as for a database: how many requests can do so at the same time."""

import time

BODY = b"Waited\n"
LENGTH = str(len(BODY))


def application(environ, start_response):
    time.sleep(0.005)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", LENGTH)])
    return [BODY]

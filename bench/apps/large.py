"""A body of 10 KB in one piece."""

BODY = b"0123456789abcdef" * 640
LENGTH = str(len(BODY))


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", LENGTH)])
    return [BODY]

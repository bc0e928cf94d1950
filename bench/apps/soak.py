"""The application of the soak test: hello world, or the length of an upload that is read in pieces."""

PIECE = 65536


def length_of(stream):
    length = 0
    while piece := stream.read(PIECE):
        length += len(piece)
    return length


def application(environ, start_response):
    body = b"Hello World!\n"
    if environ["REQUEST_METHOD"] == "POST":
        body = b"%d\n" % length_of(environ["wsgi.input"])
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]

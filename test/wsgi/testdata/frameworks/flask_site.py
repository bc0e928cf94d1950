"""A Flask application: forms, sessions, streams, files, errors."""

import os

from flask import Flask, Response, abort, jsonify, request, send_file, session

application = Flask(__name__)
application.secret_key = "test"


@application.get("/")
def index():
    return "Hello from Flask, %s" % request.args.get("name", "nobody")


@application.post("/form")
def form():
    upload = request.files["file"]
    return jsonify(field=request.form["field"], size=len(upload.read()), name=upload.filename)


@application.post("/length")
def length():
    return "%d %s" % (len(request.get_data()), request.environ.get("CONTENT_LENGTH"))


@application.get("/count")
def count():
    session["n"] = session.get("n", 0) + 1
    return str(session["n"])


@application.get("/stream")
def stream():
    return Response("line %d\n" % i for i in range(1000))


@application.get("/file")
def file():
    return send_file(os.path.abspath(__file__), mimetype="text/plain")


@application.get("/missing")
def missing():
    abort(404)


@application.get("/fail")
def fail():
    raise ValueError("in a view")

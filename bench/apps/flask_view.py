"""A Flask view: a URL with a parameter, a small template."""

from flask import Flask, render_template

application = Flask(__name__)

# Compiled once, as a template in a file would be.
PAGE = application.jinja_env.from_string("<!doctype html>\n<title>Greeting</title>\n<p>Hello {{ name }}!</p>")


@application.get("/greet/<name>")
def greet(name):
    return render_template(PAGE, name=name)

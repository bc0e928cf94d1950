"""A Flask application whose views are in a module that imports it back."""

import os
import sys

from flask import Flask

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

application = Flask(__name__)


@application.get("/")
def index():
    return "of the script"


import flask_large_views  # noqa: E402, F401

from flask_large import application


@application.get("/large")
def large():
    return "of the views"

"""A Django project in one file, with its database in sqlite."""

import os
import threading

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["GOPHERSNAKE_TEST_DATABASE"],
        "OPTIONS": {"timeout": 60},
        "CONN_MAX_AGE": None,
    }},
    LOGGING={
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"server": {"class": "mod_wsgi.LogHandler"}},
        "root": {"handlers": ["server"]},
    },
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="test",
)


def index(request):
    return HttpResponse("Hello from Django, %s" % request.GET.get("name", "nobody"))


def select(request):
    with connection.cursor() as cursor:
        cursor.execute("select count(*), max(name) from item")
        return HttpResponse("%d %s" % cursor.fetchone())


def insert(request):
    with connection.cursor() as cursor:
        cursor.execute("insert into item (name) values (%s)", [request.POST["name"]])
    return HttpResponse("inserted")


def count(request):
    return HttpResponse("%d %s" % (len(request.body), request.META.get("CONTENT_LENGTH")))


def stream(request):
    return StreamingHttpResponse("line %d\n" % i for i in range(1000))


def fail(request):
    raise ValueError("in a view of %s" % threading.current_thread().name)


urlpatterns = [
    path("", index), path("select", select), path("insert", insert), path("count", count), path("stream", stream), path("fail", fail),
]

django.setup()
with connection.cursor() as start:
    start.execute("create table if not exists item (id integer primary key, name text)")
    start.execute("insert into item (name) values ('first')")
application = get_wsgi_application()

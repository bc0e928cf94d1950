"""A Django view: a URL with a parameter, a small template, the middleware of a new project that needs no database."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.shortcuts import render
from django.urls import path

TEMPLATE = "<!doctype html>\n<title>Greeting</title>\n<p>Hello {{ name }}!</p>"


def greet(request, name):
    return render(request, "greet.html", {"name": name})


class URLs:
    """Stands for a module of URLs: this file has another module name under each server, or none."""

    urlpatterns = [path("greet/<name>", greet)]


settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DEBUG=False,
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    ROOT_URLCONF=URLs,
    SECRET_KEY="only for measurements",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {"loaders": [("django.template.loaders.locmem.Loader", {"greet.html": TEMPLATE})]},
        }
    ],
)

application = get_wsgi_application()

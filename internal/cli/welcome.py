"""The page of a server that was started without an application."""

import html
import sys

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gophersnake works</title>
<style>
:root {{ color-scheme: light dark; --line: #8883; --soft: #8881; --dim: #666; --accent: #2f7d4f; }}
@media (prefers-color-scheme: dark) {{ :root {{ --dim: #a0a0a0; --accent: #6cc08b; }} }}
* {{ box-sizing: border-box; }}
body {{ font: 16px/1.55 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 2.5rem 1rem 4rem; }}
h1 {{ font-size: 1.9rem; font-weight: 650; margin: 0 0 .3rem; }}
h1 span {{ color: var(--accent); }}
h2 {{ font-size: 1.05rem; font-weight: 650; margin: 2.4rem 0 .6rem; }}
p {{ margin: .5rem 0; }}
pre {{ background: var(--soft); border: 1px solid var(--line); border-radius: .4rem; padding: .7rem .9rem; overflow-x: auto; }}
code, pre, td, th {{ font: .86rem/1.5 ui-monospace, monospace; }}
table {{ border-collapse: collapse; width: 100%; table-layout: fixed; }}
tr {{ border-top: 1px solid var(--line); }}
tr:last-child {{ border-bottom: 1px solid var(--line); }}
th, td {{ text-align: left; vertical-align: top; padding: .28rem .6rem .28rem 0; overflow-wrap: anywhere; }}
th {{ width: 17rem; color: var(--dim); }}
i {{ color: var(--dim); }}
@media (max-width: 40rem) {{ th, td {{ display: block; width: 100%; }} td {{ padding-top: 0; }} pre {{ font-size: .75rem; padding: .6rem .7rem; }} }}
</style>
</head>
<body>
<h1><span>Gophersnake</span> works</h1>
<p>This page is a WSGI application inside the server, run by Python {python}.</p>
<h2>Serve your own</h2>
<pre>gophersnake start-server wsgi.py</pre>
<p>where <code>wsgi.py</code> holds a function or object called <code>application</code>:</p>
<pre>def application(environ, start_response):
    headers = [("Content-Type", "text/plain")]
    start_response("200 OK", headers)
    return [b"Hello World!\\n"]</pre>
{tables}
</body>
</html>
"""

SERVER = ("SERVER_", "CONTEXT_", "DOCUMENT_", "SCRIPT_FILENAME", "mod_wsgi.", "apache.")


def group(key):
    """Return the number of the heading that a key of environ belongs under."""
    if key.startswith(SERVER):
        return 3
    if key.startswith("HTTP_"):
        return 1
    return 2 if "." in key else 0


def show(value):
    if value == "":
        return "<i>empty</i>"
    return html.escape(value if isinstance(value, str) else repr(value))


def table(title, rows):
    cells = "\n".join(
        "<tr><th scope=\"row\">%s</th><td>%s</td></tr>" % (html.escape(key), show(value))
        for key, value in rows)
    return "<h2>%s</h2>\n<table>\n%s\n</table>" % (html.escape(title), cells)


def application(environ, start_response):
    tables = "\n".join(
        table(title, sorted((k, v) for k, v in environ.items() if group(k) == number))
        for number, title in enumerate(("This request", "Its headers", "WSGI", "The server")))
    body = PAGE.format(python=html.escape(sys.version.split()[0]), tables=tables)
    body = body.encode("utf-8", "replace")
    start_response("200 OK", [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
    ])
    return [body]

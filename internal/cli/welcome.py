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
:root {{ color-scheme: light dark; --line: #8883; --soft: #8881; --accent: #2f7d4f; }}
* {{ box-sizing: border-box; }}
body {{ font: 16px/1.55 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 4rem; }}
h1 {{ font-size: 1.9rem; margin: 0 0 .3rem; }}
h1 span {{ color: var(--accent); }}
h2 {{ font-size: 1.1rem; margin: 2.2rem 0 .5rem; }}
p {{ margin: .4rem 0; }}
pre {{ background: var(--soft); border: 1px solid var(--line); border-radius: .4rem; padding: .7rem .9rem; overflow-x: auto; }}
code, pre, td, th {{ font: .86rem/1.5 ui-monospace, monospace; }}
table {{ border-collapse: collapse; width: 100%; table-layout: fixed; }}
th, td {{ text-align: left; vertical-align: top; padding: .28rem .6rem; border-top: 1px solid var(--line); overflow-wrap: anywhere; }}
th {{ width: 17rem; font-weight: 600; }}
@media (max-width: 40rem) {{ th, td {{ display: block; width: 100%; }} td {{ border: 0; padding-top: 0; }} }}
</style>
</head>
<body>
<h1><span>Gophersnake</span> works</h1>
<p>This page is a WSGI application inside the server, run by Python {python}.</p>
<h2>Serve your own</h2>
<pre>gophersnake start-server wsgi.py</pre>
<p>where <code>wsgi.py</code> holds a function or object called <code>application</code>:</p>
<pre>def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"Hello World!\\n"]</pre>
{tables}
</body>
</html>
"""

GROUPS = (
    ("This request", lambda key: "." not in key and not key.startswith("HTTP_")),
    ("Its headers", lambda key: key.startswith("HTTP_")),
    ("WSGI", lambda key: key.startswith("wsgi.")),
    ("The server", lambda key: key.startswith(("mod_wsgi.", "apache."))),
)


def table(title, rows):
    cells = "\n".join(
        "<tr><th scope=\"row\">%s</th><td>%s</td></tr>"
        % (html.escape(key), html.escape(value if isinstance(value, str) else repr(value)))
        for key, value in rows)
    return "<h2>%s</h2>\n<table>\n%s\n</table>" % (html.escape(title), cells)


def application(environ, start_response):
    tables = "\n".join(
        table(title, sorted((k, v) for k, v in environ.items() if wanted(k)))
        for title, wanted in GROUPS)
    body = PAGE.format(python=html.escape(sys.version.split()[0]), tables=tables)
    body = body.encode("utf-8", "replace")
    start_response("200 OK", [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
    ])
    return [body]

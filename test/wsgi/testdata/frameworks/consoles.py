"""Packages that look at sys.stdout and sys.stderr for a terminal."""

import io
import logging
import sys

import click
import rich.console
import rich.logging
import rich.table
import termcolor
import tqdm


def coloured():
    termcolor.cprint("said by termcolor", "red")


def rich_tables():
    rich.console.Console().print("said by [bold]rich[/bold]")
    rich.console.Console(stderr=True).print("rich to stderr")
    table = rich.table.Table("rich column")
    table.add_row("rich cell")
    rich.print(table)
    log = logging.getLogger("rich")
    log.addHandler(rich.logging.RichHandler())
    log.warning("rich handler")
    log.handlers.clear()


def clicked():
    click.echo("said by click")
    click.echo(b"bytes of click")
    click.secho("styled by click", fg="green", err=True)
    click.get_binary_stream("stdout").write(b"binary by click\n")
    click.get_text_stream("stdout").write("text by click\n")
    click.echo(click.style("width %d" % len(click.formatting.HelpFormatter().getvalue())))


def bars():
    assert sum(tqdm.tqdm(range(10), desc="bar of tqdm")) == 45
    tqdm.tqdm.write("said by tqdm")


def redirected(environ):
    out = io.StringIO()
    sys.stdout, before = out, sys.stdout
    try:
        print("kept")
    finally:
        sys.stdout = before
    environ["wsgi.errors"].write("errors by the way\n")
    return out.getvalue()


def application(environ, start_response):
    for use in (coloured, rich_tables, clicked, bars):
        use()
    answer = redirected(environ)
    start_response("200 OK", [])
    return [answer.encode()]

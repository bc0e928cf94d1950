"""Which modules import others, from their source."""

import os
import sys

from _gophersnake import imports


def of(names, candidates):
    """Return those of the candidates that import one of names, directly or by way
    of each other. All are names of modules; what is not the application's own is
    left out.
    """
    imports = {name: _imports(name) for name in candidates if _is_own(name)}
    found = set(names)
    grown = True
    while grown:
        more = {name for name, imported in imports.items() if name not in found and imported & found}
        grown = bool(more)
        found |= more
    return sorted(found - set(names))


def _file(name):
    file = imports.given(sys.modules.get(name), "__file__")
    return file if isinstance(file, str) else ""


def _is_own(name):
    file = _file(name)
    parts = file.split("/")
    return (file.endswith(".py") and "site-packages" not in parts and "dist-packages" not in parts
            and not file.startswith(os.path.dirname(os.__file__) + "/"))


def _imports(name):
    """Return the names of what a module imports, as far as its text says."""
    import ast

    try:
        with open(_file(name), "rb") as f:
            tree = ast.parse(f.read())
    except (OSError, SyntaxError, ValueError):
        return set()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                found.update(".".join(parts[:n + 1]) for n in range(len(parts)))
        elif isinstance(node, ast.ImportFrom):
            base = _base(name, node)
            found.add(base)
            found.update("%s.%s" % (base, alias.name) for alias in node.names)
    return found


def _base(name, node):
    """Return the module that a "from" names, which may be relative."""
    if not node.level:
        return node.module
    package = imports.given(sys.modules[name], "__package__") or ""
    parts = package.split(".")
    parts = parts[:len(parts) - node.level + 1]
    return ".".join(parts + ([node.module] if node.module else []))

"""Applications that are named by their module, as in mysite.wsgi:application."""

import importlib.machinery
import os
import sys
import types

from _gophersnake import imports


def file_of(name):
    """Return the file of a module, "" if none is found. Nothing is imported."""
    path, spec = None, None
    for end in [n for n, c in enumerate(name) if c == "."] + [len(name)] if name else []:
        spec, path = _find(name[:end], path)
        if spec is None:
            return ""
    if spec is None or not spec.has_location or not os.path.isfile(spec.origin):
        return ""
    return os.path.abspath(spec.origin)


def _find(name, path):
    """Return the spec of a module in the places of its package, None if there is none, and
    the places that it has itself."""
    try:
        spec = imports.find(name, path)
        return spec, _places(spec)
    except Exception:  # a finder, or its list, wants the package to be imported, as that of namespaces does
        spec = _in(name, sys.path if path is None else path)
        return spec, _places(spec)


def _places(spec):
    return list(spec.submodule_search_locations or []) if spec else []


def _in(name, path):
    """Do what importlib.machinery.PathFinder does, without the package."""
    import pkgutil

    found = importlib.machinery.ModuleSpec(name, None, is_package=True)
    for place in path:
        find = getattr(pkgutil.get_importer(place), "find_spec", None)
        spec = find(name) if find else None
        if spec is not None and spec.loader is not None:
            return spec
        if spec is not None:
            found.submodule_search_locations += spec.submodule_search_locations
    return found if found.submodule_search_locations else None


def load(name, watched):
    """Import a module, and anew what has imported one that it replaces or that failed."""
    importlib.invalidate_caches()
    watched.names.add(name)
    watched.forget_importers()
    watched.before()
    try:
        module = importlib.import_module(name)
    except BaseException:
        watched.end(failed=True)
        raise
    watched.end(failed=False)
    return module


def hints(name, exc):
    """Return lines on how to repair the name of a module that is not there."""
    if not name or not isinstance(exc, ModuleNotFoundError) or not exc.name or not (name + ".").startswith(exc.name + "."):
        return []
    parent, _, last = exc.name.rpartition(".")
    near = _near(last, _modules_in(parent))
    rest = name[len(exc.name):]
    if near:
        return ["There is no module '%s'; did you mean %s%s%s?" % (exc.name, parent and parent + ".", near, rest)]
    return ["There is no module '%s': the directory it is looked for in is that of --working-directory, "
            "or one of --python-path." % exc.name]


def instead(target):
    """Say what the module of target has in place of the application."""
    module = sys.modules.get(target.module)
    names = [n for n, v in list(vars(module).items()) if _may_serve(n, v, target.module)] if module else []
    how = "%s:%%s" % target.import_name if target.import_name else "--callable-object %s"
    factory = next((n for n in ("create_app", "make_app") if n in names), None)
    others = [n for n in names if n != factory]
    near = _near(target.callable_object, others) or next((n for n in ("app", "application") if n in others), None)
    if near:
        return " Did you mean %s (WSGICallableObject %s)?" % (how % near, near)
    if factory:
        return " It has a factory: add the line %s = %s()." % (target.callable_object, factory)
    return ""


def _may_serve(name, value, module):
    """Report whether a name of a module could be that of an application."""
    if name.startswith("_") or not callable(value) or issubclass(type(value), type):
        return False
    return type(value) is not types.FunctionType or value.__module__ == module


def _near(name, names):
    import difflib

    return next(iter(difflib.get_close_matches(name, list(names), 1, 0.6)), None)


def _modules_in(package):
    import pkgutil

    if not package:
        return [m.name for m in pkgutil.iter_modules(sys.path[:1])]
    path = imports.given(sys.modules.get(package), "__path__")
    return [m.name for m in pkgutil.iter_modules(path)] if path else []

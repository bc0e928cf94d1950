"""Whose scripts may run: script-user and script-group of a process group."""

import os
import stat


class Denied(Exception):
    """A script that may not run. Its text says why, and what to do."""


class Owner:
    """The account, or else the group, that scripts and their directories belong to."""

    def __init__(self, kind, number, name):
        self.kind = kind  # "user" or "group"
        self.number = int(number)
        self.name = name
        # who else must not be able to write
        self.others = 0o022 if kind == "user" else 0o002

    def check(self, path, status):
        """Raise Denied unless path, whose file has status, may be run."""
        self._check(path, path, status)
        places = [os.path.dirname(path), os.path.dirname(os.path.realpath(path))]
        for directory in dict.fromkeys(places):
            self._check(path, directory, os.stat(directory))

    def _check(self, script, path, status):
        owner = status.st_uid if self.kind == "user" else status.st_gid
        repairs = []
        if owner != self.number:
            repairs.append("%s '%s' '%s'" % (
                "chown" if self.kind == "user" else "chgrp", self.name, path))
        if status.st_mode & self.others:
            repairs.append("chmod %s '%s'" % (
                "go-w" if self.kind == "user" else "o-w", path))
        if repairs:
            raise Denied(
                "WSGI script '%s' is not run: '%s' belongs to user %s and group %s and has the "
                "mode %04o, and script-%s=%s wants it to belong to %s and nobody else to be able "
                "to write it. To allow it: %s" % (
                    script, path, _user(status.st_uid), _group(status.st_gid),
                    stat.S_IMODE(status.st_mode), self.kind, self.name, self.number,
                    " && ".join(repairs)))


def _user(number):
    try:
        import pwd

        return "%s (%d)" % (pwd.getpwuid(number).pw_name, number)
    except Exception:
        return str(number)


def _group(number):
    try:
        import grp

        return "%s (%d)" % (grp.getgrgid(number).gr_name, number)
    except Exception:
        return str(number)


def of(options):
    """Return the Owner that the options of a target ask for, or None."""
    for kind in ("user", "group"):
        number = options.get("script_" + kind)
        if number:
            return Owner(kind, number, options["script_owner"])
    return None

"""wsgi.file_wrapper (PEP 3333, "Optional Platform-Specific File Handling")."""

import io
import sys

_OF_FILE = frozenset(("seek", "tell", "seekable", "readable"))


class FileWrapper:
    """An iterable over the blocks of a file-like object.

    Returned from an application as it is, over a regular file, it is sent by
    the server without being iterated over. It has seek, tell, seekable and
    readable if the file-like object has them.
    """

    def __init__(self, filelike, blksize=8192):
        if blksize < 0:
            raise ValueError("blksize must not be negative")
        self.filelike = filelike
        self.blksize = blksize

    def __iter__(self):
        return self

    def __next__(self):
        data = self.filelike.read(self.blksize)
        if not data:
            raise StopIteration
        return data

    def __getattr__(self, name):
        if name in _OF_FILE:
            return getattr(self.filelike, name)
        raise AttributeError("%r object has no attribute %r" % (type(self).__name__, name))

    def close(self):
        """Close the file-like object if it can be closed."""
        close = getattr(self.filelike, "close", None)
        if close is not None:
            close()


FileWrapper.__module__ = "mod_wsgi"


def file_of(wrapper):
    """Return descriptor and position of what wrapper stands for; None: iterate.

    A fileno() alone says nothing of what read() gives: that of gzip.open() is
    of the compressed file. It is believed of the files of io only, exactly
    these classes, for which it is the same.
    """
    kind = type(wrapper)
    if kind.__iter__ is not FileWrapper.__iter__ or kind.__next__ is not FileWrapper.__next__:
        return None
    file = wrapper.filelike
    tempfile = sys.modules.get("tempfile")
    if tempfile and type(file) is getattr(tempfile, "_TemporaryFileWrapper", None):
        file = file.file
    if type(file) is io.BufferedRandom:
        file.flush()
    raw = file.raw if type(file) in (io.BufferedReader, io.BufferedRandom) else file
    if type(raw) is not io.FileIO or not raw.readable():
        return None
    return raw.fileno(), file.tell()

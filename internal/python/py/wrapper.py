"""wsgi.file_wrapper (PEP 3333, "Optional Platform-Specific File Handling")."""


class FileWrapper:
    """An iterable over the blocks of a file-like object.

    Returned from an application as it is, over a regular file, it is sent by
    the server without being iterated over.
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

    def close(self):
        """Close the file-like object if it can be closed."""
        close = getattr(self.filelike, "close", None)
        if close is not None:
            close()


FileWrapper.__module__ = "mod_wsgi"

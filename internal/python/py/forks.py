"""os.fork from requests: what CPython gets wrong there, and what it cannot do."""

import functools
import os
import threading


def repair():
    """Let a child that is forked from a request end as Python means it to.

    Until 3.12.1 threading takes a thread that it did not start itself over as
    the child's main thread without the lock that its shutdown asks for
    (gh-102512), and multiprocessing reports a failure.
    """
    os.register_at_fork(after_in_child=_adopt_main_thread)


def _adopt_main_thread():
    main = threading.main_thread()
    if isinstance(main, threading._DummyThread) and hasattr(main, "_set_tstate_lock"):
        main.__class__ = threading._MainThread
        main._name = "MainThread"
        main._daemon = False
        main._set_tstate_lock()


def refuse(group):
    """Make os.fork and os.forkpty explain themselves in application group group.

    CPython ends a child that was forked in a sub-interpreter with a fatal error
    before it runs any code of the application.
    """
    def replace(original):
        @functools.wraps(original)
        def refused():
            raise RuntimeError(
                "%s is not possible in a sub-interpreter of CPython, as the application group "
                "'%s' is one: use the group %%{GLOBAL}" % (original.__name__, group))
        return refused

    os.fork = replace(os.fork)
    os.forkpty = replace(os.forkpty)

/*
 * fork: what the application's os.fork(2) makes of this process.
 *
 * Role: handlers of pthread_atfork, which run around every fork(2), also that of
 * Python's subprocess and multiprocessing, but not around vfork(2) and
 * posix_spawn(3): there Python and the C library block signals and reset
 * handlers themselves, and a program follows, for which nothing stays open.
 *
 * The child has nothing of the server: no handler of a signal, no descriptor
 * (forkfds.h), and none of the memory that a daemon shares with the server.
 */
#ifndef GS_FORK_H
#define GS_FORK_H

/* Set in a process that was forked by the application, and in those that it
 * forks: nothing there may enter Go. */
extern volatile int gs_forked;

/* Ends a process forked by the application, with a word on stderr, where it would go
 * on in Go; returns in every other process. It says from what it comes. Neither
 * exit handlers nor buffers are heard, as with os._exit. */
void gs_fork_end(const char *from);

/* Installs the handlers. Called once, by gs_python_start, before any code of an
 * application runs. */
void gs_fork_watch(void);

#endif

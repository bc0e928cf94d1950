/*
 * forkfds: the descriptors of the server in a child that the application forks.
 *
 * Role: closes them there, so that a connection ends when the server closes it,
 * the port is free when the server has ended, and the end of a process is seen
 * by those who hold the other end of its sockets. What the application has opened
 * stays. Regular files of the server, which are its logs, stay too: they hold
 * nothing up.
 *
 * How they are known: Go's poller is an epoll(7) instance, of which the kernel
 * tells what it watches: everything that Go may wait for. Sockets are also known
 * by the address of a listening socket among them, because a connection that has
 * just been accepted is not watched yet, and by being the same socket as one that
 * is watched, under another number.
 */
#ifndef GS_FORKFDS_H
#define GS_FORKFDS_H

/* Finds Go's poller. Called once, before any code of an application runs, and when
 * Go has begun to poll. */
void gs_fork_fds_find(void);

/* Closes the server's descriptors. For the child of a process with many threads:
 * makes nothing but system calls. */
void gs_fork_fds_close(void);

#endif

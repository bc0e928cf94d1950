/*
 * How many files the process was to have open at most when it was started. Go
 * raises that limit before any of its packages can look, and undoes it only in
 * programs that Go starts.
 */
#ifndef GS_NOFILE_H
#define GS_NOFILE_H

/* Restores the soft limit; the hard one stays. Returns 0 or an errno. */
int gs_nofile_restore(void);

#endif

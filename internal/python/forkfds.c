#define _GNU_SOURCE
#include "forkfds.h"
#include "feedio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST = 3 }; /* the standard streams are the application's, too */
enum { ADDRESSES = 16, SOCKETS = 512 };

/* Go's poller, or -1. */
static int poller = -1;

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

/* What the descriptors that are not watched are compared with. In memory of the
 * child alone, which has one thread. */
static struct {
	union address addresses[ADDRESSES];
	socklen_t sizes[ADDRESSES];
	ino_t sockets[SOCKETS]; /* that are no connections of a client */
	int naddresses, nsockets;
} known;

/* Writes prefix and n to text, which has room for both. */
static void name_of(char *text, const char *prefix, unsigned n)
{
	char digits[12];
	int k = 0;

	do
		digits[k++] = (char)('0' + n % 10);
	while (n /= 10);
	text = stpcpy(text, prefix);
	while (k > 0)
		*text++ = digits[--k];
	*text = 0;
}

/* Reports whether what fd is called in /proc begins with kind. */
static int is_kind(int fd, const char *kind)
{
	char path[40], link[64];

	name_of(path, "/proc/self/fd/", (unsigned)fd);
	ssize_t n = readlink(path, link, sizeof link);
	return n >= (ssize_t)strlen(kind) && memcmp(link, kind, strlen(kind)) == 0;
}

/* Calls visit for every descriptor of the process from FIRST on. */
static void each_descriptor(void (*visit)(int fd))
{
	struct entry {
		uint64_t ino;
		int64_t off;
		unsigned short size;
		unsigned char type;
		char name[];
	};
	_Alignas(struct entry) char buf[4096];
	int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long n;

	while (dir >= 0 && (n = syscall(SYS_getdents64, dir, buf, sizeof buf)) > 0) {
		for (long at = 0; at < n;) {
			struct entry *e = (struct entry *)(buf + at);
			int fd = 0;

			at += e->size;
			for (const char *p = e->name; *p; p++)
				fd = *p >= '0' && *p <= '9' ? 10 * fd + *p - '0' : 0;
			if (fd >= FIRST && fd != dir)
				visit(fd);
		}
	}
	if (dir >= 0)
		close(dir);
}

static void take_poller(int fd)
{
	if (is_kind(fd, "anon_inode:[eventpoll]"))
		poller = fd;
}

void gs_fork_fds_find(void)
{
	each_descriptor(take_poller);
}

static int option(int fd, int name)
{
	int value = 0;
	socklen_t size = sizeof value;

	return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : 0;
}

static void remember_socket(int fd, ino_t inode)
{
	if (option(fd, SO_ACCEPTCONN) && known.naddresses < ADDRESSES) {
		int i = known.naddresses;

		known.sizes[i] = sizeof known.addresses[i];
		if (getsockname(fd, &known.addresses[i].any, &known.sizes[i]) == 0)
			known.naddresses++;
	}
	if (option(fd, SO_DOMAIN) == AF_UNIX && known.nsockets < SOCKETS)
		known.sockets[known.nsockets++] = inode;
}

/* Closes a descriptor that Go's poller of the parent watches as an inode, if it is
 * the same here: the parent lives on, and opens and closes. */
static void close_watched(int fd, ino_t inode)
{
	struct stat st;

	if (fd < FIRST || fd == poller || fstat(fd, &st) < 0 || st.st_ino != inode)
		return;
	if (S_ISSOCK(st.st_mode))
		remember_socket(fd, inode);
	close(fd);
}

/* Reads lines such as "tfd:  5 events:  1f data: 4  pos:0 ino:9bef sdev:9", a
 * character at a time. */
struct reader {
	enum { LINE, NAME, VALUE } at;
	char name[8];
	size_t size;
	unsigned long value;
	int fd;
};

static int digit(char c, int base)
{
	int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;

	return d < base ? d : -1;
}

/* A value has ended. */
static void take_value(struct reader *r)
{
	if (strcmp(r->name, "tfd") == 0)
		r->fd = (int)r->value;
	if (strcmp(r->name, "ino") == 0 && r->fd >= 0) {
		close_watched(r->fd, (ino_t)r->value);
		r->fd = -1;
	}
}

static void take_character(struct reader *r, char c)
{
	int is_fd = strcmp(r->name, "tfd") == 0;
	int d = digit(c, is_fd ? 10 : 16);

	if (r->at == VALUE && d >= 0) {
		r->value = r->value * (is_fd ? 10 : 16) + (unsigned)d;
		r->size++;
		return;
	}
	if (r->at == VALUE && r->size == 0 && (c == ' ' || c == '\t'))
		return;
	if (r->at == VALUE) {
		if (r->size > 0)
			take_value(r);
		r->at = NAME;
		r->size = 0;
	}
	if (c == ':') {
		r->name[r->size] = 0;
		r->at = VALUE;
		r->size = r->value = 0;
	} else if (c >= 'a' && c <= 'z' && r->size < sizeof r->name - 1) {
		r->name[r->size++] = c;
	} else {
		r->size = 0;
	}
}

/* What kcmp(2) says of fd and what Go's poller watches under this number: 0 if it is
 * the same, -1 with ENOENT if nothing is. */
static long compare(int fd)
{
	struct kcmp_epoll_slot slot = {.efd = (uint32_t)poller, .tfd = (uint32_t)fd};
	pid_t self = getpid();

	return syscall(SYS_kcmp, self, self, KCMP_EPOLL_TFD, (unsigned long)fd, &slot);
}

static void close_compared(int fd)
{
	struct stat st;

	if (compare(fd) == 0 && fstat(fd, &st) == 0)
		close_watched(fd, st.st_ino);
}

/* The same as close_all_watched without /proc/self/fdinfo. Before Linux 5.14 that is
 * root's in a process that is not dumpable; containers that let nobody trace refuse
 * kcmp(2). */
static int close_all_compared(void)
{
	if (compare(poller) == 0 || errno != ENOENT)
		return -1;
	each_descriptor(close_compared);
	return 0;
}

/* Closes what Go's poller watches. Returns 0, or -1 if that cannot be known. */
static int close_all_watched(void)
{
	char path[40], buf[4096];
	struct reader r = {.at = NAME, .fd = -1};
	ssize_t n;

	name_of(path, "/proc/self/fdinfo/", (unsigned)poller);
	int info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return -1;
	while ((n = read(info, buf, sizeof buf)) > 0)
		for (ssize_t i = 0; i < n; i++)
			take_character(&r, buf[i]);
	close(info);
	return (int)n;
}

/* Reports whether a socket with the address a is one of the listening socket l,
 * or the same. */
static int same_address(const union address *a, const union address *l, socklen_t size)
{
	if (a->any.sa_family != l->any.sa_family)
		return 0;
	switch (l->any.sa_family) {
	case AF_INET:
		return a->in.sin_port == l->in.sin_port &&
		       (l->in.sin_addr.s_addr == INADDR_ANY || a->in.sin_addr.s_addr == l->in.sin_addr.s_addr);
	case AF_INET6:
		return a->in6.sin6_port == l->in6.sin6_port &&
		       (IN6_IS_ADDR_UNSPECIFIED(&l->in6.sin6_addr) ||
			IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &l->in6.sin6_addr));
	case AF_UNIX:
		return size > offsetof(struct sockaddr_un, sun_path) && memcmp(a, l, size) == 0;
	}
	return 0;
}

static int is_known(int fd, ino_t inode)
{
	union address a = {0};
	socklen_t size = sizeof a;

	for (int i = 0; i < known.nsockets; i++)
		if (known.sockets[i] == inode)
			return 1;
	if (known.naddresses == 0 || getsockname(fd, &a.any, &size) < 0)
		return 0;
	for (int i = 0; i < known.naddresses; i++)
		if (same_address(&a, &known.addresses[i], known.sizes[i]))
			return 1;
	return 0;
}

/* Closes fd if it is the server's although its poller does not watch it. */
static void close_unwatched(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return;
	if (S_ISSOCK(st.st_mode) ? is_known(fd, st.st_ino) : S_ISREG(st.st_mode) && is_kind(fd, "/memfd:gophersnake-ring"))
		close(fd);
}

/* Closes what a daemon's request threads use. */
static void close_feed(void)
{
	struct stat st;

	if (!gs_the_feed.o.memory)
		return;
	if (fstat(gs_the_feed.o.control, &st) == 0)
		remember_socket(gs_the_feed.o.control, st.st_ino);
	close(gs_the_feed.o.event);
}

void gs_fork_fds_close(void)
{
	static const char text[] = "gophersnake: a process forked by the application keeps connections "
				   "of the server: /proc/self/fdinfo cannot be read, and kcmp(2) does not work\n";

	int failed = poller < 0 || (close_all_watched() < 0 && close_all_compared() < 0);
	if (failed && write(2, text, sizeof text - 1) < 0) {
		/* nobody reads it */
	}
	close_feed();
	each_descriptor(close_unwatched);
	if (poller >= 0)
		close(poller);
}

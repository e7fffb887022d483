/* What the helper can no longer do once it is confined, and what it can. Each
 * case in a child: nothing of it can be taken back. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/capability.h>
#include <linux/landlock.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "helper/confine.h"
#include "scratch.h"

static char store[sizeof(scratch) + 8];

static void
remember(void *arg, int level, const char *line)
{
	(void)arg;
	fprintf(stderr, "level %d: %s\n", level, line);
	_exit(99);	/* here nothing may be refused */
}

static const struct og_log strict = {
	.emit = remember, .max_level = LOG_DEBUG
};

/* The result of one action of a confined process: what it returned, to 90. */
static int
confined(int (*action)(long), long arg)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		og_confine(store, &strict);
		_exit(action(arg));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	    100 + WTERMSIG(status);
}

static int
errno_of(long result)
{
	return result == -1 ? errno : 0;
}

/* By the filter alone: a kernel refuses much to one without capabilities. What
 * is let through does no harm with such arguments, and fails otherwise. */
static int
filtered(long number)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) == -1 ||
		    og_confine_calls() == -1)
			_exit(98);
		_exit(errno_of(syscall(number, -1L, -1L, -1L, -1L, -1L, -1L)));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static void
forbids_calls(void **state)
{
	static const long never[] = {
		SYS_execve, SYS_execveat, SYS_unshare, SYS_setns,
#ifndef OG_LEAK_TRACER
		SYS_ptrace,
#endif
		SYS_process_vm_readv, SYS_process_vm_writev,
		SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo,
		SYS_pidfd_open, SYS_pidfd_getfd, SYS_pidfd_send_signal,
		SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid,
		SYS_setresuid, SYS_setresgid, SYS_setfsuid, SYS_setfsgid,
		SYS_setgroups, SYS_capset, SYS_personality, SYS_mknodat,
		SYS_fchown, SYS_fchownat, SYS_open_by_handle_at,
		SYS_io_uring_setup, SYS_memfd_create, SYS_mount, SYS_umount2,
		SYS_pivot_root, SYS_chroot, SYS_fsopen, SYS_move_mount,
		SYS_mount_setattr, SYS_open_tree, SYS_reboot,
		SYS_init_module, SYS_finit_module, SYS_delete_module,
		SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl,
		SYS_add_key, SYS_request_key, SYS_syslog, SYS_settimeofday,
		SYS_clock_settime, SYS_sethostname, SYS_kexec_load,
		SYS_listen, SYS_accept, SYS_accept4,
#ifdef SYS_fork
		SYS_fork, SYS_vfork, SYS_iopl, SYS_modify_ldt,
#endif
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		if (filtered(never[i]) == EPERM)
			continue;
		fail_msg("call %ld: %d", never[i], filtered(never[i]));
	}
	/* And these do not exist: see filter.c. */
	assert_int_equal(filtered(SYS_clone3), ENOSYS);
	assert_int_equal(filtered(SYS_openat2), ENOSYS);
	assert_int_equal(filtered(451), ENOSYS);
	assert_int_equal(filtered(100000), ENOSYS);
}

enum {
	MAKE_SETUID, MAKE_SETUID_UNNAMED, CHMOD_SETUID, MAP_CODE, MAKE_CODE, OWNED_FD,
	KILL_PARENT, LIMIT_PARENT, FORK, PACKETS, CRYPTO, VSOCK
};

static int
attempt(long what)
{
	int fd;

	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	switch (what) {
	case MAKE_SETUID:
		return errno_of(syscall(SYS_openat, AT_FDCWD, store,
		    O_WRONLY | O_CREAT, 04755));
	case MAKE_SETUID_UNNAMED:
		return errno_of(syscall(SYS_openat, AT_FDCWD, store,
		    O_WRONLY | O_TMPFILE, 04755));
	case CHMOD_SETUID:
		return errno_of(chmod(store, 04700));
	case MAP_CODE:
		return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ?
		    errno : 0;
	case MAKE_CODE:
		return errno_of(mprotect(mmap(NULL, 4096, PROT_READ |
		    PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096,
		    PROT_READ | PROT_EXEC));
	case OWNED_FD:
		return errno_of(fcntl(fd, F_SETOWN, getppid()));
	case KILL_PARENT:
		return errno_of(syscall(SYS_tgkill, getppid(), getppid(), 0));
	case LIMIT_PARENT:
		return errno_of(prlimit(getppid(), RLIMIT_CORE, NULL, NULL));
	case FORK:
		return errno_of(syscall(SYS_clone, SIGCHLD, 0L, 0L, 0L, 0L));
	case PACKETS:
		return errno_of(socket(AF_PACKET, SOCK_RAW, 0));
	case CRYPTO:
		return errno_of(socket(AF_ALG, SOCK_SEQPACKET, 0));
	case VSOCK:
		return errno_of(socket(AF_VSOCK, SOCK_STREAM, 0));
	}
	return 90;
}

static void
forbids_arguments(void **state)
{
	long what;

	(void)state;
	for (what = MAKE_SETUID; what < PACKETS; what++) {
#ifdef OG_LEAK_TRACER
		if (what == FORK)
			continue;
#endif
		if (confined(attempt, what) != EPERM)
			fail_msg("attempt %ld: %d", what,
			    confined(attempt, what));
	}
	for (what = PACKETS; what <= VSOCK; what++)
		assert_int_equal(confined(attempt, what), EAFNOSUPPORT);
}

static int
powers(long unused)
{
	struct __user_cap_header_struct header = {
		_LINUX_CAPABILITY_VERSION_3, 0
	};
	struct __user_cap_data_struct have[_LINUX_CAPABILITY_U32S_3];
	unsigned long i;

	(void)unused;
	memset(have, 0xff, sizeof(have));
	if (syscall(SYS_capget, &header, have) == -1)
		return 1;
	for (i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		if ((have[i].effective | have[i].permitted |
		    have[i].inheritable) != 0)
			return 2;
	}
	for (i = 0; i <= CAP_LAST_CAP; i++) {
		if (prctl(PR_CAPBSET_READ, i, 0UL, 0UL, 0UL) > 0)
			return 3;
	}
	if (prctl(PR_GET_NO_NEW_PRIVS, 0UL, 0UL, 0UL, 0UL) != 1)
		return 4;
	return prctl(PR_GET_SECCOMP, 0UL, 0UL, 0UL, 0UL) == 2 ? 0 : 5;
}

static void
has_no_powers(void **state)
{
	(void)state;
	if (as_root("what is left of root's powers"))
		assert_int_equal(confined(powers, 0), 0);
}

static bool
landlock_is_here(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION) >= 2;
}

static int
write_elsewhere(long unused)
{
	char path[sizeof(store) + 16];

	(void)unused;
	snprintf(path, sizeof(path), "%s.new", store);
	if (open(path, O_WRONLY | O_CREAT, 0600) != -1 || errno != EACCES)
		return 1;
	if (mkdir(path, 0700) != -1 || errno != EACCES)
		return 2;
	snprintf(path, sizeof(path), "%s-file", store);
	if (open(path, O_WRONLY) != -1 || errno != EACCES)
		return 3;
	if (unlink(path) != -1 || errno != EACCES)
		return 4;
	return open(path, O_RDONLY) != -1 ? 0 : 5;
}

static void
writes_nowhere_else(void **state)
{
	char path[sizeof(store) + 16];
	int fd;

	(void)state;
	if (!landlock_is_here()) {
		printf("# SKIP this kernel has no Landlock\n");
		return;
	}
	snprintf(path, sizeof(path), "%s-file", store);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_not_equal(fd, -1);
	close(fd);
	assert_int_equal(confined(write_elsewhere, 0), 0);
	assert_int_equal(unlink(path), 0);
}

/* What a store does: a file made beside, moved into place, removed. */
static int
keep(long unused)
{
	char from[sizeof(store) + 16], to[sizeof(store) + 16];
	int fd;

	(void)unused;
	snprintf(from, sizeof(from), "%s/a/new", store);
	snprintf(to, sizeof(to), "%s/b/file", store);
	fd = open(from, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1 || write(fd, "x", 1) != 1 || fchmod(fd, 0640) == -1 ||
	    ftruncate(fd, 0) == -1 || fsync(fd) == -1)
		return 1;
	if (rename(from, to) == -1)
		return 2;
	if (open(to, O_RDWR | O_TRUNC) == -1 || unlink(to) == -1)
		return 3;
	snprintf(to, sizeof(to), "%s/c", store);
	return mkdir(to, 0700) == 0 && rmdir(to) == 0 ? 0 : 4;
}

static void *
run_thread(void *arg)
{
	*(int *)arg = 1;
	return NULL;
}

/* What libcurl does: threads, sockets, names. */
static int
ask(long unused)
{
	struct sockaddr_in nobody = { .sin_family = AF_INET };
	struct addrinfo *found;
	pthread_t thread;
	int fd, ran;

	(void)unused;
	ran = 0;
	if (pthread_create(&thread, NULL, run_thread, &ran) != 0 ||
	    pthread_join(thread, NULL) != 0 || ran != 1)
		return 1;
	if (getaddrinfo("localhost", "443", NULL, &found) != 0)
		return 2;
	freeaddrinfo(found);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	nobody.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	nobody.sin_port = htons(1);
	if (fd == -1 || connect(fd, (struct sockaddr *)&nobody,
	    sizeof(nobody)) == 0 || errno != ECONNREFUSED)
		return 3;
	if (socket(AF_INET6, SOCK_DGRAM, 0) == -1 && errno != EAFNOSUPPORT)
		return 4;
	return socket(AF_UNIX, SOCK_DGRAM, 0) != -1 ? 0 : 5;
}

/* Whoever makes no file passes no mode: what stands in its place is chance. */
static int
look(long unused)
{
	(void)unused;
#ifdef SYS_open
	if (syscall(SYS_open, store, O_RDONLY, -1L) == -1)
		return 1;
#endif
	return syscall(SYS_openat, AT_FDCWD, store, O_RDONLY | O_DIRECTORY,
	    -1L) == -1 ? 2 : 0;
}

static int
dies(long unused)
{
	(void)unused;
	abort();
}

static void
goes_on(void **state)
{
	char path[sizeof(store) + 16];
	const char *inner[] = { "a", "b" };
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", store, inner[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	assert_int_equal(confined(keep, 0), 0);
	assert_int_equal(confined(ask, 0), 0);
	assert_int_equal(confined(look, 0), 0);
	assert_int_equal(confined(dies, 0), 100 + SIGABRT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forbids_calls),
		cmocka_unit_test(forbids_arguments),
		cmocka_unit_test(has_no_powers),
		cmocka_unit_test(writes_nowhere_else),
		cmocka_unit_test(goes_on),
	};
	int status;

	if (!scratch_make())
		return 0;
	snprintf(store, sizeof(store), "%s/store", scratch);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	status = mkdir(store, 0700) == 0 ?
	    cmocka_run_group_tests(tests, NULL, NULL) : 1;
	scratch_clear(scratch);
	return status;
}

/*
 * What the tests of executing the helper share: hosts as hostile as an
 * ordinary user can make sudo or su. dash plays the helper: a program that
 * root owns and that can tell what it was given.
 */
#ifndef OG_TESTS_UNIT_HELPER_KIT_H
#define OG_TESTS_UNIT_HELPER_KIT_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/helper.h"
#include "value/clock.h"

#define DASH "/usr/bin/dash"
#define LONG_MS 20000	/* a bound that no run reaches */

/* What came back to the host, and in which state it found itself. */
struct result {
	enum og_error error;
	struct og_message message;
	char reply[OG_HELPER_REPLY_MAX + 16];
	size_t len;
	int64_t took_ms;
	bool fds_kept;
	bool signals_kept;
	bool no_child_left;
};

static struct result *result;		/* shared with the host */

#define FDS_MAX 4096
#define SA_RESTORER 0x04000000	/* the kernel's; not in libc's headers */

static inline void
list_fds(bool *open_fd)
{
	int fd;

	for (fd = 0; fd < FDS_MAX; fd++)
		open_fd[fd] = fcntl(fd, F_GETFD) != -1;
}

struct signals {
	sigset_t mask;
	void (*handler[NSIG])(int);
	int flags[NSIG];
};

static inline void
list_signals(struct signals *signals)
{
	struct sigaction action;
	int sig;

	memset(signals, 0, sizeof(*signals));
	sigprocmask(SIG_SETMASK, NULL, &signals->mask);
	for (sig = 1; sig < NSIG; sig++) {
		if (sigaction(sig, NULL, &action) == -1)
			continue;
		signals->handler[sig] = action.sa_handler;
		/* libc sets the restorer with whatever it sets. */
		signals->flags[sig] = action.sa_flags & ~SA_RESTORER;
	}
}

/* In the host: one run, and what it left behind. */
static inline void
run_here(const char *path, char *const argv[], int64_t limit_ms)
{
	static bool fds[2][FDS_MAX];
	static struct signals signals[2];
	struct og_buffer reply;
	int64_t start;

	og_buffer_init(&reply, sizeof(result->reply) - 1);
	og_buffer_add(&reply, "before", 6);
	list_fds(fds[0]);
	list_signals(&signals[0]);
	start = og_clock_mono();
	result->error = og_helper_run(&reply, path, argv, start + limit_ms,
	    &result->message);
	result->took_ms = og_clock_mono() - start;
	list_signals(&signals[1]);
	list_fds(fds[1]);
	result->signals_kept =
	    memcmp(&signals[0], &signals[1], sizeof(signals[0])) == 0;
	result->fds_kept = memcmp(fds[0], fds[1], sizeof(fds[0])) == 0;
	result->no_child_left =
	    waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD;
	if (memcmp(reply.data, "before", 6) != 0)
		_exit(2);
	result->len = reply.len - 6;
	memcpy(result->reply, reply.data + 6, reply.len - 6 + 1);
	og_buffer_free(&reply);
}

/* A process of its own, since what `hostile` does to it cannot be undone. */
static inline void
run(void (*hostile)(void), const char *path, char *const argv[],
    int64_t limit_ms)
{
	int status;
	pid_t pid;

	memset(result, 0, sizeof(*result));
	fflush(stdout);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(60);
		if (hostile != NULL)
			hostile();
		run_here(path, argv, limit_ms);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(result->signals_kept);
	assert_true(result->fds_kept);
	assert_true(result->no_child_left);
}

static inline void
run_script(void (*hostile)(void), const char *script, int64_t limit_ms)
{
	char name[] = "dash", option[] = "-c";
	char *text, *argv[4] = { name, option, NULL, NULL };

	text = strdup(script);
	assert_non_null(text);
	argv[2] = text;
	run(hostile, DASH, argv, limit_ms);
	free(text);
}

static inline void
assert_said(enum og_error error, const char *part)
{
	if (result->error != error)
		print_error("message: %s\n", result->message.text);
	assert_int_equal(result->error, error);
	if (strstr(result->message.text, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", result->message.text,
		    part);
	/* Nothing half-read is left in the caller's hands. */
	assert_int_equal(result->len, 0);
}

static inline void
assert_reply(const char *text)
{
	if (result->error != OG_OK)
		print_error("message: %s\n", result->message.text);
	assert_int_equal(result->error, OG_OK);
	assert_string_equal(result->reply, text);
}

static inline void
limit(unsigned int resource, rlim_t value)
{
	struct rlimit both = { value, value };

	if (setrlimit(resource, &both) == -1)
		_exit(3);
}

/* As in a container: the hard limits stay where the host has put them. */
static inline void
drop_capabilities(void)
{
	struct __user_cap_header_struct header = {
		_LINUX_CAPABILITY_VERSION_3, 0
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) == -1)
		_exit(3);
	data[0].effective &= ~(1U << CAP_SYS_RESOURCE | 1U << CAP_SYS_ADMIN);
	data[0].permitted = data[0].effective;
	data[0].inheritable = 0;
	if (syscall(SYS_capset, &header, data) == -1)
		_exit(3);
}

static inline void
hostile_descriptors(void)
{
	int i, fd;

	limit(RLIMIT_NOFILE, 2000);
	fd = open("/etc/passwd", O_RDONLY);
	for (i = 0; i < 1000; i++) {
		if (fd == -1 || dup(fd) == -1)
			_exit(3);
	}
}

/* As sudo or su, run by uid 1000. */
static inline void
hostile_ids(void)
{
	const gid_t groups[] = { 1000, 2000 };

	if (setgroups(2, groups) == -1 || setresgid(1000, 1000, 1000) == -1 ||
	    setresuid(1000, 0, 0) == -1)
		_exit(3);
}

static inline void
hostile_signals(void)
{
	sigset_t all;
	int sig;

	for (sig = 1; sig < NSIG; sig++) {
		if (sig != SIGALRM)
			(void)signal(sig, SIG_IGN);
	}
	sigfillset(&all);
	sigdelset(&all, SIGALRM);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

static inline int
kit_set_up(void **state)
{
	(void)state;
	result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return result == MAP_FAILED ? -1 : 0;
}

/* False, with a whole TAP file that says so: nobody else may. */
static inline bool
may_execute(void)
{
	if (geteuid() == 0)
		return true;
	printf("1..0 # SKIP only root may execute the helper\n");
	return false;
}

#endif

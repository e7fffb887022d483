/*
 * Executing the helper from hosts as hostile as an ordinary user can make
 * sudo or su. dash plays the helper: a program that root owns and that can
 * tell what it was given.
 */
#include "io/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "value/clock.h"

#define DASH "/usr/bin/dash"
#define LONG_MS 20000	/* a bound that no run reaches */
#define SLACK_MS 1000	/* for a busy machine */

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

static void
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

static void
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
static void
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
static void
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

static void
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

static void
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

static void
assert_reply(const char *text)
{
	if (result->error != OG_OK)
		print_error("message: %s\n", result->message.text);
	assert_int_equal(result->error, OG_OK);
	assert_string_equal(result->reply, text);
}

static void
assert_in_time(int64_t limit_ms)
{
	assert_true(result->took_ms < limit_ms + limit_ms / 10 + SLACK_MS);
}

/* --- what the helper is given ---------------------------------------- */

static void
test_arguments(void **state)
{
	char name[] = "dash", option[] = "-c", script[] = "echo \"$0|$1|$2\"";
	char zero[] = "zero", one[] = "a b", two[] = "'$(";
	char *const argv[] = { name, option, script, zero, one, two, NULL };

	(void)state;
	run(NULL, DASH, argv, LONG_MS);
	assert_reply("zero|a b|'$(\n");
}

static void
hostile_environment(void)
{
	setenv("SSLKEYLOGFILE", "/run/keys", 1);
	setenv("LD_PRELOAD", "/run/evil.so", 1);
	setenv("https_proxy", "http://127.0.0.1:1", 1);
}

static void
test_environment_is_empty(void **state)
{
	char name[] = "env";
	char *const argv[] = { name, NULL };

	(void)state;
	run(hostile_environment, "/usr/bin/env", argv, LONG_MS);
	assert_reply("");
}

static void
hostile_directory(void)
{
	umask(0);
	if (chdir("/proc/self") == -1)
		_exit(3);
}

static void
test_umask_and_directory(void **state)
{
	(void)state;
	run_script(hostile_directory, "umask; pwd -P", LONG_MS);
	assert_reply("0077\n/\n");
}

static void
limit(unsigned int resource, rlim_t value)
{
	struct rlimit both = { value, value };

	if (setrlimit(resource, &both) == -1)
		_exit(3);
}

static const struct {
	unsigned int resource;
	const char *name;	/* in proc(5)'s limits */
	rlim_t hostile;
	rlim_t reset;
} limits[] = {
	{ RLIMIT_CORE, "Max core file size", RLIM_INFINITY, 0 },
	{ RLIMIT_FSIZE, "Max file size", 0, RLIM_INFINITY },
	{ RLIMIT_CPU, "Max cpu time", 7, RLIM_INFINITY },
	{ RLIMIT_RTTIME, "Max realtime timeout", 1000, RLIM_INFINITY },
	{ RLIMIT_NPROC, "Max processes", 1, RLIM_INFINITY },
	{ RLIMIT_STACK, "Max stack size", 256 * 1024, 8 * 1024 * 1024 },
	{ RLIMIT_NOFILE, "Max open files", 20, 1024 },
#ifndef __SANITIZE_ADDRESS__
	{ RLIMIT_DATA, "Max data size", 64 * 1024 * 1024, RLIM_INFINITY },
	{ RLIMIT_AS, "Max address space", 256 * 1024 * 1024, RLIM_INFINITY },
#endif
};

#define LIMIT_COUNT (sizeof(limits) / sizeof(limits[0]))

static void
hostile_limits(void)
{
	size_t i;

	for (i = 0; i < LIMIT_COUNT; i++)
		limit(limits[i].resource, limits[i].hostile);
}

static void
hostile_soft_limits(void)
{
	struct rlimit both;
	size_t i;

	for (i = 0; i < LIMIT_COUNT; i++) {
		if (getrlimit(limits[i].resource, &both) == -1)
			_exit(3);
		if (limits[i].hostile < both.rlim_max)
			both.rlim_cur = limits[i].hostile;
		if (setrlimit(limits[i].resource, &both) == -1)
			_exit(3);
	}
}

/* value, or what a hard limit leaves of it. */
static void
assert_limit(const char *name, rlim_t value, rlim_t hard)
{
	char got[2][32], want[32];
	const char *line;

	line = strstr(result->reply, name);
	assert_non_null(line);
	assert_int_equal(sscanf(line + strlen(name), "%31s %31s", got[0],
	    got[1]), 2);
	if (value > hard)
		value = hard;
	if (value == RLIM_INFINITY)
		snprintf(want, sizeof(want), "unlimited");
	else
		snprintf(want, sizeof(want), "%ju", (uintmax_t)value);
	assert_string_equal(got[0], want);
	assert_string_equal(got[1], want);
}

static void
run_cat(void (*hostile)(void), const char *file)
{
	char name[] = "cat", *path, *argv[3] = { name, NULL, NULL };

	path = strdup(file);
	assert_non_null(path);
	argv[1] = path;
	run(hostile, "/usr/bin/cat", argv, LONG_MS);
	free(path);
	assert_int_equal(result->error, OG_OK);
}

static void
test_soft_limits(void **state)
{
	struct rlimit here;
	size_t i;

	(void)state;
	run_cat(hostile_soft_limits, "/proc/self/limits");
	for (i = 0; i < LIMIT_COUNT; i++) {
		getrlimit(limits[i].resource, &here);
		assert_limit(limits[i].name, limits[i].reset, here.rlim_max);
	}
}

static bool
has_capability(unsigned int capability)
{
	return prctl(PR_CAPBSET_READ, (unsigned long)capability, 0UL, 0UL,
	    0UL) == 1;
}

static void
test_hard_limits(void **state)
{
	bool raised;
	size_t i;

	(void)state;
	raised = has_capability(CAP_SYS_RESOURCE);
	if (!raised)
		print_message("# no CAP_SYS_RESOURCE here: hard limits stay\n");
	run_cat(hostile_limits, "/proc/self/limits");
	for (i = 0; i < LIMIT_COUNT; i++)
		assert_limit(limits[i].name, limits[i].reset,
		    raised ? RLIM_INFINITY : limits[i].hostile);
}

/* As in a container: the hard limits stay where the host has put them. */
static void
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

static void
hostile_hard_limits(void)
{
	drop_capabilities();
	hostile_limits();
}

static void
test_hard_limits_that_stay(void **state)
{
	size_t i;

	(void)state;
	run_cat(hostile_hard_limits, "/proc/self/limits");
	for (i = 0; i < LIMIT_COUNT; i++)
		assert_limit(limits[i].name, limits[i].reset,
		    limits[i].hostile);
}

static void
hostile_scheduling(void)
{
	const struct sched_param normal = { .sched_priority = 0 };

	if (setpriority(PRIO_PROCESS, 0, 15) == -1 ||
	    sched_setscheduler(0, SCHED_BATCH, &normal) == -1 ||
	    prctl(PR_SET_TIMERSLACK, 100000000UL, 0UL, 0UL, 0UL) == -1 ||
	    syscall(SYS_ioprio_set, 1, 0, 3 << 13) == -1)
		_exit(3);
}

static void
test_scheduling(void **state)
{
	(void)state;
	/* stat(5): 19 is nice, 41 the policy. */
	run_script(hostile_scheduling,
	    "read -r line </proc/$$/stat; set -- $line; echo ${19} ${41};"
	    "cat /proc/$$/timerslack_ns; ionice -p $$", LONG_MS);
	assert_int_equal(result->error, OG_OK);
	assert_int_equal(strncmp(result->reply, "0 0\n50000\nnone", 14), 0);
}

static void
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

#define SHOW_DESCRIPTORS \
	"readlink /proc/$$/fd/0 /proc/$$/fd/2;" \
	"case $(readlink /proc/$$/fd/1) in pipe:*) echo pipe;; esac;" \
	"n=3; while [ $n -lt 1200 ]; do" \
	" [ -h /proc/$$/fd/$n ] && echo open $n; n=$((n + 1)); done; exit 0"

static void
test_descriptors(void **state)
{
	(void)state;
	run_script(hostile_descriptors, SHOW_DESCRIPTORS, LONG_MS);
	assert_reply("/dev/null\n/dev/null\npipe\n");
}

static int closed_fds;			/* bit n: descriptor n; read by the host */

static void
hostile_closed(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++) {
		if ((closed_fds & 1 << fd) != 0)
			close(fd);
	}
}

static void
test_closed_descriptors(void **state)
{
	(void)state;
	for (closed_fds = 0; closed_fds < 8; closed_fds++) {
		run_script(hostile_closed, SHOW_DESCRIPTORS, LONG_MS);
		assert_reply("/dev/null\n/dev/null\npipe\n");
	}
}

static void
test_session(void **state)
{
	(void)state;
	/* stat(5): 5 is the process group, 6 the session, 7 the terminal. */
	run_script(NULL, "read -r line </proc/$$/stat; set -- $line;"
	    "[ $5 = $$ ] && [ $6 = $$ ] && [ $7 = 0 ] && echo own", LONG_MS);
	assert_reply("own\n");
}

/* As sudo or su, run by uid 1000. */
static void
hostile_ids(void)
{
	const gid_t groups[] = { 1000, 2000 };

	if (setgroups(2, groups) == -1 || setresgid(1000, 1000, 1000) == -1 ||
	    setresuid(1000, 0, 0) == -1)
		_exit(3);
}

static void
test_ids(void **state)
{
	(void)state;
	run_cat(hostile_ids, "/proc/self/status");
	assert_non_null(strstr(result->reply, "\nUid:\t0\t0\t0\t0\n"));
	assert_non_null(strstr(result->reply, "\nGid:\t0\t0\t0\t0\n"));
	assert_non_null(strstr(result->reply, "\nGroups:\t \n"));
}

static void
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

static void
test_signals(void **state)
{
	(void)state;
	run_cat(hostile_signals, "/proc/self/status");
	assert_non_null(strstr(result->reply, "\nSigBlk:\t0000000000000000\n"));
	assert_non_null(strstr(result->reply, "\nSigIgn:\t0000000000000000\n"));
}

/* --- how it ends -------------------------------------------------------- */

static void
ignore_children(void)
{
	(void)signal(SIGCHLD, SIG_IGN);
}

static void
no_zombies(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	action.sa_flags = SA_NOCLDWAIT;
	(void)sigaction(SIGCHLD, &action, NULL);
}

static void
must_not_run(int sig)
{
	(void)sig;
	_exit(4);
}

static void
catch_children(void)
{
	(void)signal(SIGCHLD, must_not_run);
}

static void
must_not_fork(void)
{
	_exit(5);
}

static void
handle_forks(void)
{
	if (pthread_atfork(must_not_fork, NULL, must_not_fork) != 0)
		_exit(3);
}

static void *
wait_for_ever(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

static void
have_threads(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
		_exit(3);
}

static void
test_exit_status(void **state)
{
	static void (*const hosts[])(void) = {
		NULL, ignore_children, no_zombies, catch_children,
		hostile_signals, handle_forks, have_threads
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		run_script(hosts[i], "echo well; exit 0", LONG_MS);
		assert_reply("well\n");
		run_script(hosts[i], "echo ill; exit 3", LONG_MS);
		assert_said(OG_ERR_CORRUPT, "exit status 3");
		run_script(hosts[i], "echo ill; kill -SEGV $$", LONG_MS);
		assert_said(OG_ERR_CORRUPT, "died of signal 11");
	}
}

static void
test_deadline(void **state)
{
	static const char *const scripts[] = {
		/* silent, and deaf to all but SIGKILL */
		"trap '' TERM HUP INT; kill -STOP $$",
		/* it has answered, but does not end */
		"echo answer; exec >&-; kill -STOP $$",
		/* a drip */
		"exec perl -e '$|=1; select undef,undef,undef,.02 while print 1'"
	};
	static void (*const hosts[])(void) = {
		NULL, ignore_children, hostile_descriptors, hostile_ids
	};
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		for (j = 0; j < sizeof(hosts) / sizeof(hosts[0]); j++) {
			run_script(hosts[j], scripts[i], 150);
			assert_said(OG_ERR_TIMEOUT, "killed at the deadline");
			assert_in_time(150);
		}
	}
}

static void
test_no_time_left(void **state)
{
	(void)state;
	run_script(NULL, "echo ran", 0);
	assert_said(OG_ERR_TIMEOUT, "no time is left");
}

static void
test_reply_limit(void **state)
{
	(void)state;
	run_script(NULL, "exec head -c 65536 /dev/zero", LONG_MS);
	assert_int_equal(result->error, OG_OK);
	assert_int_equal(result->len, 65536);
	run_script(NULL, "exec head -c 65537 /dev/zero", LONG_MS);
	assert_said(OG_ERR_CORRUPT, "65536");
	run_script(NULL, "exec cat /dev/zero", LONG_MS);
	assert_said(OG_ERR_CORRUPT, "65536");
}

/* A descendant that keeps the pipe keeps nobody waiting. */
static void
test_pipe_outlives_the_helper(void **state)
{
	long pid;

	(void)state;
	run_script(NULL, "tail -f /dev/null & echo $!", LONG_MS);
	assert_int_equal(result->error, OG_OK);
	pid = strtol(result->reply, NULL, 10);
	assert_true(pid > 1);
	assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
	assert_true(result->took_ms < LONG_MS);
}

/* --- when it must not or cannot run -------------------------------------- */

static char directory[] = "/run/og-helper-XXXXXX";

static const char *
in_directory(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void
make_file(const char *name, mode_t mode, uid_t owner)
{
	const char *path;
	int fd;

	path = in_directory(name);
	fd = open(path, O_CREAT | O_WRONLY | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "no program\n", 11), 11);
	assert_int_equal(fchown(fd, owner, 0), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
test_files(void **state)
{
	static const struct {
		const char *name;
		mode_t mode;
		uid_t owner;
		enum og_error error;
		const char *part;
	} rows[] = {
		{ "plain", 0644, 0, OG_ERR_UNSAFE, "0644 cannot be executed" },
		{ "open", 0757, 0, OG_ERR_UNSAFE, "0757" },
		{ "group", 0775, 0, OG_ERR_UNSAFE, "0775" },
		{ "foreign", 0755, 1000, OG_ERR_UNSAFE, "1000" },
		{ "garbage", 0755, 0, OG_ERR_SYSTEM, "cannot be executed" },
	};
	char name[] = "x", *const argv[] = { name, NULL };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make_file(rows[i].name, rows[i].mode, rows[i].owner);
		run(NULL, in_directory(rows[i].name), argv, LONG_MS);
		assert_said(rows[i].error, rows[i].part);
		assert_non_null(strstr(result->message.text,
		    in_directory(rows[i].name)));
	}
	run(NULL, in_directory("missing"), argv, LONG_MS);
	assert_said(OG_ERR_MISSING, "missing");
	assert_int_equal(symlink(DASH, in_directory("link")), 0);
	run(NULL, in_directory("link"), argv, LONG_MS);
	assert_said(OG_ERR_UNSAFE, "link");
	run(NULL, directory, argv, LONG_MS);
	assert_said(OG_ERR_UNSAFE, directory);
	assert_int_equal(chmod(directory, 0777), 0);
	run(NULL, in_directory("garbage"), argv, LONG_MS);
	assert_said(OG_ERR_UNSAFE, "0777");
	assert_int_equal(chmod(directory, 0755), 0);
}

static rlim_t files_limit;		/* read by the host */

static void
hostile_few_files(void)
{
	limit(RLIMIT_NOFILE, files_limit);
}

static void
test_too_few_descriptors(void **state)
{
	int failed;

	(void)state;
	failed = 0;
	/* Whichever descriptor cannot be had, what was opened is closed. */
	for (files_limit = 3; files_limit < 32; files_limit++) {
		run_script(hostile_few_files, "echo ran", LONG_MS);
		if (result->error == OG_OK)
			break;
		assert_said(OG_ERR_SYSTEM, "Too many open files");
		failed++;
	}
	assert_reply("ran\n");
	assert_true(failed >= 3);
}

static void
hostile_no_processes(void)
{
	limit(RLIMIT_NPROC, 0);
	if (setresuid(1000, 0, 0) == -1)
		_exit(3);
	drop_capabilities();
}

static void
test_no_process(void **state)
{
	(void)state;
	run_script(hostile_no_processes, "echo ran", LONG_MS);
	assert_said(OG_ERR_SYSTEM, "fork");
}

static void
hostile_user(void)
{
	if (setresgid(1000, 1000, 1000) == -1 ||
	    setresuid(1000, 1000, 1000) == -1)
		_exit(3);
}

static void
test_not_root(void **state)
{
	(void)state;
	run_script(hostile_user, "echo ran", LONG_MS);
	assert_said(OG_ERR_SYSTEM, "only root");
}

/* The ids cannot be set in the child: nothing may run with the caller's. */
static void
hostile_no_setuid(void)
{
	struct __user_cap_header_struct header = {
		_LINUX_CAPABILITY_VERSION_3, 0
	};
	struct __user_cap_data_struct data[2];

	hostile_ids();
	if (syscall(SYS_capget, &header, data) == -1)
		_exit(3);
	data[0].effective &= ~(1U << CAP_SETUID | 1U << CAP_SETGID);
	data[0].permitted = data[0].effective;
	if (syscall(SYS_capset, &header, data) == -1)
		_exit(3);
}

static void
test_ids_cannot_be_set(void **state)
{
	(void)state;
	run_script(hostile_no_setuid, "echo ran", LONG_MS);
	assert_said(OG_ERR_SYSTEM, "could not be reset");
}

/* --- a host that reaps every child, ours too ------------------------------ */

static void *
reap_all(void *arg)
{
	(void)arg;
	for (;;) {
		/* No child yet: look again. */
		if (waitpid(-1, NULL, 0) == -1)
			poll(NULL, 0, 1);
	}
	return NULL;
}

static void
hostile_reaper(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, reap_all, NULL) != 0)
		_exit(3);
}

static void
test_reaped_by_another(void **state)
{
	int tries, lost;

	(void)state;
	lost = 0;
	for (tries = 0; tries < 200 && lost == 0; tries++) {
		run_script(hostile_reaper, "echo ran", LONG_MS);
		if (result->error == OG_OK)
			continue;
		assert_said(OG_ERR_SYSTEM, "reaped by another");
		lost++;
	}
	assert_int_equal(lost, 1);
}

static int
set_up(void **state)
{
	(void)state;
	result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (result == MAP_FAILED || mkdtemp(directory) == NULL)
		return -1;
	return chmod(directory, 0755);
}

static int
tear_down(void **state)
{
	static const char *const names[] = {
		"plain", "open", "group", "foreign", "garbage", "link"
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlink(in_directory(names[i]));
	return rmdir(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_environment_is_empty),
		cmocka_unit_test(test_umask_and_directory),
		cmocka_unit_test(test_soft_limits),
		cmocka_unit_test(test_hard_limits),
		cmocka_unit_test(test_hard_limits_that_stay),
		cmocka_unit_test(test_scheduling),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_closed_descriptors),
		cmocka_unit_test(test_session),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_exit_status),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_no_time_left),
		cmocka_unit_test(test_reply_limit),
		cmocka_unit_test(test_pipe_outlives_the_helper),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_too_few_descriptors),
		cmocka_unit_test(test_no_process),
		cmocka_unit_test(test_not_root),
		cmocka_unit_test(test_ids_cannot_be_set),
		cmocka_unit_test(test_reaped_by_another),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (geteuid() != 0) {
		printf("1..0 # SKIP only root may execute the helper\n");
		return 0;
	}
	return cmocka_run_group_tests_name("helper", tests, set_up, tear_down);
}

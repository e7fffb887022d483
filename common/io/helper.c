#include "io/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/file.h"
#include "io/sigchld.h"
#include "value/clock.h"

/* How the child says that it never became the helper. */
#define EXIT_NOT_RESET	126
#define EXIT_NOT_RUN	127

/* SIGKILL is not answered by a process that hangs in the kernel (a dead NFS
 * server): then we leave it to init rather than hang with it. */
#define REAP_MS		1000

/*
 * How often to ask whether it has ended: while it may still answer, and once
 * its pipe is closed or it is killed. A pidfd would spare us the asking, but
 * old container profiles forbid pidfd_open.
 */
#define WATCH_STEP_MS	50
#define END_STEP_MS	1

/* Descriptor of the program while the child executes it. */
#define PROGRAM_FD	3

/* What the helper gets instead of its caller's limits. */
static const struct {
	unsigned int resource;
	rlim_t value;
} limits[] = {
	{ RLIMIT_CORE, 0 },		/* a core would hold the key */
	{ RLIMIT_FSIZE, RLIM_INFINITY },
	{ RLIMIT_AS, RLIM_INFINITY },
	{ RLIMIT_DATA, RLIM_INFINITY },
	{ RLIMIT_CPU, RLIM_INFINITY },
	{ RLIMIT_RTTIME, RLIM_INFINITY },
	{ RLIMIT_NPROC, RLIM_INFINITY },
	{ RLIMIT_STACK, 8 * 1024 * 1024 },
	{ RLIMIT_NOFILE, 1024 },
};

#define LIMIT_COUNT (sizeof(limits) / sizeof(limits[0]))

enum child {
	CHILD_NONE = 0,
	CHILD_RUNS,
	CHILD_ENDED,		/* reaped: its number may be another's by now */
	CHILD_LOST		/* reaped, but not by us */
};

/* One run of the helper; descriptors are -1 while there are none. */
struct run {
	int program;
	int null;
	int reader;		/* of the reply */
	int writer;
	enum child child;
	pid_t pid;
	int status;		/* of CHILD_ENDED */
};

static void
close_fd(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

/* A host that closed 0, 1 or 2 gets them back from the next open; there the
 * child's dup2 would overwrite them. */
static enum og_error
lift_fd(int *fd)
{
	int lifted;

	if (*fd > STDERR_FILENO)
		return OG_OK;
	lifted = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close_fd(fd);
	*fd = lifted;
	return lifted == -1 ? OG_ERR_SYSTEM : OG_OK;
}

static enum og_error
open_program(struct run *run, const char *path, struct og_message *message)
{
	enum og_error error;
	struct stat st;

	error = og_file_open(&run->program, path, OG_TRUST_ROOT, message);
	if (error != OG_OK)
		return error;
	if (fstat(run->program, &st) == -1) {
		og_message_set(message, "%s: fstat: %m", path);
		return OG_ERR_SYSTEM;
	}
	if ((st.st_mode & 0111) == 0) {
		og_message_set(message,
		    "%s: mode %04o cannot be executed; chmod 0755 %s", path,
		    (unsigned int)st.st_mode & 07777, path);
		return OG_ERR_UNSAFE;
	}
	return OG_OK;
}

static enum og_error
open_plumbing(struct run *run, const char *path, struct og_message *message)
{
	int end[2];

	run->null = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (run->null == -1) {
		og_message_set(message, "%s: not run: /dev/null: %m", path);
		return OG_ERR_SYSTEM;
	}
	if (pipe2(end, O_CLOEXEC) == -1) {
		og_message_set(message, "%s: not run: pipe: %m", path);
		return OG_ERR_SYSTEM;
	}
	run->reader = end[0];
	run->writer = end[1];
	if (lift_fd(&run->program) != OG_OK || lift_fd(&run->null) != OG_OK ||
	    lift_fd(&run->reader) != OG_OK || lift_fd(&run->writer) != OG_OK) {
		og_message_set(message, "%s: not run: descriptors: %m", path);
		return OG_ERR_SYSTEM;
	}
	return OG_OK;
}

/* Without CAP_SYS_RESOURCE (a container) a hard limit stays: take what it
 * leaves. Too little makes the helper fail, which is "unavailable". */
static void
reset_limits(void)
{
	struct rlimit limit;
	size_t i;

	for (i = 0; i < LIMIT_COUNT; i++) {
		limit.rlim_cur = limits[i].value;
		limit.rlim_max = limits[i].value;
		if (setrlimit(limits[i].resource, &limit) == 0 ||
		    getrlimit(limits[i].resource, &limit) == -1)
			continue;
		limit.rlim_cur = limit.rlim_max < limits[i].value ?
		    limit.rlim_max : limits[i].value;
		(void)setrlimit(limits[i].resource, &limit);
	}
}

/* nice(1), chrt(1), ionice(1) and a huge timer slack are the caller's too,
 * and would slow down a process that others wait for. */
static void
reset_scheduling(void)
{
	const struct sched_param normal = { .sched_priority = 0 };

	(void)sched_setscheduler(0, SCHED_OTHER, &normal);
	(void)setpriority(PRIO_PROCESS, 0, 0);
	(void)syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, 0);
	(void)prctl(PR_SET_TIMERSLACK, 50000UL, 0UL, 0UL, 0UL);
}

/*
 * Ignored signals outlive an exec; caught ones must not run the host's
 * handlers here. The bare system call, since libc's refuses its own two,
 * which programs started by posix_spawn(3) inherit ignored. A zeroed struct
 * is SIG_DFL on every architecture. Refused for SIGKILL and SIGSTOP: so be it.
 */
static void
reset_signals(void)
{
	static const unsigned long action[16];
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		(void)syscall(SYS_rt_sigaction, sig, action, NULL, NSIG / 8);
}

static int
reset_descriptors(const struct run *run)
{
	if (dup2(run->null, STDIN_FILENO) == -1 ||
	    dup2(run->writer, STDOUT_FILENO) == -1 ||
	    dup2(run->null, STDERR_FILENO) == -1)
		return -1;
	if (run->program != PROGRAM_FD &&
	    dup3(run->program, PROGRAM_FD, O_CLOEXEC) == -1)
		return -1;
	return close_range(PROGRAM_FD + 1, UINT_MAX, 0);
}

/*
 * With one id left to the caller he could stop or trace the helper, and with
 * it everybody who waits for the same answer. The bare system calls, since
 * libc's would signal the host's other threads, which are not in the child,
 * and wait for them.
 */
static int
reset_ids(void)
{
	if (syscall(SYS_setgroups, 0, NULL) == -1 ||
	    syscall(SYS_setresgid, 0, 0, 0) == -1 ||
	    syscall(SYS_setresuid, 0, 0, 0) == -1)
		return -1;
	return 0;
}

/*
 * The child: between fork and exec only async-signal-safe calls, since the
 * host may have threads, and plain system calls that POSIX does not list.
 */
static _Noreturn void
become_helper(const struct run *run, char *const argv[])
{
	char *const nothing[] = { NULL };
	sigset_t none;

	reset_signals();
	reset_limits();
	reset_scheduling();
	if (reset_descriptors(run) == -1 || setsid() == -1 ||
	    chdir("/") == -1 || reset_ids() == -1)
		_exit(EXIT_NOT_RESET);
	umask(077);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) == -1)
		_exit(EXIT_NOT_RESET);
	fexecve(PROGRAM_FD, argv, nothing);
	_exit(EXIT_NOT_RUN);
}

/*
 * _Fork, not fork: the host's pthread_atfork handlers are not written for
 * us. All signals are blocked meanwhile, so that none of the host's handlers
 * runs in the child.
 */
static enum og_error
start(struct run *run, const char *path, char *const argv[],
    struct og_message *message)
{
	sigset_t all, before;
	int failure;

	sigfillset(&all);
	failure = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (failure != 0) {
		errno = failure;
		og_message_set(message, "%s: not run: signals: %m", path);
		return OG_ERR_SYSTEM;
	}
	run->pid = _Fork();
	if (run->pid == 0)
		become_helper(run, argv);
	failure = errno;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = failure;
	if (run->pid == -1) {
		og_message_set(message, "%s: not run: fork: %m", path);
		return OG_ERR_SYSTEM;
	}
	run->child = CHILD_RUNS;
	close_fd(&run->writer);
	return OG_OK;
}

static void
look_for_end(struct run *run)
{
	pid_t pid;

	if (run->child != CHILD_RUNS)
		return;
	pid = waitpid(run->pid, &run->status, WNOHANG);
	if (pid == run->pid)
		run->child = CHILD_ENDED;
	else if (pid == -1 && errno != EINTR)
		run->child = CHILD_LOST;
}

static enum og_error
take(struct og_buffer *reply, size_t start_len, int fd, ssize_t *got)
{
	char bytes[4096];

	*got = read(fd, bytes, sizeof(bytes));
	if (*got == -1)
		return errno == EINTR ? OG_OK : OG_ERR_SYSTEM;
	if ((size_t)*got > OG_HELPER_REPLY_MAX - (reply->len - start_len))
		return OG_ERR_LIMIT;
	return og_buffer_add(reply, bytes, (size_t)*got);
}

/*
 * Reads until the helper has ended and nothing is left in the pipe. The pipe
 * may outlive it (a descendant) and it may outlive the pipe.
 */
static enum og_error
collect(struct og_buffer *reply, struct run *run, int64_t deadline_ms)
{
	struct pollfd watch = { .fd = run->reader, .events = POLLIN };
	enum og_error error;
	int64_t left, step;
	size_t start_len;
	ssize_t got;
	int ready;

	start_len = reply->len;
	for (;;) {
		left = deadline_ms - og_clock_mono();
		if (run->child == CHILD_RUNS && left <= 0)
			return OG_ERR_TIMEOUT;
		step = watch.fd == -1 ? END_STEP_MS : WATCH_STEP_MS;
		if (run->child != CHILD_RUNS)
			step = 0;
		else if (left < step)
			step = left;
		ready = poll(&watch, 1, (int)step);
		if (ready == -1 && errno != EINTR)
			return OG_ERR_SYSTEM;
		if (ready > 0) {
			error = take(reply, start_len, watch.fd, &got);
			if (error != OG_OK)
				return error;
			if (got == 0)
				watch.fd = -1;
		} else if (ready == 0 && run->child != CHILD_RUNS) {
			return OG_OK;
		} else {
			/* Interrupted too: a caller's timer may leave no
			 * millisecond in peace. */
			look_for_end(run);
		}
	}
}

/* Until it is reaped, its number cannot be another process's. */
static void
kill_child(struct run *run)
{
	int64_t limit_ms;

	limit_ms = og_clock_mono() + REAP_MS;
	look_for_end(run);
	while (run->child == CHILD_RUNS && og_clock_mono() < limit_ms) {
		(void)kill(run->pid, SIGKILL);
		(void)poll(NULL, 0, END_STEP_MS);
		look_for_end(run);
	}
}

static enum og_error
judge_status(int status, const char *path, struct og_message *message)
{
	if (WIFSIGNALED(status)) {
		og_message_set(message, "%s: died of signal %d", path,
		    WTERMSIG(status));
		return OG_ERR_CORRUPT;
	}
	switch (WEXITSTATUS(status)) {
	case 0:
		return OG_OK;
	case EXIT_NOT_RESET:
		og_message_set(message,
		    "%s: not run: its ids, descriptors or session could not "
		    "be reset (a container without CAP_SETUID or CAP_SETGID, "
		    "or Linux before 5.9?)", path);
		return OG_ERR_SYSTEM;
	case EXIT_NOT_RUN:
		og_message_set(message,
		    "%s: cannot be executed (a file system mounted noexec, a "
		    "program of another architecture, a damaged file?)", path);
		return OG_ERR_SYSTEM;
	}
	og_message_set(message, "%s: exit status %d", path,
	    WEXITSTATUS(status));
	return OG_ERR_CORRUPT;
}

static enum og_error
explain(enum og_error error, const char *path, struct og_message *message)
{
	switch (error) {
	case OG_ERR_TIMEOUT:
		og_message_set(message, "%s: killed at the deadline", path);
		return error;
	case OG_ERR_LIMIT:
		og_message_set(message, "%s: killed: its reply passes %d bytes",
		    path, OG_HELPER_REPLY_MAX);
		return OG_ERR_CORRUPT;
	case OG_ERR_NOMEM:
		og_message_set(message, "%s: killed: no memory for its reply",
		    path);
		return error;
	default:
		og_message_set(message, "%s: killed: its reply cannot be read",
		    path);
		return error;
	}
}

/* From a started child to an error and a message. */
static enum og_error
finish(struct og_buffer *reply, struct run *run, const char *path,
    int64_t deadline_ms, struct og_message *message)
{
	enum og_error error;

	error = collect(reply, run, deadline_ms);
	kill_child(run);
	if (error != OG_OK)
		error = explain(error, path, message);
	switch (run->child) {
	case CHILD_NONE:
	case CHILD_ENDED:
		break;
	case CHILD_RUNS:
		og_message_set(message, "%s: process %ld does not die of "
		    "SIGKILL (hangs in the kernel?); left to init", path,
		    (long)run->pid);
		return error;
	case CHILD_LOST:
		og_message_set(message, "%s: process %ld was reaped by "
		    "another part of this program", path, (long)run->pid);
		return error == OG_OK ? OG_ERR_SYSTEM : error;
	}
	return error == OG_OK ? judge_status(run->status, path, message) :
	    error;
}

enum og_error
og_helper_run(struct og_buffer *reply, const char *path, char *const argv[],
    int64_t deadline_ms, struct og_message *message)
{
	struct run run = { -1, -1, -1, -1, CHILD_NONE, 0, 0 };
	enum og_error error;
	size_t start_len;

	start_len = reply->len;
	if (geteuid() != 0) {
		og_message_set(message, "%s: not run: only root may", path);
		return OG_ERR_SYSTEM;
	}
	error = open_program(&run, path, message);
	if (error != OG_OK)
		goto out;
	error = open_plumbing(&run, path, message);
	if (error != OG_OK)
		goto out;
	if (og_clock_mono() >= deadline_ms) {
		og_message_set(message, "%s: not run: no time is left", path);
		error = OG_ERR_TIMEOUT;
		goto out;
	}
	error = og_sigchld_borrow();
	if (error != OG_OK) {
		og_message_set(message, "%s: not run: SIGCHLD: %m", path);
		goto out;
	}
	error = start(&run, path, argv, message);
	if (error == OG_OK)
		error = finish(reply, &run, path, deadline_ms, message);
	og_sigchld_give_back();
out:
	close_fd(&run.program);
	close_fd(&run.null);
	close_fd(&run.reader);
	close_fd(&run.writer);
	if (error != OG_OK && reply->len > start_len) {
		reply->len = start_len;
		reply->data[start_len] = '\0';
	}
	return error;
}

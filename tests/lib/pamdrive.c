/*
 * pamdrive [OPTION...] SERVICE CALL...
 *
 * A host for a PAM stack, as odd as a test wants it. Calls libpam's functions
 * in that order (acct_mgmt, authenticate, setcred, open_session,
 * close_session, chauthtok) and prints, one a line:
 *
 *	say STYLE TEXT		what the conversation was given
 *	call NAME WORD MS	what the function returned, and how long it took
 *	left WHAT		what was not there before the first call
 *	unfailed		it made fewer allocations than --fail-alloc said
 *
 *	--confdir DIR		instead of /etc/pam.d
 *	--user NAME		PAM_USER; without it there is none
 *	--silent		PAM_SILENT in every call
 *	--limit NAME=N		both limits: as, cpu, data, fsize, nofile, nproc, stack
 *	--ignore-children	SIGCHLD is ignored
 *	--catch-children	SIGCHLD ends the program, with status 4
 *	--storm			TERM, HUP, ALRM, CHLD and PIPE, each caught a thousand
 *				times a second, and system calls interrupted
 *	--descriptors N		so many more, without close-on-exec
 *	--close FD		closed before the first call
 *	--uid N			all ids: a program that is not root
 *	--caller N		the real ids only: sudo or su, run by that user
 *	--umask OCTAL, --cwd DIR
 *	--fail-alloc N		the Nth allocation of the calls fails
 *
 * The exit status is 0 when all calls were made, whatever they returned.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <inttypes.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "left.h"

#define OUTPUT_FD 900	/* above what tests close */

static FILE *output;

static _Noreturn void
die(const char *what)
{
	perror(what);
	exit(3);
}

/* --- allocations that fail --------------------------------------------- */

/* glibc's own, below what we define in their place. */
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

static long allocations_left = -1;	/* -1: none fails */

#define EXPORTED __attribute__((visibility("default")))

/* The sanitizer has allocation functions of its own. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif

#ifndef SANITIZED
#define SANITIZED false

static bool
must_fail(void)
{
	if (allocations_left < 0)
		return false;
	if (allocations_left > 0) {
		allocations_left--;
		return false;
	}
	allocations_left = -1;
	errno = ENOMEM;
	return true;
}

EXPORTED void *
malloc(size_t size)
{
	return must_fail() ? NULL : __libc_malloc(size);
}

EXPORTED void *
calloc(size_t count, size_t size)
{
	return must_fail() ? NULL : __libc_calloc(count, size);
}

EXPORTED void *
realloc(void *old, size_t size)
{
	return must_fail() ? NULL : __libc_realloc(old, size);
}
#endif

/* --- the host ------------------------------------------------------------ */

static const struct {
	const char *name;
	unsigned int resource;
} limits[] = {
	{ "as", RLIMIT_AS },
	{ "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA },
	{ "fsize", RLIMIT_FSIZE },
	{ "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC },
	{ "stack", RLIMIT_STACK },
};

#define LIMIT_COUNT (sizeof(limits) / sizeof(limits[0]))

struct host {
	const char *confdir;
	const char *user;
	const char *directory;
	unsigned int flags;
	long descriptors;
	long uid;
	long caller;
	long mask;
	long fail_alloc;
	void (*children)(int);
	bool storm;
	bool closed[3];
	bool limited[LIMIT_COUNT];
	rlim_t limit[LIMIT_COUNT];
};

static void
child_ended(int sig)
{
	(void)sig;
	_exit(4);
}

static void
caught(int sig)
{
	(void)sig;
}

static void
begin_storm(void)
{
	static const int signals[] = { SIGTERM, SIGHUP, SIGALRM, SIGCHLD, SIGPIPE };
	const struct itimerspec often = { { 0, 1000000 }, { 0, 1000000 } };
	struct sigaction action = { .sa_handler = caught };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL };
	timer_t timer;
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		event.sigev_signo = signals[i];
		if (sigaction(signals[i], &action, NULL) == -1 ||
		    timer_create(CLOCK_MONOTONIC, &event, &timer) == -1 ||
		    timer_settime(timer, 0, &often, NULL) == -1)
			die("storm");
	}
}

static long
number(const char *text, int base)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, base);
	if (errno != 0 || *text == '\0' || *end != '\0' || n < 0) {
		fprintf(stderr, "no number: %s\n", text);
		exit(3);
	}
	return n;
}

static void
read_limit(struct host *host, const char *text)
{
	size_t i, len;

	for (i = 0; i < LIMIT_COUNT; i++) {
		len = strlen(limits[i].name);
		if (strncmp(text, limits[i].name, len) != 0 ||
		    text[len] != '=')
			continue;
		host->limit[i] = (rlim_t)number(text + len + 1, 10);
		host->limited[i] = true;
		return;
	}
	fprintf(stderr, "no limit: %s\n", text);
	exit(3);
}

enum option_code {
	CONFDIR = 256, USER, SILENT, LIMIT, IGNORE_CHILDREN, CATCH_CHILDREN, STORM,
	DESCRIPTORS, CLOSE, UID, CALLER, UMASK, CWD, FAIL_ALLOC
};

static const struct option options[] = {
	{ "confdir", required_argument, NULL, CONFDIR },
	{ "user", required_argument, NULL, USER },
	{ "silent", no_argument, NULL, SILENT },
	{ "limit", required_argument, NULL, LIMIT },
	{ "ignore-children", no_argument, NULL, IGNORE_CHILDREN },
	{ "catch-children", no_argument, NULL, CATCH_CHILDREN },
	{ "storm", no_argument, NULL, STORM },
	{ "descriptors", required_argument, NULL, DESCRIPTORS },
	{ "close", required_argument, NULL, CLOSE },
	{ "uid", required_argument, NULL, UID },
	{ "caller", required_argument, NULL, CALLER },
	{ "umask", required_argument, NULL, UMASK },
	{ "cwd", required_argument, NULL, CWD },
	{ "fail-alloc", required_argument, NULL, FAIL_ALLOC },
	{ NULL, 0, NULL, 0 },
};

static void
take_option(struct host *host, int code, const char *value)
{
	switch (code) {
	case CONFDIR:
		host->confdir = value;
		break;
	case USER:
		host->user = value;
		break;
	case SILENT:
		host->flags = PAM_SILENT;
		break;
	case LIMIT:
		read_limit(host, value);
		break;
	case IGNORE_CHILDREN:
		host->children = SIG_IGN;
		break;
	case CATCH_CHILDREN:
		host->children = child_ended;
		break;
	case STORM:
		host->storm = true;
		break;
	case DESCRIPTORS:
		host->descriptors = number(value, 10);
		break;
	case CLOSE:
		host->closed[number(value, 10) % 3] = true;
		break;
	case UID:
		host->uid = number(value, 10);
		break;
	case CALLER:
		host->caller = number(value, 10);
		break;
	case UMASK:
		host->mask = number(value, 8);
		break;
	case CWD:
		host->directory = value;
		break;
	case FAIL_ALLOC:
		if (SANITIZED) {
			fprintf(stderr, "sanitized: no allocation fails\n");
			exit(3);
		}
		host->fail_alloc = number(value, 10);
		break;
	default:
		exit(3);
	}
}

static void
set_ids(const struct host *host)
{
	gid_t gid;
	uid_t uid;

	if (host->uid != -1) {
		uid = (uid_t)host->uid;
		gid = (gid_t)host->uid;
		if (setgroups(0, NULL) == -1 || setresgid(gid, gid, gid) == -1 ||
		    setresuid(uid, uid, uid) == -1)
			die("uid");
	} else if (host->caller != -1) {
		uid = (uid_t)host->caller;
		gid = (gid_t)host->caller;
		if (setgroups(1, &gid) == -1 || setresgid(gid, gid, gid) == -1 ||
		    setresuid(uid, 0, 0) == -1)
			die("caller");
	}
}

static void
become(const struct host *host)
{
	struct rlimit limit;
	long i;
	int fd;
	size_t l;

	if (host->mask != -1)
		(void)umask((mode_t)host->mask);
	if (host->directory != NULL && chdir(host->directory) == -1)
		die(host->directory);
	for (i = 0; i < host->descriptors; i++) {
		if (open("/dev/null", O_RDWR) == -1)
			die("open");
	}
	if (host->children != NULL)
		(void)signal(SIGCHLD, host->children);
	for (l = 0; l < LIMIT_COUNT; l++) {
		limit.rlim_cur = limit.rlim_max = host->limit[l];
		if (host->limited[l] &&
		    setrlimit(limits[l].resource, &limit) == -1)
			die("limit");
	}
	set_ids(host);
	for (fd = 0; fd < 3; fd++) {
		if (host->closed[fd])
			close(fd);
	}
}

/* --- the calls ------------------------------------------------------------- */

static int
converse(int count, const struct pam_message **message,
    struct pam_response **response, void *arg)
{
	int i;

	(void)arg;
	*response = NULL;
	for (i = 0; i < count; i++)
		fprintf(output, "say %s %s\n",
		    message[i]->msg_style == PAM_ERROR_MSG ? "error" :
		    message[i]->msg_style == PAM_TEXT_INFO ? "info" : "prompt",
		    message[i]->msg);
	return PAM_SUCCESS;
}

static const struct {
	const char *name;
	int (*call)(pam_handle_t *, int);
} calls[] = {
	{ "acct_mgmt", pam_acct_mgmt },
	{ "authenticate", pam_authenticate },
	{ "setcred", pam_setcred },
	{ "open_session", pam_open_session },
	{ "close_session", pam_close_session },
	{ "chauthtok", pam_chauthtok },
};

static const struct {
	int code;
	const char *word;
} codes[] = {
	{ PAM_SUCCESS, "PAM_SUCCESS" },
	{ PAM_PERM_DENIED, "PAM_PERM_DENIED" },
	{ PAM_USER_UNKNOWN, "PAM_USER_UNKNOWN" },
	{ PAM_AUTHINFO_UNAVAIL, "PAM_AUTHINFO_UNAVAIL" },
	{ PAM_SERVICE_ERR, "PAM_SERVICE_ERR" },
	{ PAM_IGNORE, "PAM_IGNORE" },
	{ PAM_BUF_ERR, "PAM_BUF_ERR" },
	{ PAM_TRY_AGAIN, "PAM_TRY_AGAIN" },
	{ PAM_MODULE_UNKNOWN, "PAM_MODULE_UNKNOWN" },
};

static const char *
code_word(int code)
{
	static char other[24];
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (codes[i].code == code)
			return codes[i].word;
	}
	snprintf(other, sizeof(other), "PAM_%d", code);
	return other;
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
call(pam_handle_t *pamh, const struct host *host, const char *name)
{
	int64_t start;
	size_t i;
	int code;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (strcmp(calls[i].name, name) != 0)
			continue;
		start = now_ms();
		allocations_left = host->fail_alloc;
		code = calls[i].call(pamh, (int)host->flags);
		if (allocations_left != -1)
			fprintf(output, "unfailed\n");
		allocations_left = -1;
		fprintf(output, "call %s %s %" PRId64 "\n", name,
		    code_word(code), now_ms() - start);
		return;
	}
	fprintf(stderr, "no call: %s\n", name);
	exit(3);
}

static void
open_output(void)
{
	int fd;

	fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, OUTPUT_FD);
	if (fd == -1 || (output = fdopen(fd, "w")) == NULL)
		die("output");
	(void)setvbuf(output, NULL, _IOLBF, 0);
}

int
main(int argc, char **argv)
{
	static struct left_state before, after;
	struct pam_conv conversation = { converse, NULL };
	struct host host = {
		.confdir = "/etc/pam.d", .uid = -1, .caller = -1, .mask = -1,
		.fail_alloc = -1
	};
	pam_handle_t *pamh;
	int code, i;

	while ((code = getopt_long(argc, argv, "+", options, NULL)) != -1)
		take_option(&host, code, optarg);
	if (argc - optind < 2) {
		fprintf(stderr, "pamdrive [OPTION...] SERVICE CALL...\n");
		return 3;
	}
	open_output();
	/* As sshd and sudo do: else the first line would open it. */
	openlog("pamdrive", LOG_NDELAY, LOG_AUTHPRIV);
	become(&host);
	code = pam_start_confdir(argv[optind], host.user, &conversation,
	    host.confdir, &pamh);
	if (code != PAM_SUCCESS) {
		fprintf(output, "call start %s 0\n", code_word(code));
		return 0;
	}
	if (host.storm)
		begin_storm();
	left_take(&before);
	for (i = optind + 1; i < argc; i++)
		call(pamh, &host, argv[i]);
	left_take(&after);
	left_print(output, &before, &after);
	(void)pam_end(pamh, PAM_SUCCESS);
	return 0;
}

/* The helper: its process, its pipe, and signals. */
#include "libc_wrap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD		4242

WRAP(int, pipe2, (int end[2], int flags))
{
	if (!libc.active)
		return __real_pipe2(end, flags);
	if (libc_fails())
		return -1;
	REQUIRE((flags & O_CLOEXEC) != 0);
	end[0] = libc_new_fd(FD_READER, NULL);
	end[1] = libc_new_fd(FD_WRITER, NULL);
	return 0;
}

WRAP(pid_t, _Fork, (void))
{
	if (!libc.active)
		return __real__Fork();
	if (libc_fails())
		return -1;
	REQUIRE(!libc.helper_ran || libc.helper_gone);
	/* Blocked, so that no handler of the host runs in the child. */
	REQUIRE(libc.masked && !libc.child_handled);
	libc.helper_ran = true;
	libc.helper_gone = false;
	libc.helper_killed = false;
	libc.said = 0;
	return CHILD;
}

static bool
has_ended(void)
{
	return libc.helper_killed || (!libc.helper.hangs &&
	    libc.said == libc.helper.len);
}

WRAP(pid_t, waitpid, (pid_t pid, int *status, int flags))
{
	if (!libc.active)
		return __real_waitpid(pid, status, flags);
	REQUIRE(pid == CHILD && (flags & WNOHANG) != 0 && !libc.helper_gone);
	if (libc_fails()) {
		/* No other error is there; somebody else was faster. */
		if (errno != EINTR) {
			libc.helper_gone = true;
			errno = ECHILD;
		}
		return -1;
	}
	if (!has_ended())
		return 0;
	libc.helper_gone = true;
	if (libc.helper.stolen) {
		errno = ECHILD;
		return -1;
	}
	*status = libc.helper_killed ? SIGKILL : libc.helper.status;
	return CHILD;
}

WRAP(int, kill, (pid_t pid, int sig))
{
	if (!libc.active)
		return __real_kill(pid, sig);
	REQUIRE(pid == CHILD && sig == SIGKILL && !libc.helper_gone);
	libc.helper_killed = true;
	return 0;
}

WRAP(int, poll, (struct pollfd *watch, nfds_t count, int timeout))
{
	if (!libc.active)
		return __real_poll(watch, count, timeout);
	REQUIRE(timeout >= 0 && timeout <= 1000);
	if (libc_fails()) {
		libc.mono_ms++;
		return -1;
	}
	if (count == 1 && watch->fd >= 0 &&
	    (libc.said < libc.helper.len || has_ended())) {
		libc_index_of(watch->fd, FD_READER);
		watch->revents = POLLIN;
		libc.mono_ms += libc.helper.dribbles;
		return 1;
	}
	libc.mono_ms += timeout > 0 ? timeout : 0;
	return 0;
}

WRAP(int, pthread_sigmask, (int how, const sigset_t *set, sigset_t *old))
{
	if (!libc.active)
		return __real_pthread_sigmask(how, set, old);
	REQUIRE(how == SIG_SETMASK);
	if (!libc.masked && libc_fails())
		return errno;
	if (old != NULL)
		sigemptyset(old);
	libc.masked = sigismember(set, SIGTERM) == 1;
	return 0;
}

/* A handler of the host's stands there, and must stand there afterwards. */
static void
of_host(int sig)
{
	(void)sig;
}

WRAP(int, sigaction, (int sig, const struct sigaction *action,
    struct sigaction *old))
{
	if (!libc.active)
		return __real_sigaction(sig, action, old);
	REQUIRE(sig == SIGCHLD);
	if (libc.child_handled && libc_fails())
		return -1;
	if (old != NULL) {
		memset(old, 0, sizeof(*old));
		old->sa_handler = of_host;
	}
	libc.child_handled = action->sa_handler == of_host;
	return 0;
}

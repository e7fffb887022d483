#include "io/http.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <syslog.h>
#include <unistd.h>

#include "io/http_model.h"
#include "io/http_transfer.h"
#include "value/clock.h"

#define EVENTS_MAX	32	/* taken from epoll at once */
#define GRACE_MS	50	/* by which libcurl may be late */

struct og_http {
	struct og_http_model model;
	const struct og_log *log;
	CURLM *multi;		/* NULL: to be made anew */
	CURLMcode fault;	/* what multi is dead of, or CURLM_OK */
	struct og_transfers running;
	struct og_transfers finished;	/* callback still to come */
	size_t pending;
	int epoll_fd;
	int64_t timer_ms;	/* monotonic; -1: none */
};

/*
 * What libcurl has written its requests to holds the key, and would hold it
 * still when somebody else gets that memory.
 */
static void
wipe_and_free(void *block)
{
	if (block != NULL)
		explicit_bzero(block, malloc_usable_size(block));
	free(block);
}

static void *
wipe_and_grow(void *block, size_t size)
{
	size_t old;
	void *fresh;

	old = block != NULL ? malloc_usable_size(block) : 0;
	fresh = malloc(size);
	if (fresh == NULL)
		return NULL;
	if (old > 0)
		memcpy(fresh, block, old < size ? old : size);
	wipe_and_free(block);
	return fresh;
}

/*
 * What libcurl asks of a multi handle's host. Neither may return -1: that
 * kills the handle for good.
 */

static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	struct epoll_event event;
	struct og_http *http;

	(void)easy;
	(void)unused;
	http = arg;
	memset(&event, 0, sizeof(event));
	event.data.fd = fd;
	if (what == CURL_POLL_REMOVE) {
		/* One that is closed already has left the set by itself. */
		(void)epoll_ctl(http->epoll_fd, EPOLL_CTL_DEL, fd, &event);
		return 0;
	}
	if (what != CURL_POLL_OUT)
		event.events |= EPOLLIN;
	if (what != CURL_POLL_IN)
		event.events |= EPOLLOUT;
	if (epoll_ctl(http->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0 &&
	    (errno != EEXIST ||
	    epoll_ctl(http->epoll_fd, EPOLL_CTL_MOD, fd, &event) != 0))
		og_log(http->log, LOG_ERR, "cannot watch a socket: %s",
		    strerror(errno));
	return 0;
}

static int
set_timer(CURLM *multi, long ms, void *arg)
{
	struct og_http *http;

	(void)multi;
	http = arg;
	http->timer_ms = ms < 0 ? -1 : og_clock_mono() + ms;
	return 0;
}

static enum og_error
make_multi(struct og_http *http)
{
	CURLMcode code;

	http->fault = CURLM_OK;
	http->timer_ms = -1;
	http->multi = curl_multi_init();
	if (http->multi == NULL)
		return OG_ERR_NOMEM;
	code = curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION,
	    watch_socket);
	if (code == CURLM_OK)
		code = curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA,
		    http);
	if (code == CURLM_OK)
		code = curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION,
		    set_timer);
	if (code == CURLM_OK)
		code = curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA,
		    http);
	if (code == CURLM_OK)
		return OG_OK;
	og_log(http->log, LOG_ERR, "libcurl: %s", curl_multi_strerror(code));
	curl_multi_cleanup(http->multi);
	http->multi = NULL;
	return OG_ERR_SYSTEM;
}

enum og_error
og_http_get(struct og_http *http, const char *path, int64_t deadline_ms,
    void (*done)(void *arg, const struct og_reply *), void *arg)
{
	struct og_transfer *transfer;
	enum og_error error;
	CURLMcode code;
	int64_t left;

	/* To libcurl, 0 means for ever. */
	left = deadline_ms - og_clock_mono();
	if (left <= 0)
		return OG_ERR_TIMEOUT;
	if (left > INT_MAX)
		left = INT_MAX;
	if (http->multi == NULL) {
		error = make_multi(http);
		if (error != OG_OK)
			return error;
	}
	error = og_transfer_new(&transfer, &http->model, path, (int)left);
	if (error != OG_OK)
		return error;
	transfer->done = done;
	transfer->arg = arg;
	transfer->deadline_ms = deadline_ms;
	code = curl_multi_add_handle(http->multi, transfer->easy);
	if (code != CURLM_OK) {
		og_log(http->log, LOG_ERR, "libcurl: %s",
		    curl_multi_strerror(code));
		http->fault = code;
		og_transfer_free(transfer);
		return code == CURLM_OUT_OF_MEMORY ? OG_ERR_NOMEM :
		    OG_ERR_SYSTEM;
	}
	TAILQ_INSERT_TAIL(&http->running, transfer, next);
	http->pending++;
	return OG_OK;
}

/* Takes the transfer out of libcurl's hands; its callback comes later, if it
 * has not come yet. */
static void
finish(struct og_http *http, struct og_transfer *transfer)
{
	(void)curl_multi_remove_handle(http->multi, transfer->easy);
	TAILQ_REMOVE(&http->running, transfer, next);
	if (transfer->answered)
		og_transfer_free(transfer);
	else
		TAILQ_INSERT_TAIL(&http->finished, transfer, next);
}

static void
collect(struct og_http *http)
{
	struct og_transfer *transfer;
	struct CURLMsg *message;
	char *private;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		private = NULL;
		(void)curl_easy_getinfo(message->easy_handle,
		    CURLINFO_PRIVATE, &private);
		transfer = (struct og_transfer *)(void *)private;
		og_transfer_end(transfer, (int)message->data.result);
		finish(http, transfer);
	}
}

/*
 * A multi handle that has once failed can be relied upon for nothing more:
 * its transfers fail, and the next one begins with a new handle.
 */
static void
give_up(struct og_http *http, const char *why)
{
	struct og_transfer *transfer;

	og_log(http->log, LOG_ERR, "libcurl: %s; starting afresh", why);
	while ((transfer = TAILQ_FIRST(&http->running)) != NULL) {
		og_transfer_fail(transfer, OG_ERR_NETWORK, why);
		finish(http, transfer);
	}
	curl_multi_cleanup(http->multi);
	http->multi = NULL;
	http->fault = CURLM_OK;
	http->timer_ms = -1;
}

/* An error or a hang-up is left for libcurl to find by reading and writing:
 * what the server said before is still there to be read. */
static int
events_for_curl(uint32_t events)
{
	int mask;

	mask = 0;
	if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0)
		mask |= CURL_CSELECT_IN;
	if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0)
		mask |= CURL_CSELECT_OUT;
	return mask;
}

static CURLMcode
drive(struct og_http *http)
{
	struct epoll_event event[EVENTS_MAX];
	CURLMcode code;
	int count, i, running;

	count = epoll_wait(http->epoll_fd, event, EVENTS_MAX, 0);
	if (count < 0 && errno != EINTR)
		return CURLM_INTERNAL_ERROR;
	for (i = 0; i < count; i++) {
		code = curl_multi_socket_action(http->multi, event[i].data.fd,
		    events_for_curl(event[i].events), &running);
		if (code != CURLM_OK)
			return code;
	}
	if (http->timer_ms < 0 || http->timer_ms > og_clock_mono())
		return CURLM_OK;
	http->timer_ms = -1;
	return curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0,
	    &running);
}

/*
 * libcurl keeps deadlines itself, but not in every state that a transfer can
 * be in (7.88 has one where it waits for another's connection, and knows no
 * time). Whoever is overdue gets an answer now, and libcurl may go on.
 */
static void
answer_overdue(struct og_http *http)
{
	struct og_transfer *transfer;
	int64_t now;

	now = og_clock_mono();
	TAILQ_FOREACH(transfer, &http->running, next) {
		if (transfer->answered ||
		    now < transfer->deadline_ms + GRACE_MS)
			continue;
		transfer->answered = true;
		http->pending--;
		og_transfer_fail(transfer, OG_ERR_TIMEOUT,
		    "libcurl let the deadline pass");
		og_transfer_reply(transfer);
	}
}

static void
deliver(struct og_http *http)
{
	struct og_transfer *transfer;

	while ((transfer = TAILQ_FIRST(&http->finished)) != NULL) {
		TAILQ_REMOVE(&http->finished, transfer, next);
		http->pending--;
		og_transfer_reply(transfer);
		og_transfer_free(transfer);
	}
}

void
og_http_run(struct og_http *http)
{
	if (http->multi != NULL) {
		if (http->fault == CURLM_OK)
			http->fault = drive(http);
		collect(http);
		if (http->fault != CURLM_OK)
			give_up(http, curl_multi_strerror(http->fault));
	}
	deliver(http);
	answer_overdue(http);
	if (http->pending == 0 && !TAILQ_EMPTY(&http->running))
		give_up(http, "a transfer does not end");
}

int
og_http_fd(const struct og_http *http)
{
	return http->epoll_fd;
}

int
og_http_timeout(const struct og_http *http)
{
	const struct og_transfer *transfer;
	int64_t at, left;

	if (http->fault != CURLM_OK)
		return 0;
	at = http->timer_ms;
	TAILQ_FOREACH(transfer, &http->running, next) {
		if (!transfer->answered &&
		    (at < 0 || at > transfer->deadline_ms + GRACE_MS))
			at = transfer->deadline_ms + GRACE_MS;
	}
	if (at < 0)
		return -1;
	left = at - og_clock_mono();
	if (left < 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

size_t
og_http_pending(const struct og_http *http)
{
	return http->pending;
}

enum og_error
og_http_new(struct og_http **out, const struct og_config *conf,
    const struct og_credentials *credentials, const struct og_log *log)
{
	struct og_http *http;
	enum og_error error;

	*out = NULL;
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wipe_and_free,
	    wipe_and_grow, strdup, calloc) != CURLE_OK)
		return OG_ERR_SYSTEM;
	http = calloc(1, sizeof(*http));
	if (http == NULL) {
		curl_global_cleanup();
		return OG_ERR_NOMEM;
	}
	http->log = log;
	TAILQ_INIT(&http->running);
	TAILQ_INIT(&http->finished);
	http->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	error = http->epoll_fd < 0 ? OG_ERR_SYSTEM :
	    og_http_model_init(&http->model, conf, credentials, log);
	if (error == OG_OK)
		error = make_multi(http);
	if (error == OG_OK)
		*out = http;
	else
		og_http_free(http);
	return error;
}

void
og_http_wait(struct og_http *http, const bool *finished)
{
	struct pollfd pfd;

	while (!*finished) {
		pfd.fd = og_http_fd(http);
		pfd.events = POLLIN;
		pfd.revents = 0;
		(void)poll(&pfd, 1, og_http_timeout(http));
		og_http_run(http);
	}
}

void
og_http_free(struct og_http *http)
{
	struct og_transfer *transfer;

	if (http == NULL)
		return;
	while ((transfer = TAILQ_FIRST(&http->running)) != NULL)
		finish(http, transfer);
	while ((transfer = TAILQ_FIRST(&http->finished)) != NULL) {
		TAILQ_REMOVE(&http->finished, transfer, next);
		og_transfer_free(transfer);
	}
	curl_multi_cleanup(http->multi);
	og_http_model_free(&http->model);
	if (http->epoll_fd >= 0)
		close(http->epoll_fd);
	free(http);
	curl_global_cleanup();
}

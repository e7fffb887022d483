#include "io/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <syslog.h>
#include <unistd.h>

#include "io/http_head.h"
#include "io/http_model.h"
#include "value/clock.h"

#define HEAD_MAX	(64 * 1024)	/* bytes of all header lines of an answer */
#define EVENTS_MAX	32		/* taken from epoll at once */

struct transfer {
	TAILQ_ENTRY(transfer) next;
	CURL *easy;
	void (*done)(void *arg, const struct og_reply *);
	void *arg;
	struct og_buffer body;
	struct og_http_head head;
	size_t head_len;
	long status;
	enum og_error error;	/* of a callback that refused, or of the end */
	char trouble[CURL_ERROR_SIZE];	/* in libcurl's words */
	char detail[CURL_ERROR_SIZE];	/* cleaned */
};
TAILQ_HEAD(transfers, transfer);

struct og_http {
	struct og_http_model model;
	const struct og_log *log;
	CURLM *multi;		/* NULL: to be made anew */
	CURLMcode fault;	/* what multi is dead of, or CURLM_OK */
	struct transfers running;
	struct transfers finished;	/* callback still to come */
	size_t pending;
	int epoll_fd;
	int64_t timer_ms;	/* monotonic; -1: none */
};

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

/* What libcurl asks of a transfer's host. */

static size_t
take_head(char *line, size_t size, size_t count, void *arg)
{
	struct transfer *transfer;
	size_t len;

	transfer = arg;
	len = size * count;
	if (len > HEAD_MAX - transfer->head_len) {
		transfer->error = OG_ERR_LIMIT;
		return 0;
	}
	transfer->head_len += len;
	if (og_http_head_line(&transfer->head, line, len, og_clock_wall()))
		return len;
	transfer->error = OG_ERR_PROTOCOL;
	return 0;
}

/* The buffer's limit counts all chunks together. */
static size_t
take_body(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *transfer;

	transfer = arg;
	transfer->error = og_buffer_add(&transfer->body, data, size * count);
	return transfer->error == OG_OK ? size * count : 0;
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

static void
transfer_free(struct transfer *transfer)
{
	if (transfer == NULL)
		return;
	curl_easy_cleanup(transfer->easy);
	og_buffer_free(&transfer->body);
	free(transfer);
}

static CURLcode
set_transfer(struct transfer *transfer, const char *url, long timeout_ms)
{
	CURLcode code;

	code = curl_easy_setopt(transfer->easy, CURLOPT_URL, url);
	if (code == CURLE_OK)
		code = curl_easy_setopt(transfer->easy, CURLOPT_TIMEOUT_MS,
		    timeout_ms);
	if (code == CURLE_OK)
		code = curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE,
		    transfer);
	if (code == CURLE_OK)
		code = curl_easy_setopt(transfer->easy, CURLOPT_ERRORBUFFER,
		    transfer->trouble);
	if (code == CURLE_OK)
		code = curl_easy_setopt(transfer->easy,
		    CURLOPT_HEADERFUNCTION, take_head);
	if (code == CURLE_OK)
		code = curl_easy_setopt(transfer->easy, CURLOPT_HEADERDATA,
		    transfer);
	if (code == CURLE_OK)
		code = curl_easy_setopt(transfer->easy, CURLOPT_WRITEFUNCTION,
		    take_body);
	if (code == CURLE_OK)
		code = curl_easy_setopt(transfer->easy, CURLOPT_WRITEDATA,
		    transfer);
	return code;
}

static enum og_error
transfer_new(struct transfer **out, const struct og_http *http,
    const char *path, long timeout_ms)
{
	struct transfer *transfer;
	struct og_buffer url;
	enum og_error error;

	*out = NULL;
	transfer = calloc(1, sizeof(*transfer));
	if (transfer == NULL)
		return OG_ERR_NOMEM;
	og_buffer_init(&transfer->body, OG_API_BODY_MAX);
	og_http_head_init(&transfer->head);
	transfer->easy = curl_easy_duphandle(http->model.easy);
	og_buffer_init(&url, OG_API_PATH_MAX + OG_CONF_LINE_MAX);
	error = og_buffer_addf(&url, "%s%s", http->model.conf->base_url, path);
	/* What is left to fail here is memory. */
	if (error == OG_OK && (transfer->easy == NULL ||
	    set_transfer(transfer, url.data, timeout_ms) != CURLE_OK))
		error = OG_ERR_NOMEM;
	og_buffer_free(&url);
	if (error == OG_OK)
		*out = transfer;
	else
		transfer_free(transfer);
	return error;
}

enum og_error
og_http_get(struct og_http *http, const char *path, int64_t deadline_ms,
    void (*done)(void *arg, const struct og_reply *), void *arg)
{
	struct transfer *transfer;
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
	error = transfer_new(&transfer, http, path, (long)left);
	if (error != OG_OK)
		return error;
	transfer->done = done;
	transfer->arg = arg;
	code = curl_multi_add_handle(http->multi, transfer->easy);
	if (code != CURLM_OK) {
		og_log(http->log, LOG_ERR, "libcurl: %s",
		    curl_multi_strerror(code));
		http->fault = code;
		transfer_free(transfer);
		return code == CURLM_OUT_OF_MEMORY ? OG_ERR_NOMEM :
		    OG_ERR_SYSTEM;
	}
	TAILQ_INSERT_TAIL(&http->running, transfer, next);
	http->pending++;
	return OG_OK;
}

static enum og_error
error_of(CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return OG_OK;
	case CURLE_OPERATION_TIMEDOUT:
		return OG_ERR_TIMEOUT;
	case CURLE_OUT_OF_MEMORY:
		return OG_ERR_NOMEM;
	case CURLE_FILESIZE_EXCEEDED:
		return OG_ERR_LIMIT;
	case CURLE_PARTIAL_FILE:
	case CURLE_WRITE_ERROR:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:	/* as it calls HTTP/0.9 */
		return OG_ERR_PROTOCOL;
	default:
		return OG_ERR_NETWORK;
	}
}

/* Takes the transfer out of libcurl's hands; its callback comes later. */
static void
finish(struct og_http *http, struct transfer *transfer, enum og_error error,
    const char *detail)
{
	if (transfer->error == OG_OK)
		transfer->error = error;
	og_log_clean(transfer->detail, sizeof(transfer->detail),
	    transfer->trouble[0] != '\0' ? transfer->trouble : detail);
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE,
	    &transfer->status);
	(void)curl_multi_remove_handle(http->multi, transfer->easy);
	curl_easy_cleanup(transfer->easy);
	transfer->easy = NULL;
	TAILQ_REMOVE(&http->running, transfer, next);
	TAILQ_INSERT_TAIL(&http->finished, transfer, next);
}

static void
collect(struct og_http *http)
{
	struct transfer *transfer;
	struct CURLMsg *message;
	CURLcode code;
	char *private;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		/* The message goes with the handle that finish removes. */
		code = message->data.result;
		private = NULL;
		(void)curl_easy_getinfo(message->easy_handle,
		    CURLINFO_PRIVATE, &private);
		transfer = (struct transfer *)(void *)private;
		finish(http, transfer, error_of(code),
		    curl_easy_strerror(code));
	}
}

/*
 * A multi handle that has once failed can be relied upon for nothing more:
 * its transfers fail, and the next one begins with a new handle.
 */
static void
give_up(struct og_http *http)
{
	struct transfer *transfer;

	og_log(http->log, LOG_ERR, "libcurl: %s; starting afresh",
	    curl_multi_strerror(http->fault));
	while ((transfer = TAILQ_FIRST(&http->running)) != NULL)
		finish(http, transfer, OG_ERR_NETWORK,
		    curl_multi_strerror(http->fault));
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

static void
deliver(struct og_http *http)
{
	struct transfer *transfer;
	struct og_reply reply;

	while ((transfer = TAILQ_FIRST(&http->finished)) != NULL) {
		TAILQ_REMOVE(&http->finished, transfer, next);
		http->pending--;
		memset(&reply, 0, sizeof(reply));
		reply.error = transfer->error;
		reply.retry_after_ms = -1;
		reply.body = "";
		reply.detail = transfer->detail;
		reply.request_id = transfer->head.request_id;
		reply.date = transfer->head.date;
		if (reply.error == OG_OK) {
			reply.status = transfer->status;
			reply.body = transfer->body.data;
			reply.len = transfer->body.len;
			reply.retry_after_ms = transfer->head.retry_after_ms;
			reply.detail = "";
		}
		transfer->done(transfer->arg, &reply);
		transfer_free(transfer);
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
			give_up(http);
	}
	deliver(http);
}

int
og_http_fd(const struct og_http *http)
{
	return http->epoll_fd;
}

int
og_http_timeout(const struct og_http *http)
{
	int64_t left;

	if (http->fault != CURLM_OK)
		return 0;
	if (http->timer_ms < 0)
		return -1;
	left = http->timer_ms - og_clock_mono();
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
    const char *key, const struct og_log *log)
{
	struct og_http *http;
	enum og_error error;

	*out = NULL;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
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
	    og_http_model_init(&http->model, conf, key, log);
	if (error == OG_OK)
		error = make_multi(http);
	if (error == OG_OK)
		*out = http;
	else
		og_http_free(http);
	return error;
}

void
og_http_free(struct og_http *http)
{
	struct transfer *transfer;

	if (http == NULL)
		return;
	while ((transfer = TAILQ_FIRST(&http->running)) != NULL)
		finish(http, transfer, OG_ERR_NETWORK, "dropped");
	while ((transfer = TAILQ_FIRST(&http->finished)) != NULL) {
		TAILQ_REMOVE(&http->finished, transfer, next);
		transfer_free(transfer);
	}
	curl_multi_cleanup(http->multi);
	og_http_model_free(&http->model);
	if (http->epoll_fd >= 0)
		close(http->epoll_fd);
	free(http);
	curl_global_cleanup();
}

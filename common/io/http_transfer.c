#include "io/http_transfer.h"

#include <stdlib.h>
#include <string.h>

#include "value/clock.h"
#include "value/log.h"

#define HEAD_MAX	(64 * 1024)	/* bytes of all header lines of an answer */
#define URL_MAX		(OG_API_PATH_MAX + OG_CONF_LINE_MAX)

/* CURLE_TOO_LARGE, as newer libcurls call their own limits; older headers do
 * not name it. */
#define TOO_LARGE	100

_Static_assert(OG_HTTP_DETAIL_MAX >= CURL_ERROR_SIZE,
    "libcurl writes that much");

/*
 * An answer of HTTP/1 does not say to which question it belongs: one that comes
 * when nothing was asked would be taken for the next one's, and all would be
 * one off from there. So the model forbids a second question on a connection.
 * HTTP/2 numbers them, and may keep its connection.
 */
static bool
keep_numbered(CURL *easy, const char *line, size_t len)
{
	static const char start[] = "HTTP/2 ";

	if (len < sizeof(start) - 1 ||
	    memcmp(line, start, sizeof(start) - 1) != 0)
		return true;
	return curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 0L) == CURLE_OK;
}

/* A callback refuses by taking less than it was offered. */

static size_t
take_head(char *line, size_t size, size_t count, void *arg)
{
	struct og_transfer *transfer;
	size_t len;

	transfer = arg;
	len = size * count;
	if (len > HEAD_MAX - transfer->head_len) {
		transfer->error = OG_ERR_LIMIT;
		return 0;
	}
	transfer->head_len += len;
	if (keep_numbered(transfer->easy, line, len) &&
	    og_http_head_line(&transfer->head, line, len, og_clock_wall()))
		return len;
	transfer->error = OG_ERR_PROTOCOL;
	return 0;
}

/* The buffer's limit counts all chunks together. */
static size_t
take_body(char *data, size_t size, size_t count, void *arg)
{
	struct og_transfer *transfer;

	transfer = arg;
	transfer->error = og_buffer_add(&transfer->body, data, size * count);
	return transfer->error == OG_OK ? size * count : 0;
}

static CURLcode
set_options(struct og_transfer *transfer, const char *url, int timeout_ms)
{
	CURLcode code;
	CURL *easy;

	easy = transfer->easy;
	code = curl_easy_setopt(easy, CURLOPT_URL, url);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
		    (long)timeout_ms);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_ERRORBUFFER,
		    transfer->trouble);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION,
		    take_head);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION,
		    take_body);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	return code;
}

enum og_error
og_transfer_new(struct og_transfer **out, const struct og_http_model *model,
    const char *path, int timeout_ms)
{
	struct og_transfer *transfer;
	struct og_buffer url;
	enum og_error error;

	*out = NULL;
	transfer = calloc(1, sizeof(*transfer));
	if (transfer == NULL)
		return OG_ERR_NOMEM;
	og_buffer_init(&transfer->body, OG_API_BODY_MAX);
	og_http_head_init(&transfer->head);
	transfer->easy = og_http_model_copy(model);
	og_buffer_init(&url, URL_MAX);
	error = og_buffer_addf(&url, "%s%s", model->conf->base_url, path);
	/* All that is left to fail here is memory. */
	if (error == OG_OK && (transfer->easy == NULL ||
	    set_options(transfer, url.data, timeout_ms) != CURLE_OK))
		error = OG_ERR_NOMEM;
	og_buffer_free(&url);
	if (error == OG_OK)
		*out = transfer;
	else
		og_transfer_free(transfer);
	return error;
}

void
og_transfer_free(struct og_transfer *transfer)
{
	if (transfer == NULL)
		return;
	curl_easy_cleanup(transfer->easy);
	og_buffer_free(&transfer->body);
	free(transfer);
}

static enum og_error
error_of(CURLcode code)
{
	if ((int)code == TOO_LARGE)
		return OG_ERR_LIMIT;
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

void
og_transfer_fail(struct og_transfer *transfer, enum og_error error,
    const char *detail)
{
	/* Why a callback refused is nearer to the truth. */
	if (transfer->error == OG_OK)
		transfer->error = error;
	og_log_clean(transfer->detail, sizeof(transfer->detail),
	    transfer->trouble[0] != '\0' ? transfer->trouble : detail);
}

void
og_transfer_end(struct og_transfer *transfer, int curl_code)
{
	enum og_error error;

	(void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE,
	    &transfer->status);
	error = error_of((CURLcode)curl_code);
	/* An answer that broke off. Over TLS, libcurls differ in whether they
	 * call it that or a failure to receive. */
	if (curl_code == CURLE_RECV_ERROR && transfer->status != 0)
		error = OG_ERR_PROTOCOL;
	og_transfer_fail(transfer, error,
	    curl_easy_strerror((CURLcode)curl_code));
}

void
og_transfer_reply(struct og_transfer *transfer)
{
	struct og_reply reply;
	int64_t age;

	memset(&reply, 0, sizeof(reply));
	reply.error = transfer->error;
	reply.retry_after_ms = -1;
	reply.body = "";
	reply.detail = transfer->detail;
	reply.request_id = transfer->head.request_id;
	reply.date = transfer->head.date;
	age = og_http_head_age(&transfer->head);
	if (reply.error == OG_OK && age < 0) {
		reply.error = OG_ERR_PROTOCOL;
		reply.detail = "a gateway that does not say how old its "
		    "answer is: Gate-Asked-At is not a time up to Date";
	}
	if (reply.error == OG_OK) {
		reply.status = transfer->status;
		reply.age = age;
		reply.body = transfer->body.data;
		reply.len = transfer->body.len;
		reply.retry_after_ms = transfer->head.retry_after_ms;
		reply.detail = "";
	}
	transfer->done(transfer->arg, &reply);
}

#include "meaning/api.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "meaning/api_json.h"
#include "meaning/api_page.h"
#include "value/log.h"
#include "value/text.h"

/* What a log line quotes of an answer that is not the API's. */
#define EXCERPT_MAX	120

/* What an error body says; raw. */
struct complaint {
	char code[64];
	char text[OG_MESSAGE_MAX];
};

static void tell(struct og_answer *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
tell(struct og_answer *answer, const char *fmt, ...)
{
	char raw[2 * OG_MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	/* The API masks a key that it quotes, but not every gateway does. */
	og_hide_keys(raw);
	og_log_clean(answer->message.text, sizeof(answer->message.text), raw);
}

static void
excerpt(char *text, size_t size, const char *body, size_t len)
{
	const char *end;

	if (len > EXCERPT_MAX)
		len = EXCERPT_MAX;
	end = memchr(body, '\0', len);
	if (end != NULL)
		len = (size_t)(end - body);
	og_copy(text, size, body, len);
}

/*
 * Every shape of CONTRACT section 3: the envelope, "error" as a string, code
 * and message without "error", and whatever a proxy in between may say.
 */
static void
read_complaint(struct complaint *complaint, const char *body, size_t len)
{
	struct og_message ignored;
	const json_t *error, *text;
	json_t *root;

	memset(complaint, 0, sizeof(*complaint));
	if (len == 0) {
		og_copy(complaint->text, sizeof(complaint->text),
		    "(empty body)", strlen("(empty body)"));
		return;
	}
	if (og_json_load(&root, body, len, &ignored) != OG_OK) {
		excerpt(complaint->text, sizeof(complaint->text), body, len);
		return;
	}
	error = json_object_get(root, "error");
	if (!json_is_object(error) && !json_is_string(error))
		error = root;
	text = json_is_string(error) ? error :
	    json_object_get(error, "message");
	if (json_is_string(text))
		snprintf(complaint->text, sizeof(complaint->text), "%s",
		    json_string_value(text));
	else
		excerpt(complaint->text, sizeof(complaint->text), body, len);
	og_json_text(complaint->code, sizeof(complaint->code), error, "code",
	    &ignored);
	json_decref(root);
}

static int64_t
bounded_delay(int64_t ms)
{
	return ms > OG_API_RETRY_MAX_MS ? OG_API_RETRY_MAX_MS : ms;
}

/*
 * The one thing ever read out of message text: "try again after 6.937
 * seconds". Digits by hand, since strtod(3) obeys the host's locale.
 */
static int64_t
delay_in_text(const char *text)
{
	int64_t ms, digit;

	text = strstr(text, "try again after ");
	if (text == NULL)
		return -1;
	text += strlen("try again after ");
	if (*text < '0' || *text > '9')
		return -1;
	for (ms = 0; *text >= '0' && *text <= '9'; text++)
		ms = bounded_delay(ms * 10 + (*text - '0') * 1000);
	if (*text == '.') {
		text++;
		for (digit = 100; *text >= '0' && *text <= '9'; text++) {
			ms += (*text - '0') * digit;
			digit /= 10;
		}
	}
	if (strncmp(text, " second", strlen(" second")) != 0)
		return -1;
	return bounded_delay(ms);
}

static void
fail(struct og_answer *answer, enum og_reason failure)
{
	answer->state = OG_FACT_FAILED;
	answer->failure = failure;
}

static void
read_broken(struct og_answer *answer, const char *what,
    const struct og_reply *reply)
{
	switch (reply->error) {
	case OG_ERR_TIMEOUT:
		fail(answer, OG_TIMEOUT);
		break;
	case OG_ERR_NOMEM:
		fail(answer, OG_NO_MEMORY);
		break;
	case OG_ERR_LIMIT:
	case OG_ERR_PROTOCOL:
		fail(answer, OG_PROTOCOL);
		break;
	default:
		fail(answer, OG_NETWORK);
		break;
	}
	tell(answer, "%s: %s%s%s", what, og_strerror(reply->error),
	    reply->detail != NULL && reply->detail[0] != '\0' ? ": " : "",
	    reply->detail != NULL ? reply->detail : "");
}

static void
tell_complaint(struct og_answer *answer, const char *what,
    const struct complaint *complaint, const struct og_reply *reply)
{
	const char *id;

	id = reply->request_id != NULL ? reply->request_id : "";
	tell(answer, "%s: HTTP %ld%s%s%s%s%s: %s", what, reply->status,
	    complaint->code[0] != '\0' ? " " : "", complaint->code,
	    id[0] != '\0' ? " (request " : "", id, id[0] != '\0' ? ")" : "",
	    complaint->text);
}

/* The reason of a status that is neither an answer nor an absence. */
static enum og_reason
status_reason(long status)
{
	switch (status) {
	case 401:
	case 403:
		/* Either may mean a missing scope: CONTRACT fact 4. */
		return OG_CREDENTIAL;
	case 408:
	case 409:
		return OG_SERVER_ERROR;
	case 429:
		return OG_RATE_LIMITED;
	default:
		return status >= 500 && status <= 599 ? OG_SERVER_ERROR :
		    OG_PROTOCOL;
	}
}

static void
read_refusal(struct og_answer *answer, const char *what,
    const struct og_reply *reply)
{
	struct complaint complaint;

	read_complaint(&complaint, reply->body, reply->len);
	fail(answer, status_reason(reply->status));
	answer->refused = answer->failure == OG_PROTOCOL &&
	    reply->status >= 400 && reply->status <= 499;
	answer->not_found = answer->refused && reply->status == 404;
	if (answer->failure == OG_RATE_LIMITED ||
	    answer->failure == OG_SERVER_ERROR)
		answer->retry_after_ms = bounded_delay(reply->retry_after_ms);
	if (answer->failure == OG_RATE_LIMITED && reply->retry_after_ms < 0)
		answer->retry_after_ms = delay_in_text(complaint.text);
	tell_complaint(answer, what, &complaint, reply);
}

/* A body that is not what status 200 promises. */
static void
read_fault(struct og_answer *answer, const char *what, enum og_error error,
    const struct og_message *why)
{
	fail(answer, og_reason_of(error, OG_PROTOCOL));
	tell(answer, "%s: %s", what, error == OG_ERR_NOMEM ?
	    og_strerror(error) : why->text);
}

static bool
is_absence(const struct og_query *query, long status)
{
	/* Only these two lists exist in every organization. */
	if (status == 404)
		return query->subject_kind == OG_SUBJECT_ID ||
		    query->kind == OG_QUERY_PROJECT_USER ||
		    query->kind == OG_QUERY_GROUP_USER;
	return status == 400 && query->kind == OG_QUERY_PROJECT_USER;
}

static void
read_absence(struct og_answer *answer, const struct og_query *query,
    const char *what, const struct og_reply *reply)
{
	struct complaint complaint;

	answer->state = OG_FACT_ABSENT;
	/* A person who is not there is everyday news; a whole project or
	 * group that is not may be a slip in the configuration. */
	if (query->subject_kind == OG_SUBJECT_ID && reply->status == 404)
		return;
	read_complaint(&complaint, reply->body, reply->len);
	tell_complaint(answer, what, &complaint, reply);
}

static void
start(struct og_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	answer->retry_after_ms = -1;
	fail(answer, OG_PROTOCOL);
}

void
og_api_read(struct og_answer *answer, const struct og_query *query,
    const struct og_reply *reply)
{
	char what[OG_QUERY_TEXT_MAX];
	struct og_message why;
	enum og_error error;

	start(answer);
	og_query_text(query, what);
	if (reply->error != OG_OK) {
		read_broken(answer, what, reply);
	} else if (reply->status == 200) {
		error = og_page_read(&answer->page, query, reply->body,
		    reply->len, &why);
		if (error == OG_OK)
			answer->state = OG_FACT_FOUND;
		else
			read_fault(answer, what, error, &why);
	} else if (is_absence(query, reply->status)) {
		read_absence(answer, query, what, reply);
	} else {
		read_refusal(answer, what, reply);
	}
}

static enum og_outcome
outcome_of_status(long status)
{
	switch (status) {
	case 200:
		return OG_OUTCOME_200;
	case 400:
		return OG_OUTCOME_400;
	case 401:
		return OG_OUTCOME_401;
	case 403:
		return OG_OUTCOME_403;
	case 404:
		return OG_OUTCOME_404;
	case 429:
		return OG_OUTCOME_429;
	default:
		return status >= 500 && status <= 599 ? OG_OUTCOME_5XX :
		    OG_OUTCOME_OTHER;
	}
}

enum og_outcome
og_api_outcome(const struct og_reply *reply, const struct og_answer *answer)
{
	if (reply->error == OG_OK && (reply->status != 200 ||
	    answer->state != OG_FACT_FAILED))
		return outcome_of_status(reply->status);
	switch (answer->failure) {
	case OG_TIMEOUT:
		return OG_OUTCOME_TIMEOUT;
	case OG_NETWORK:
		return OG_OUTCOME_NETWORK;
	case OG_PROTOCOL:
		return OG_OUTCOME_PROTOCOL;
	default:
		return OG_OUTCOME_OTHER;
	}
}

void
og_api_read_container(struct og_answer *answer,
    struct og_container *container, const char *id,
    const struct og_reply *reply)
{
	struct og_message why;
	enum og_error error;

	start(answer);
	memset(container, 0, sizeof(*container));
	if (reply->error != OG_OK) {
		read_broken(answer, id, reply);
	} else if (reply->status == 200) {
		error = og_container_read(container, id, reply->body,
		    reply->len, &why);
		if (error == OG_OK)
			answer->state = OG_FACT_FOUND;
		else
			read_fault(answer, id, error, &why);
	} else if (reply->status == 404) {
		answer->state = OG_FACT_ABSENT;
	} else {
		read_refusal(answer, id, reply);
	}
}

void
og_api_read_keys(struct og_answer *answer, int64_t *expires_at,
    const char *key, const struct og_reply *reply)
{
	static const char what[] = "admin keys";
	struct og_message why;
	enum og_error error;

	start(answer);
	*expires_at = 0;
	if (reply->error != OG_OK) {
		read_broken(answer, what, reply);
	} else if (reply->status == 200) {
		error = og_keys_read(expires_at, key, reply->body, reply->len,
		    &why);
		if (error != OG_OK)
			read_fault(answer, what, error, &why);
		else
			answer->state = OG_FACT_FOUND;
	} else if (reply->status == 404) {
		answer->state = OG_FACT_ABSENT;
		tell(answer, "%s: HTTP 404", what);
	} else {
		read_refusal(answer, what, reply);
	}
}

/*
 * Answers of the API, for every kind of query. Whatever comes in, what comes
 * out keeps the promises of meaning/api.h: nothing is known about anybody
 * unless the answer is FOUND, and then every row is whole.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "meaning/api.h"
#include "meaning/config.h"
#include "value/buffer.h"
#include "value/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const char *const queries[] = {
	"users", "users?email=ann@example.com", "users/user-1",
	"projects/proj_a/users", "projects/proj_a/users/user-1",
	"groups/group_1/users", "groups/group_1/users/user-1", "invites",
};

/* So that the fuzzer need not guess an envelope before it gets to a row; with
 * nothing in the middle, each is an answer to one of the queries. */
static const char *const frames[][2] = {
	{ "", "" },
	{ "{\"object\":\"list\",\"has_more\":false,\"data\":[", "]}" },
	{ "{\"object\":\"list\",\"data\":[{\"object\":\"organization.user\","
	    "\"id\":\"user-1\"", "}],\"has_more\":true,\"last_id\":\"c\"}" },
	{ "{\"object\":\"list\",\"data\":[{\"object\":\"organization.user\","
	    "\"id\":\"user-1\",\"email\":\"Ann@example.com\"}",
	    "],\"has_more\":false}" },
	{ "{\"object\":\"list\",\"data\":[{\"object\":"
	    "\"organization.project.user\",\"id\":\"user-1\"",
	    "}],\"has_more\":false}" },
	{ "{\"object\":\"list\",\"data\":[{\"object\":\"organization.invite\","
	    "\"status\":\"pending\",\"id\":\"user-1\"",
	    "}],\"has_more\":false}" },
	{ "{\"object\":\"list\",\"data\":[{\"id\":\"user-1\"",
	    "}],\"has_more\":true,\"next\":\"c\"}" },
	{ "{\"object\":\"organization.user\",\"id\":\"user-1\"", "}" },
	{ "{\"object\":\"organization.project.user\",\"id\":\"user-1\"", "}" },
	{ "{\"id\":\"user-1\"", "}" },
	{ "{\"object\":\"list\",\"data\":[{\"id\":\"user-1\"}]", "}" },
	{ "{\"object\":\"list\",\"data\":[]", "}" },
	{ "{\"object\":\"organization.user\",\"id\":\"user-2\"", "}" },
	{ "{\"error\":{\"message\":\"", "\"}}" },
};

/* What a byte below 0x20 stands for: between values JSON forgives four of
 * them, and in a string none. */
static const char *const tokens[] = {
	"{", "}", "[", "]", ",", ":", "\"x\"", "7", "null",
	/* Whole members, which leave what was valid so. */
	",\"user\":{}", ",\"user\":7", ",\"user\":{\"enabled\":false}",
	",\"user\":{\"enabled\":7}", ",\"user\":{\"banned\":true}",
	",\"user\":{\"banned\":false,\"banned_at\":1}",
	",\"user\":{\"banned_at\":\"x\"}",
	",\"email\":\"ann@example.com\"", ",\"email\":\"Bob@example.com\"",
	",\"email\":null", ",\"role\":\"owner\"",
	",\"is_service_account\":true", ",\"has_more\":false",
	",\"has_more\":true", ",\"last_id\":\"c\"", ",\"next\":\"c\"",
	",\"name\":\"n\\u0007\"", ",\"status\":\"archived\"",
	",\"archived_at\":1",
	/* Whole rows. */
	",{\"object\":\"organization.user\",\"id\":\"user-2\"}",
	"},{\"object\":\"organization.invite\",\"id\":\"i\",\"status\":\"x\"",
	"},{\"id\":\"user-2\"",
	"try again after 6.5 seconds",
};

static const long statuses[] = {
	200, 200, 200, 200, 400, 401, 403, 404, 408, 429, 429, 500, 503, 302,
	0, 206,
};

static void
assert_clean(const char *text, size_t size)
{
	size_t left, n;

	assert(memchr(text, '\0', size) != NULL);
	for (left = strlen(text); left > 0; left -= n, text += n) {
		n = og_utf8_length(text, left);
		assert(n > 0);
		assert((unsigned char)*text >= 0x20 && *text != 0x7f);
	}
}

static void
assert_row(const struct og_record *row)
{
	assert(og_id_valid(row->id));
	assert_clean(row->id, sizeof(row->id));
	assert_clean(row->email, sizeof(row->email));
	assert_clean(row->role, sizeof(row->role));
	assert(!row->ambiguous);
}

static void
assert_picks(const struct og_page *page)
{
	static const char *const asked[] = { "ann@example.com",
	    "bob@example.com" };
	const struct og_record *row;
	enum og_pick pick;
	size_t i;

	for (i = 0; i < COUNT(asked); i++) {
		pick = og_page_pick(page, asked, COUNT(asked), asked[i], &row);
		assert((pick == OG_PICK_FOUND) == (row != NULL));
		if (row != NULL)
			assert(og_equal_folded(row->email, asked[i]));
		if (pick != OG_PICK_IGNORED)
			assert(!page->has_more);
	}
}

static void
check_answer(const struct og_answer *answer, const struct og_query *query,
    const struct og_reply *reply)
{
	size_t i;

	assert_clean(answer->message.text, sizeof(answer->message.text));
	assert(answer->retry_after_ms >= -1);
	assert(answer->retry_after_ms <= OG_API_RETRY_MAX_MS);
	assert(answer->state != OG_FACT_WANTED);
	if (answer->state != OG_FACT_FOUND) {
		assert(answer->page.row == NULL);
		assert(answer->page.count == 0);
		assert(!answer->page.has_more);
		assert(answer->state == OG_FACT_ABSENT ||
		    answer->message.text[0] != '\0');
		assert(og_reason_verdict(answer->failure) != OG_ALLOW);
		assert(og_reason_verdict(answer->failure) != OG_DENY);
		return;
	}
	assert(reply->error == OG_OK && reply->status == 200);
	assert(answer->page.has_more == (answer->page.cursor[0] != '\0'));
	for (i = 0; i < answer->page.count; i++)
		assert_row(&answer->page.row[i]);
	if (query->subject_kind == OG_SUBJECT_ID) {
		assert(answer->page.count == 1 && !answer->page.has_more);
		assert(strcmp(answer->page.row[0].id, query->subject) == 0);
	}
	assert_picks(&answer->page);
}

static void
read_both(const struct og_query *query, const struct og_reply *reply)
{
	struct og_container container;
	struct og_answer answer;

	og_api_read(&answer, query, reply);
	check_answer(&answer, query, reply);
	og_page_free(&answer.page);

	og_api_read_container(&answer, &container, "user-1", reply);
	assert(answer.page.row == NULL);
	assert_clean(answer.message.text, sizeof(answer.message.text));
	assert_clean(container.name, sizeof(container.name));
	assert(strcmp(container.id, answer.state == OG_FACT_FOUND ?
	    "user-1" : "") == 0);
}

static void
add_tokens(struct og_buffer *body, const uint8_t *data, size_t size)
{
	enum og_error error;
	size_t i;

	for (i = 0; i < size; i++) {
		if (data[i] < COUNT(tokens))
			error = og_buffer_add(body, tokens[data[i]],
			    strlen(tokens[data[i]]));
		else
			error = og_buffer_add(body, &data[i], 1);
		if (error != OG_OK)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *const *frame;
	struct og_buffer body;
	struct og_query query;
	struct og_reply reply;
	char *copy;

	if (size < 3)
		return 0;
	memset(&reply, 0, sizeof(reply));
	if (og_query_parse(&query, queries[data[0] % COUNT(queries)]) !=
	    OG_OK)
		abort();
	reply.status = statuses[data[1] % COUNT(statuses)];
	reply.retry_after_ms = (int8_t)data[1] < 0 ? -1 : data[1] * 100000;
	reply.error = data[2] >= 0xf0 ? (enum og_error)(data[2] & 0xf) :
	    OG_OK;
	frame = frames[data[2] % COUNT(frames)];
	og_buffer_init(&body, OG_API_BODY_MAX);
	if (og_buffer_add(&body, frame[0], strlen(frame[0])) != OG_OK)
		abort();
	add_tokens(&body, data + 3, size - 3);
	if (og_buffer_add(&body, frame[1], strlen(frame[1])) != OG_OK)
		abort();
	/* Not terminated, as api.h says, and ASan watches the end. */
	copy = malloc(body.len > 0 ? body.len : 1);
	if (copy == NULL)
		abort();
	memcpy(copy, body.data, body.len);
	reply.body = copy;
	reply.len = body.len;
	read_both(&query, &reply);
	free(copy);
	og_buffer_free(&body);
	return 0;
}

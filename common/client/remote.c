#include "client/remote.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/helper.h"
#include "value/clock.h"
#include "value/wire.h"

#define HEADER_SIZE 12

static const char magic[4] = { 'O', 'G', 'F', 'R' };

static void
put_u32(unsigned char *p, uint32_t n)
{
	p[0] = (unsigned char)n;
	p[1] = (unsigned char)(n >> 8);
	p[2] = (unsigned char)(n >> 16);
	p[3] = (unsigned char)(n >> 24);
}

static uint32_t
get_u32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

enum og_error
og_remote_reply(struct og_buffer *reply, const struct og_fact *fact,
    size_t count)
{
	unsigned char header[HEADER_SIZE];
	enum og_error error;
	size_t i, start;

	start = reply->len;
	memcpy(header, magic, sizeof(magic));
	put_u32(header + 4, OG_REMOTE_VERSION);
	put_u32(header + 8, 0);
	error = og_buffer_add(reply, header, sizeof(header));
	for (i = 0; i < count && error == OG_OK; i++)
		error = og_wire_put_fact(reply, &fact[i]);
	if (error == OG_OK)
		put_u32((unsigned char *)reply->data + start + 8,
		    (uint32_t)(reply->len - start - sizeof(header)));
	return error;
}

/* All or nothing: one odd byte and no fact of the reply counts. */
static enum og_error
read_reply(struct og_fact *answer, const struct og_query *const *asked,
    size_t count, const struct og_buffer *reply)
{
	const unsigned char *p;
	size_t i, left, used;

	p = (const unsigned char *)reply->data;
	if (reply->len < HEADER_SIZE || memcmp(p, magic, sizeof(magic)) != 0 ||
	    get_u32(p + 4) != OG_REMOTE_VERSION ||
	    get_u32(p + 8) != reply->len - HEADER_SIZE)
		return OG_ERR_CORRUPT;
	p += HEADER_SIZE;
	left = reply->len - HEADER_SIZE;
	for (i = 0; i < count; i++) {
		if (og_wire_get_fact(&answer[i], p, left, &used) != OG_OK ||
		    !og_query_equal(&answer[i].query, asked[i]))
			return OG_ERR_CORRUPT;
		answer[i].source = OG_SOURCE_API;
		p += used;
		left -= used;
	}
	return left == 0 ? OG_OK : OG_ERR_CORRUPT;
}

/*
 * The helper ends a little before we would kill it, so that "the API was
 * silent" arrives as such; starting it costs some 20 ms of our time too.
 */
static int64_t
helper_time(int64_t left_ms)
{
	return left_ms > 1600 ? left_ms - 200 : left_ms - left_ms / 8;
}

/* One question to the helper. On the heap: in su and sudo the stack is as small
 * as the caller likes. */
struct question {
	char name[20];
	char version[12];
	char limit[24];
	char conf[4096];
	char text[OG_REMOTE_QUERIES_MAX][OG_QUERY_TEXT_MAX];
	char *argv[OG_REMOTE_QUERIES_MAX + 5];
	const struct og_query *asked[OG_REMOTE_QUERIES_MAX];
	size_t count;
};

static void
ask(struct question *question, const struct og_facts *facts,
    const char *conf_path, int64_t left_ms)
{
	size_t i, n;

	for (i = n = 0; i < facts->count && n < OG_REMOTE_QUERIES_MAX; i++) {
		if (facts->item[i].state != OG_FACT_WANTED)
			continue;
		question->asked[n] = &facts->item[i].query;
		og_query_text(question->asked[n], question->text[n]);
		question->argv[4 + n] = question->text[n];
		n++;
	}
	question->count = n;
	snprintf(question->name, sizeof(question->name),
	    "openai-gate-fetch");
	snprintf(question->version, sizeof(question->version), "%d",
	    OG_REMOTE_VERSION);
	snprintf(question->limit, sizeof(question->limit), "%" PRId64,
	    helper_time(left_ms));
	snprintf(question->conf, sizeof(question->conf), "%s", conf_path);
	question->argv[0] = question->name;
	question->argv[1] = question->version;
	question->argv[2] = question->conf;
	question->argv[3] = question->limit;
	question->argv[4 + n] = NULL;
}

enum og_error
og_remote_fetch(struct og_fact *answer, size_t *count,
    const struct og_facts *facts, const char *helper, const char *conf_path,
    int64_t deadline_ms, struct og_message *message)
{
	struct question *question;
	struct og_buffer reply;
	enum og_error error;
	int64_t left;

	*count = 0;
	left = deadline_ms - og_clock_mono();
	if (left <= 0) {
		og_message_set(message, "no time left to run %s", helper);
		return OG_ERR_TIMEOUT;
	}
	question = malloc(sizeof(*question));
	if (question == NULL)
		return OG_ERR_NOMEM;
	ask(question, facts, conf_path, left);
	og_buffer_init(&reply, OG_HELPER_REPLY_MAX);
	error = og_helper_run(&reply, helper, question->argv, deadline_ms,
	    message);
	if (error == OG_OK) {
		error = read_reply(answer, question->asked, question->count,
		    &reply);
		if (error == OG_OK)
			*count = question->count;
		else
			og_message_set(message,
			    "%s: its reply of %zu bytes cannot be used",
			    helper, reply.len);
	}
	og_buffer_free(&reply);
	free(question);
	return error;
}

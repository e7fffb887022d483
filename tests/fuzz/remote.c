/*
 * The helper's reply. og_helper_run is ours (the linker's --wrap): it answers
 * with what the input says: a sound reply, one with other facts, too few, too
 * many or in another order, one with a byte changed, or any bytes. Facts
 * come back only from a sound reply to exactly what was asked, and then as
 * they were sent; og_remote_reply writes the same bytes.
 */
#include <string.h>

#include "client/remote.h"
#include "io/helper.h"
#include "kit/input.h"
#include "value/clock.h"
#include "value/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);
enum og_error __wrap_og_helper_run(struct og_buffer *, const char *,
    char *const[], int64_t, struct og_message *);

#define FACTS_MAX 12

static const char *const texts[] = {
	"users?email=ann@example.com", "users/user-1",
	"projects/proj_a/users?email=ann@example.com",
	"projects/proj_b/users?email=ann@example.com",
	"groups/group_1/users?email=ann@example.com",
	"groups/group_1/users/user-1", "invites?email=ann@example.com",
	"users?email=bob@example.com", "projects/proj_a/users/user-2",
	"users",
};
#define TEXTS (sizeof(texts) / sizeof(texts[0]))

/* What the helper was sent to ask, and what it says. */
static struct {
	struct og_facts facts;
	struct og_fact fact[FACTS_MAX];
	struct og_fact said[FACTS_MAX];
	size_t said_count;
	size_t len;		/* of reply_bytes */
	bool ran;
} turn;

static uint8_t reply_bytes[OG_HELPER_REPLY_MAX];

static void
make_query(struct og_query *query, unsigned int which)
{
	REQUIRE(og_query_parse(query, texts[which % TEXTS]) == OG_OK);
}

static void
make_said(struct og_fact *fact, struct input *input)
{
	static const enum og_reason failures[] = {
		OG_TIMEOUT, OG_CREDENTIAL, OG_NO_MEMORY, OG_PROTOCOL,
	};
	unsigned int bits;

	bits = take(input);
	fact->state = (enum og_fact_state)(1 + bits % 3);
	fact->fetched_at = 1700000000 + (int64_t)(bits >> 4);
	if (fact->state == OG_FACT_FAILED)
		fact->failure = failures[bits >> 2 & 3];
	if (fact->state != OG_FACT_FOUND)
		return;
	bits = take(input);
	snprintf(fact->record.id, sizeof(fact->record.id), "user-%u",
	    bits & 3);
	snprintf(fact->record.email, sizeof(fact->record.email), "%.*s",
	    (int)(bits >> 2 & 15), "ann@example.com");
	snprintf(fact->record.role, sizeof(fact->record.role), "%s",
	    (bits & 64) != 0 ? "owner" : "");
	fact->record.disabled = (bits & 128) != 0;
	fact->record.service_account = bits % 5 == 1;
	fact->record.ambiguous = bits % 7 == 1;
}

static void
put_u32(uint8_t *at, size_t n)
{
	size_t i;

	for (i = 0; i < 4; i++)
		at[i] = (uint8_t)(n >> 8 * i);
}

/* The reply that says turn.said, written here once more. */
static void
write_reply(void)
{
	struct og_buffer body;
	size_t i;

	og_buffer_init(&body, sizeof(reply_bytes) - 64);
	for (i = 0; i < turn.said_count; i++)
		REQUIRE(og_wire_put_fact(&body, &turn.said[i]) == OG_OK);
	memcpy(reply_bytes, "OGFR", 4);
	put_u32(reply_bytes + 4, 1);
	put_u32(reply_bytes + 8, body.len);
	if (body.len > 0)
		memcpy(reply_bytes + 12, body.data, body.len);
	turn.len = 12 + body.len;
	og_buffer_free(&body);
}

/* False: the reply is not what was asked for. */
static bool
spoil(struct input *input)
{
	unsigned int how;
	size_t at;

	how = pick(input, 8);
	at = (take(input) << 8 | take(input)) % turn.len;
	switch (how) {
	case 1:
		reply_bytes[at] ^= (uint8_t)(1 + pick(input, 255));
		return false;
	case 2:
		turn.len = at;
		return false;
	case 3:	/* something behind it, counted or not */
		reply_bytes[turn.len++] = (uint8_t)take(input);
		if (pick(input, 2) == 1)
			put_u32(reply_bytes + 8, turn.len - 12);
		return false;
	case 4:	/* any bytes behind a sound head */
		turn.len = 13 + input->left % 4096;
		memset(reply_bytes + 12, 0, turn.len - 12);
		memcpy(reply_bytes + 12, input->data, input->left % 4096);
		put_u32(reply_bytes + 8, turn.len - 12);
		return false;
	default:
		return true;
	}
}

enum og_error
__wrap_og_helper_run(struct og_buffer *reply, const char *path,
    char *const argv[], int64_t deadline_ms, struct og_message *message)
{
	size_t i, n;
	char text[OG_QUERY_TEXT_MAX];

	(void)deadline_ms;
	REQUIRE(strcmp(path, "/helper") == 0 && !turn.ran);
	turn.ran = true;
	REQUIRE(strcmp(argv[1], "1") == 0 && strcmp(argv[2], "/conf") == 0);
	for (i = n = 0; i < turn.facts.count; i++) {
		if (turn.fact[i].state != OG_FACT_WANTED)
			continue;
		og_query_text(&turn.fact[i].query, text);
		REQUIRE(argv[4 + n] != NULL && strcmp(argv[4 + n], text) == 0);
		n++;
	}
	REQUIRE(argv[4 + n] == NULL);
	message->text[0] = '\0';
	return og_buffer_add(reply, reply_bytes, turn.len);
}

/* What is said, fact by fact, to what is wanted: the same, or not quite. */
static bool
make_turn(struct input *input)
{
	struct og_fact first;
	unsigned int how;
	size_t i, last, n;
	bool right;

	memset(&turn, 0, sizeof(turn));
	turn.facts.item = turn.fact;
	turn.facts.size = FACTS_MAX;
	turn.facts.count = pick(input, FACTS_MAX + 1);
	for (i = n = 0; i < turn.facts.count; i++) {
		how = take(input);
		make_query(&turn.fact[i].query, how);
		turn.fact[i].state = (how & 128) != 0 ? OG_FACT_FOUND :
		    OG_FACT_WANTED;
		if (turn.fact[i].state != OG_FACT_WANTED)
			continue;
		turn.said[n].query = turn.fact[i].query;
		make_said(&turn.said[n++], input);
	}
	turn.said_count = n;
	right = true;
	how = pick(input, 5);
	last = n > 0 ? n - 1 : 0;
	if (how == 1 && n > 0) {		/* one too few */
		turn.said_count--;
		right = false;
	} else if (how == 2 && n > 0) {		/* about something else */
		i = pick(input, (unsigned int)n);
		make_query(&turn.said[i].query, take(input));
		for (i = n = 0; i < turn.facts.count; i++) {
			if (turn.fact[i].state == OG_FACT_WANTED &&
			    !og_query_equal(&turn.fact[i].query,
			    &turn.said[n++].query))
				right = false;
		}
	} else if (how == 3 && n > 1) {		/* in another order */
		right = og_query_equal(&turn.said[0].query,
		    &turn.said[last].query);
		if (!right) {
			first = turn.said[0];
			turn.said[0] = turn.said[last];
			turn.said[last] = first;
		}
	} else if (how == 4 && n < FACTS_MAX) {	/* one too many */
		make_query(&turn.said[n].query, take(input));
		make_said(&turn.said[n], input);
		turn.said_count++;
		right = false;
	}
	return right;
}

static void
check_written(void)
{
	struct og_buffer reply;

	og_buffer_init(&reply, OG_HELPER_REPLY_MAX);
	REQUIRE(og_remote_reply(&reply, turn.said, turn.said_count) == OG_OK);
	REQUIRE(reply.len == turn.len &&
	    memcmp(reply.data, reply_bytes, turn.len) == 0);
	og_buffer_free(&reply);
}

static void
check_same(const struct og_fact *got, const struct og_fact *said)
{
	REQUIRE(og_query_equal(&got->query, &said->query));
	REQUIRE(got->state == said->state && got->failure == said->failure);
	REQUIRE(got->fetched_at == said->fetched_at && !got->stale);
	REQUIRE(got->source == OG_SOURCE_API);
	REQUIRE(memcmp(&got->record, &said->record, sizeof(got->record)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct og_fact answer[FACTS_MAX];
	struct og_message message;
	enum og_error error;
	size_t count, i;
	bool right;

	right = make_turn(&input);
	write_reply();
	check_written();
	right = spoil(&input) && right;
	error = og_remote_fetch(answer, &count, &turn.facts, "/helper",
	    "/conf", og_clock_mono() + 5000, &message);
	REQUIRE(turn.ran);
	REQUIRE(error == OG_OK || (error == OG_ERR_CORRUPT && count == 0));
	REQUIRE((error == OG_OK) == right);
	if (error == OG_OK)
		REQUIRE(count == turn.said_count);
	for (i = 0; i < count; i++)
		check_same(&answer[i], &turn.said[i]);
	return 0;
}

/*
 * Facts and rows as bytes: what goes in comes out, and nothing else does.
 */
#include "value/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "value/text.h"

#define SUM 8

static const struct og_fact cases[] = {
	{ .query = { OG_QUERY_USER, OG_SUBJECT_EMAIL, "", "ann@example.com" },
	    .state = OG_FACT_FOUND, .fetched_at = 1700000000,
	    .record = { "user-1", "Ann@Example.com", "owner", false, false,
	    false } },
	{ .query = { OG_QUERY_USER, OG_SUBJECT_ID, "", "user-1" },
	    .state = OG_FACT_FOUND, .fetched_at = 1,
	    .record = { "user-1", "", "", true, true, true } },
	{ .query = { OG_QUERY_PROJECT_USER, OG_SUBJECT_ID, "proj_a", "user-1" },
	    .state = OG_FACT_ABSENT, .fetched_at = INT64_MAX },
	{ .query = { OG_QUERY_GROUP_USER, OG_SUBJECT_EMAIL, "group_1",
	    "j\xc3\xbcrg@example.com" },
	    .state = OG_FACT_FOUND, .fetched_at = -1,
	    .record = { "user-2", "j\xc3\xbcrg@example.com", "", false, true,
	    false } },
	{ .query = { OG_QUERY_INVITE, OG_SUBJECT_EMAIL, "", "bob@example.com" },
	    .state = OG_FACT_FAILED, .failure = OG_RATE_LIMITED,
	    .fetched_at = 1700000000 },
	{ .query = { OG_QUERY_USER, OG_SUBJECT_LIST, "", "" },
	    .state = OG_FACT_FAILED, .failure = OG_NO_MEMORY },
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

static void
fill(char *text, size_t size)
{
	memset(text, 'x', size - 1);
	text[size - 1] = '\0';
}

/* The largest of all facts. */
static struct og_fact
longest(void)
{
	struct og_fact fact;

	memset(&fact, 0, sizeof(fact));
	fact.query.kind = OG_QUERY_GROUP_USER;
	fact.query.subject_kind = OG_SUBJECT_EMAIL;
	fact.state = OG_FACT_FOUND;
	fill(fact.query.container, sizeof(fact.query.container));
	fill(fact.query.subject, sizeof(fact.query.subject));
	fill(fact.record.id, sizeof(fact.record.id));
	fill(fact.record.email, sizeof(fact.record.email));
	fill(fact.record.role, sizeof(fact.record.role));
	return fact;
}

static void
assert_same(const struct og_fact *a, const struct og_fact *b)
{
	assert_true(og_query_equal(&a->query, &b->query));
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->failure, b->failure);
	assert_true(a->fetched_at == b->fetched_at);
	assert_string_equal(a->record.id, b->record.id);
	assert_string_equal(a->record.email, b->record.email);
	assert_string_equal(a->record.role, b->record.role);
	assert_int_equal(a->record.disabled, b->record.disabled);
	assert_int_equal(a->record.service_account, b->record.service_account);
	assert_int_equal(a->record.ambiguous, b->record.ambiguous);
	assert_int_equal(a->source, OG_SOURCE_NONE);
	assert_false(a->stale);
}

static void
assert_zero(const void *data, size_t len)
{
	const unsigned char *p;
	size_t i;

	p = data;
	for (i = 0; i < len; i++)
		assert_int_equal(p[i], 0);
}

static void
facts_come_back(void **state)
{
	struct og_buffer buffer;
	struct og_fact fact, long_one;
	size_t i, at, used;

	(void)state;
	long_one = longest();
	og_buffer_init(&buffer, 8192);
	for (i = 0; i < CASES; i++)
		assert_int_equal(og_wire_put_fact(&buffer, &cases[i]), OG_OK);
	at = buffer.len;
	assert_int_equal(og_wire_put_fact(&buffer, &long_one), OG_OK);
	assert_in_range(buffer.len - at, 1, OG_WIRE_FACT_MAX);
	at = 0;
	for (i = 0; i <= CASES; i++) {
		assert_int_equal(og_wire_get_fact(&fact, buffer.data + at,
		    buffer.len - at, &used), OG_OK);
		assert_same(&fact, i < CASES ? &cases[i] : &long_one);
		at += used;
	}
	assert_int_equal(at, buffer.len);
	og_buffer_free(&buffer);
}

static void
only_answers_travel(void **state)
{
	struct og_fact fact;
	struct og_buffer buffer;
	size_t i;
	int reason;

	(void)state;
	og_buffer_init(&buffer, 8192);
	fact = cases[0];
	fact.state = OG_FACT_WANTED;
	assert_int_equal(og_wire_put_fact(&buffer, &fact), OG_ERR_SYNTAX);
	/* A failure is never a verdict about the person. */
	fact.state = OG_FACT_FAILED;
	for (reason = 0; reason <= OG_REASON_COUNT; reason++) {
		fact.failure = (enum og_reason)reason;
		switch (og_reason_verdict(fact.failure)) {
		case OG_UNAVAILABLE:
		case OG_MISCONFIGURED:
		case OG_OUT_OF_MEMORY:
			assert_int_equal(og_wire_put_fact(&buffer, &fact),
			    OG_OK);
			break;
		case OG_DENY:
		case OG_ALLOW:
		case OG_EXEMPT:
			assert_int_equal(og_wire_put_fact(&buffer, &fact),
			    OG_ERR_SYNTAX);
			break;
		}
	}
	struct og_query bad[] = {
		{ OG_QUERY_USER, OG_SUBJECT_EMAIL, "", "" },
		{ OG_QUERY_USER, OG_SUBJECT_LIST, "", "x" },
		{ OG_QUERY_USER, OG_SUBJECT_ID, "proj_a", "x" },
		{ OG_QUERY_PROJECT_USER, OG_SUBJECT_ID, "", "x" },
		{ OG_QUERY_USER, OG_SUBJECT_ID, "", "\xff" },
		{ (enum og_query_kind)4, OG_SUBJECT_ID, "", "x" },
		{ OG_QUERY_USER, (enum og_subject_kind)3, "", "x" },
	};
	fact.state = OG_FACT_ABSENT;
	og_buffer_reset(&buffer);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fact.query = bad[i];
		assert_int_equal(og_wire_put_fact(&buffer, &fact),
		    OG_ERR_SYNTAX);
		assert_int_equal(buffer.len, 0);
	}
	og_buffer_free(&buffer);
}

/* Each bit turned, each length cut: never another fact. */
static void
damage_is_seen(void **state)
{
	unsigned char data[OG_WIRE_FACT_MAX];
	struct og_buffer buffer;
	struct og_fact fact;
	size_t bit, i, len, used;

	(void)state;
	og_buffer_init(&buffer, OG_WIRE_FACT_MAX);
	for (i = 0; i < CASES; i++) {
		og_buffer_reset(&buffer);
		assert_int_equal(og_wire_put_fact(&buffer, &cases[i]), OG_OK);
		memcpy(data, buffer.data, buffer.len);
		for (bit = 0; bit < buffer.len * 8; bit++) {
			data[bit / 8] ^= (unsigned char)(1U << bit % 8);
			memset(&fact, 1, sizeof(fact));
			assert_int_equal(og_wire_get_fact(&fact, data,
			    buffer.len, &used), OG_ERR_CORRUPT);
			assert_zero(&fact, sizeof(fact));
			assert_int_equal(used, 0);
			data[bit / 8] ^= (unsigned char)(1U << bit % 8);
		}
		for (len = 0; len < buffer.len; len++)
			assert_int_equal(og_wire_get_fact(&fact, data, len,
			    &used), OG_ERR_CORRUPT);
	}
	og_buffer_free(&buffer);
}

/* Bytes whose checksum is right and whose content is not: from a program of
 * another mind. Offsets as wire.c lays a fact out. */
static void
forgery_is_seen(void **state)
{
	static const struct { size_t at; unsigned char byte; } forged[] = {
		{ 0, 'R' },		/* a row */
		{ 1, 2 },		/* version */
		{ 2, 30 },		/* length */
		{ 4, OG_FACT_WANTED },
		{ 4, 9 },		/* state */
		{ 4, OG_FACT_ABSENT },	/* with a record */
		{ 5, OG_TIMEOUT },	/* a reason without a failure */
		{ 6, 4 },		/* kind */
		{ 6, OG_QUERY_PROJECT_USER },	/* without its project */
		{ 7, 3 },		/* subject kind */
		{ 7, OG_SUBJECT_LIST },	/* with a subject */
		{ 16, 1 },		/* length of the container */
		{ 18, 14 },		/* … of the subject, which is 15 */
		{ 18, 255 },
		{ 20, '\0' },		/* within the subject */
		{ 20, 0xc3 },
		{ 35, 8 },		/* flags */
	};
	unsigned char data[OG_WIRE_FACT_MAX];
	struct og_buffer buffer;
	struct og_fact fact;
	size_t i, k, used;
	uint64_t sum;

	(void)state;
	og_buffer_init(&buffer, OG_WIRE_FACT_MAX);
	assert_int_equal(og_wire_put_fact(&buffer, &cases[0]), OG_OK);
	for (i = 0; i <= sizeof(forged) / sizeof(forged[0]); i++) {
		memcpy(data, buffer.data, buffer.len);
		if (i > 0)
			data[forged[i - 1].at] = forged[i - 1].byte;
		sum = og_fnv1a(OG_FNV_START, data, buffer.len - SUM);
		for (k = 0; k < SUM; k++)
			data[buffer.len - SUM + k] =
			    (unsigned char)(sum >> 8 * k);
		assert_int_equal(og_wire_get_fact(&fact, data, buffer.len,
		    &used), i > 0 ? OG_ERR_CORRUPT : OG_OK);
	}
	og_buffer_free(&buffer);
}

static void
rows_come_back(void **state)
{
	struct og_buffer buffer;
	struct og_record record, long_one;

	(void)state;
	og_buffer_init(&buffer, 8192);
	assert_int_equal(og_wire_put_row(&buffer, "users", "iuser-1",
	    &cases[1].record), OG_OK);
	assert_int_equal(og_wire_get_row(&record, "users", "iuser-1",
	    buffer.data, buffer.len), OG_OK);
	assert_memory_equal(&record, &cases[1].record, sizeof(record));
	og_buffer_reset(&buffer);
	long_one = longest().record;
	assert_int_equal(og_wire_put_row(&buffer, "users", "e", &long_one),
	    OG_OK);
	assert_in_range(buffer.len, 1, OG_WIRE_ROW_MAX);
	assert_int_equal(og_wire_get_row(&record, "users", "e", buffer.data,
	    buffer.len), OG_OK);
	assert_memory_equal(&record, &long_one, sizeof(record));
	og_buffer_free(&buffer);
}

static void
rows_know_their_place(void **state)
{
	static const char *const other[][2] = {
		{ "users", "iuser-2" }, { "invites", "iuser-1" },
		{ "user", "siuser-1" }, { "usersi", "user-1" },
		{ "users", "" },
	};
	unsigned char data[OG_WIRE_ROW_MAX];
	struct og_buffer buffer;
	struct og_record record;
	size_t bit, i, len;

	(void)state;
	og_buffer_init(&buffer, sizeof(data));
	assert_int_equal(og_wire_put_row(&buffer, "users", "iuser-1",
	    &cases[0].record), OG_OK);
	for (i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		assert_int_equal(og_wire_get_row(&record, other[i][0],
		    other[i][1], buffer.data, buffer.len), OG_ERR_CORRUPT);
	assert_zero(&record, sizeof(record));
	memcpy(data, buffer.data, buffer.len);
	for (bit = 0; bit < buffer.len * 8; bit++) {
		data[bit / 8] ^= (unsigned char)(1U << bit % 8);
		assert_int_equal(og_wire_get_row(&record, "users", "iuser-1",
		    data, buffer.len), OG_ERR_CORRUPT);
		data[bit / 8] ^= (unsigned char)(1U << bit % 8);
	}
	data[buffer.len] = 0;
	for (len = 0; len <= buffer.len + 1; len++)
		assert_int_equal(og_wire_get_row(&record, "users", "iuser-1",
		    data, len), len == buffer.len ? OG_OK : OG_ERR_CORRUPT);
	og_buffer_free(&buffer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_come_back),
		cmocka_unit_test(only_answers_travel),
		cmocka_unit_test(damage_is_seen),
		cmocka_unit_test(forgery_is_seen),
		cmocka_unit_test(rows_come_back),
		cmocka_unit_test(rows_know_their_place),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}

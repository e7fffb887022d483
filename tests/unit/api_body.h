/* What the tests of the API share: bodies, reading them, and judging. */
#ifndef OG_TESTS_UNIT_API_BODY_H
#define OG_TESTS_UNIT_API_BODY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meaning/api.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define U1	"{\"object\":\"organization.user\",\"id\":\"user-1\"," \
		"\"email\":\"Ann@Example.com\",\"role\":\"owner\"}"
#define P1	"{\"object\":\"organization.project.user\",\"id\":\"user-1\"," \
		"\"email\":\"ann@example.com\",\"role\":\"member\"}"
#define G1	"{\"id\":\"user-1\",\"name\":\"Ann\",\"email\":null}"
#define LIST(rows)	"{\"object\":\"list\",\"data\":[" rows "]," \
			"\"has_more\":false}"
#define MORE(rows, key, value)	"{\"object\":\"list\",\"data\":[" rows "]," \
				"\"has_more\":true,\"" key "\":" value "}"
#define X64	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X512	X64 X64 X64 X64 X64 X64 X64 X64

static inline struct og_query
query_of(const char *text)
{
	struct og_query query;

	assert_int_equal(og_query_parse(&query, text), OG_OK);
	return query;
}

static inline void
read_text(struct og_answer *answer, const char *query, long status,
    const char *body)
{
	struct og_query asked;
	struct og_reply reply;

	memset(&reply, 0, sizeof(reply));
	reply.status = status;
	reply.body = body;
	reply.len = strlen(body);
	reply.retry_after_ms = -1;
	asked = query_of(query);
	og_api_read(answer, &asked, &reply);
}

static inline void
expect_failed(const struct og_answer *answer, enum og_reason failure,
    const char *query, const char *body)
{
	if (answer->state != OG_FACT_FAILED || answer->failure != failure)
		fail_msg("%s: state %d, %s: %s", query, (int)answer->state,
		    og_reason_word(answer->failure), body);
	assert_null(answer->page.row);
	assert_int_equal(answer->page.count, 0);
	assert_false(answer->page.has_more);
	assert_string_not_equal(answer->message.text, "");
}

#endif

/* What is read out of an answer's header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/http_head.h"
#include "meaning/api.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Sun, 06 Nov 1994 08:49:37 GMT, RFC 9110's own example. */
#define NOW INT64_C(784111777)

struct head_row {
	const char *line[3];
	int64_t retry_after_ms;
	const char *request_id;
};

#define X64	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct head_row heads[] = {
	{ { "Retry-After: 7\r\n" }, 7000, "" },
	{ { "retry-after:7" }, 7000, "" },
	{ { "RETRY-AFTER: \t 7 \t \r\n" }, 7000, "" },
	{ { "Retry-After: 0\r\n" }, 0, "" },
	{ { "Retry-After: 7.9\r\n" }, 7000, "" },
	{ { "Retry-After: 600\r\n" }, 600000, "" },
	{ { "Retry-After: 601\r\n" }, 600000, "" },
	{ { "Retry-After: 99999999999999999999999\r\n" }, 600000, "" },
	{ { "Retry-After: -7\r\n" }, -1, "" },
	{ { "Retry-After: +7\r\n" }, -1, "" },
	{ { "Retry-After: 7s\r\n" }, -1, "" },
	{ { "Retry-After: .5\r\n" }, -1, "" },
	{ { "Retry-After: 0x7\r\n" }, -1, "" },
	{ { "Retry-After:\r\n" }, -1, "" },
	{ { "Retry-After\r\n" }, -1, "" },
	{ { "X-Retry-After: 7\r\n" }, -1, "" },
	{ { "Retry-Afte: 7\r\n" }, -1, "" },
	{ { "Retry-After : 7\r\n" }, -1, "" },
	{ { "" }, -1, "" },
	{ { ":" }, -1, "" },
	{ { "\r\n" }, -1, "" },
	/* HTTP-date. */
	{ { "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n" }, 0, "" },
	{ { "Retry-After: Sun, 06 Nov 1994 08:49:52 GMT\r\n" }, 15000, "" },
	{ { "Retry-After: Sun, 06 Nov 1994 08:49:36 GMT\r\n" }, 0, "" },
	{ { "Retry-After: Mon, 07 Nov 1994 08:49:37 GMT\r\n" }, 600000, "" },
	{ { "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n" }, 600000, "" },
	{ { "Retry-After: Thu, 01 Jan 1970 00:00:00 GMT\r\n" }, 0, "" },
	{ { "Retry-After: Sun, 06 Nov 1994 08:49:52 GMT+1\r\n" }, -1, "" },
	{ { "Retry-After: Sun, 06 Nov 1994 08:49:52\r\n" }, -1, "" },
	{ { "Retry-After: Sun, 06 Nox 1994 08:49:52 GMT\r\n" }, -1, "" },
	{ { "Retry-After: Sun, 06 anF 1994 08:49:52 GMT\r\n" }, -1, "" },
	{ { "Retry-After: Sun, 06 No 1994 08:49:52 GMT\r\n" }, -1, "" },
	{ { "Retry-After: Sun Nov  6 08:49:37 1994\r\n" }, -1, "" },
	/* The more precise one wins, in either order. */
	{ { "Retry-After: 7", "retry-after-ms: 1500" }, 1500, "" },
	{ { "retry-after-ms: 1500", "Retry-After: 7" }, 1500, "" },
	{ { "retry-after-ms: 1500.75" }, 1500, "" },
	{ { "retry-after-ms: soon", "Retry-After: 7" }, 7000, "" },
	{ { "Retry-After: 7", "retry-after-ms: soon" }, 7000, "" },
	/* An interim answer's header is not the answer's. */
	{ { "HTTP/1.1 103 Early Hints", "Retry-After: 7", "HTTP/1.1 200 OK" },
	    -1, "" },
	{ { "retry-after-ms: 1", "HTTP/2 429", "Retry-After: 7" }, 7000, "" },
	{ { "x-request-id: req_1\r\n" }, -1, "req_1" },
	{ { "X-Request-ID: req_1", "HTTP/1.1 200 OK" }, -1, "" },
	{ { "x-request-id: a\x1b[31mb" }, -1, "a\\x1b[31mb" },
	{ { "x-request-id: " X64 X64 }, -1, "" },
};

static void
test_heads(void **state)
{
	struct og_http_head head;
	size_t i, j, len;
	char *line;

	(void)state;
	for (i = 0; i < COUNT(heads); i++) {
		og_http_head_init(&head);
		for (j = 0; j < 3 && heads[i].line[j] != NULL; j++) {
			/* Exactly its length, so that ASan and valgrind see
			 * one byte too many. */
			len = strlen(heads[i].line[j]);
			line = malloc(len > 0 ? len : 1);
			assert_non_null(line);
			memcpy(line, heads[i].line[j], len);
			assert_true(og_http_head_line(&head, line, len, NOW));
			free(line);
		}
		if (head.retry_after_ms != heads[i].retry_after_ms)
			fail_msg("%s: %lld ms", heads[i].line[0],
			    (long long)head.retry_after_ms);
		assert_string_equal(head.request_id, heads[i].request_id);
	}
}

static void
test_nul(void **state)
{
	static const char line[] = "Retry-After: 7\0" "8";
	struct og_http_head head;

	(void)state;
	og_http_head_init(&head);
	assert_true(og_http_head_line(&head, line, sizeof(line) - 1, NOW));
	assert_int_equal(head.retry_after_ms, -1);
}

static void
test_date(void **state)
{
	static const struct {
		const char *line;
		int64_t date;
	} table[] = {
		{ "Date: Thu, 01 Jan 1970 00:00:07 GMT\r\n", 7 },
		{ "date: Tue, 24 Nov 2026 10:00:00 GMT", 1795514400 },
		{ "Date: Tue, 24 Nov 2026 10:00:00 CET", 0 },
		{ "Date: 7", 0 },
		{ "Dates: Tue, 24 Nov 2026 10:00:00 GMT", 0 },
	};
	struct og_http_head head;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		og_http_head_init(&head);
		assert_true(og_http_head_line(&head, table[i].line,
		    strlen(table[i].line), NOW));
		assert_int_equal(head.date, table[i].date);
	}
}

/* 12 seconds old by the gateway's clock. */
#define DATE	"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define ASKED	"Gate-Asked-At: 784111765.987\r\n"
#define GARBLED	(-1)

static void
test_age(void **state)
{
	static const struct {
		const char *line[3];
		int64_t age;
	} table[] = {
		{ { DATE }, 0 },
		{ { "Age: 7\r\n" }, 7 },
		{ { "age:0" }, 0 },
		{ { "Age: 7 , 900" }, 7 },
		{ { "Age: 7", "Age: 9", "Age: 8" }, 9 },
		{ { "Age: 31536000" }, OG_API_AGE_MAX },
		{ { "Age: 31536001" }, OG_API_AGE_MAX },
		{ { "Age: 99999999999999999999999" }, OG_API_AGE_MAX },
		/* RFC 9111 section 5.1: ignored. */
		{ { "Age: -7" }, 0 },
		{ { "Age: +7" }, 0 },
		{ { "Age: 7s" }, 0 },
		{ { "Age: 7.5" }, 0 },
		{ { "Age:" }, 0 },
		{ { "Age: " X64 X64 }, 0 },
		{ { "Ages: 7" }, 0 },
		/* The gateway's, by its own two clock readings. */
		{ { DATE, ASKED }, 12 },
		{ { ASKED, DATE }, 12 },
		{ { "gate-asked-at: 784111765", DATE }, 12 },
		{ { DATE, "Gate-Asked-At: 784111777.999" }, 0 },
		{ { DATE, "Gate-Asked-At: 1" }, OG_API_AGE_MAX },
		{ { DATE, ASKED, "Age: 7" }, 19 },
		{ { DATE, ASKED, "Age: 31536000" }, OG_API_AGE_MAX },
		{ { DATE, ASKED, "Gate-Asked-At: 784111770" }, 12 },
		{ { DATE, "Gate-Asked-At: 784111770", ASKED }, 12 },
		/* It says nothing that can be believed. */
		{ { ASKED }, GARBLED },
		{ { ASKED, "Date: today" }, GARBLED },
		{ { DATE, "Gate-Asked-At: 784111778" }, GARBLED },
		{ { DATE, "Gate-Asked-At:" }, GARBLED },
		{ { DATE, "Gate-Asked-At: 0" }, GARBLED },
		{ { DATE, "Gate-Asked-At: -1" }, GARBLED },
		{ { DATE, "Gate-Asked-At: 784111765 s" }, GARBLED },
		{ { DATE, "Gate-Asked-At: .5" }, GARBLED },
		{ { DATE, "Gate-Asked-At: 9999999999999" }, GARBLED },
		{ { DATE, "Gate-Asked-At: 99999999999999999999999" },
		    GARBLED },
		{ { DATE, "Gate-Asked-At: " X64 X64 }, GARBLED },
		{ { DATE, ASKED, "Gate-Asked-At: x" }, GARBLED },
		{ { DATE, "Gate-Asked-At: x", ASKED }, GARBLED },
		/* An interim answer's is not the answer's. */
		{ { "Age: 7", "HTTP/1.1 200 OK" }, 0 },
	};
	struct og_http_head head;
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		og_http_head_init(&head);
		for (j = 0; j < 3 && table[i].line[j] != NULL; j++)
			assert_true(og_http_head_line(&head, table[i].line[j],
			    strlen(table[i].line[j]), NOW));
		if (og_http_head_age(&head) != table[i].age)
			fail_msg("row %zu, %s: %lld s", i, table[i].line[0],
			    (long long)og_http_head_age(&head));
	}
}

static void
test_status(void **state)
{
	static const struct {
		const char *line;
		bool good;
	} table[] = {
		{ "HTTP/1.1 200 OK\r\n", true },
		{ "HTTP/1.1 200\r\n", true },
		{ "HTTP/2 429", true },
		{ "HTTP/1.0 999 x", true },
		{ "HTTP/1.1\r\n", false },
		{ "HTTP/1.1 \r\n", false },
		{ "HTTP/1.1 20", false },
		{ "HTTP/1.1 2000 OK", false },
		{ "HTTP/1.1 -20 OK", false },
		{ "HTTP/1.1 099 OK", false },
		{ "HTTP/x.y zzz\r\n", false },
		{ "HTTP/", false },
	};
	struct og_http_head head;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		og_http_head_init(&head);
		if (og_http_head_line(&head, table[i].line,
		    strlen(table[i].line), NOW) != table[i].good)
			fail_msg("%s", table[i].line);
	}
}

/* Whichever of them a gateway on the way has believed. */
static void
test_lengths(void **state)
{
	static const char *const lines[] = {
		"HTTP/1.1 200 OK\r\n", "Content-Length: 10\r\n",
		"content-length:10\r\n", "Content-Length: 11\r\n",
	};
	struct og_http_head head;
	size_t i;

	(void)state;
	og_http_head_init(&head);
	for (i = 0; i < COUNT(lines); i++)
		assert_int_equal(og_http_head_line(&head, lines[i],
		    strlen(lines[i]), NOW), i < 3);
	/* Of an answer that begins anew nothing is known. */
	assert_true(og_http_head_line(&head, lines[0], strlen(lines[0]), NOW));
	assert_true(og_http_head_line(&head, lines[3], strlen(lines[3]), NOW));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_date),
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_lengths),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("http_head", tests, NULL, NULL);
}

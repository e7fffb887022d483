/*
 * Every allocation of libcurl is made to fail once: each request still ends
 * exactly once, in an error or in the whole answer.
 */
#include "http_client.h"
#include "http_server.h"

#include "io/http_model.h"

#define FAILURES_MAX	5000
#define DEADLINE_MS	1000	/* for those that libcurl forgets */

static struct server server;

/* The allocation to fail, counted from 0. */
static long failing = -1;
static long allocations;

static bool
fails(void)
{
	return allocations++ == failing;
}

static void *
fail_malloc(size_t size)
{
	return fails() ? NULL : malloc(size);
}

static void *
fail_realloc(void *old, size_t size)
{
	return fails() ? NULL : realloc(old, size);
}

static char *
fail_strdup(const char *text)
{
	return fails() ? NULL : strdup(text);
}

static void *
fail_calloc(size_t count, size_t size)
{
	return fails() ? NULL : calloc(count, size);
}

/* Two requests, the second over the first one's connection. */
static void
ask_twice(struct client *client)
{
	struct outcome outcome;
	enum og_error error;
	int i;

	for (i = 0; i < 2; i++) {
		memset(&outcome, 0, sizeof(outcome));
		error = og_http_get(client->http, "/echo",
		    og_clock_mono() + DEADLINE_MS, take_outcome, &outcome);
		if (error != OG_OK) {
			assert_true(error == OG_ERR_NOMEM ||
			    error == OG_ERR_SYSTEM);
			continue;
		}
		client_wait(client, &outcome);
		if (outcome.error != OG_OK)
			continue;
		assert_int_equal(outcome.status, 200);
		assert_true(strncmp(outcome.body, "GET /echo ", 10) == 0);
		/* A lost header would be a lost key. */
		assert_non_null(strstr(outcome.body, "Bearer sk-test\r\n"));
	}
	assert_int_equal(og_http_pending(client->http), 0);
}

static void
test_each(void **state)
{
	struct client client;
	enum og_error error;
	long n;

	(void)state;
	for (n = 0; n < FAILURES_MAX; n++) {
		failing = n;
		allocations = 0;
		client_init(&client, "http", server.port);
		error = og_http_new(&client.http, &client.conf,
		    &client.credentials, &client.log);
		if (error == OG_OK)
			ask_twice(&client);
		else
			assert_true(error == OG_ERR_NOMEM ||
			    error == OG_ERR_SYSTEM);
		client_close(&client);
		if (allocations <= n)
			break;
	}
	failing = -1;
	assert_in_range(n, 50, FAILURES_MAX - 1);
	print_message("# %ld allocations\n", n);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, fail_malloc, free,
	    fail_realloc, fail_strdup, fail_calloc) != CURLE_OK ||
	    !server_start(&server))
		return 1;
	failed = cmocka_run_group_tests_name("http_oom", tests, NULL, NULL);
	server_stop(&server);
	curl_global_cleanup();
	return failed;
}

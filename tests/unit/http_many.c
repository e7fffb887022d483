/*
 * Many requests on one HTTP client: begun by a callback, at once, dropped with
 * it; and what becomes of them when libcurl fails or does nothing.
 */
#include "http_kit.h"

#include <dlfcn.h>

#include "io/http_model.h"

/* libcurl's failing is made to happen by standing in its way: it reports an
 * error once, or does nothing at all. */
static CURLMcode inject;
static bool deaf;

CURLMcode
curl_multi_socket_action(CURLM *multi, curl_socket_t fd, int mask,
    int *running)
{
	CURLMcode (*real)(CURLM *, curl_socket_t, int, int *);
	CURLMcode code;

	code = inject;
	inject = CURLM_OK;
	if (code != CURLM_OK || deaf)
		return code;
	*(void **)&real = dlsym(RTLD_NEXT, "curl_multi_socket_action");
	return real(multi, fd, mask, running);
}

struct chain {
	struct client *client;
	struct outcome outcome;
	struct outcome next;
};

static void
take_and_go_on(void *arg, const struct og_reply *reply)
{
	struct chain *chain;

	chain = arg;
	take_outcome(&chain->outcome, reply);
	client_get(chain->client, "/echo", PATIENCE_MS, &chain->next);
}

static void
test_callback_starts_another(void **state)
{
	struct client client;
	struct chain chain;

	(void)state;
	client_init(&client, "http", server.port);
	client_open(&client);
	memset(&chain, 0, sizeof(chain));
	chain.client = &client;
	assert_int_equal(og_http_get(client.http, "/empty",
	    og_clock_mono() + PATIENCE_MS, take_and_go_on, &chain), OG_OK);
	client_wait(&client, &chain.outcome);
	assert_int_equal(og_http_pending(client.http), 1);
	client_wait(&client, &chain.next);
	assert_int_equal(chain.next.error, OG_OK);
	assert_int_equal(og_http_pending(client.http), 0);
	client_close(&client);
}

static void
test_many_at_once(void **state)
{
	struct outcome outcome[40];
	struct client client;
	size_t i;

	(void)state;
	client_init(&client, "http", server.port);
	client_open(&client);
	for (i = 0; i < COUNT(outcome); i++)
		client_get(&client, i % 8 == 7 ? "/silent" : "/echo",
		    i % 8 == 7 ? 500 : PATIENCE_MS, &outcome[i]);
	assert_int_equal(og_http_pending(client.http), COUNT(outcome));
	for (i = 0; i < COUNT(outcome); i++) {
		client_wait(&client, &outcome[i]);
		assert_int_equal(outcome[i].error, i % 8 == 7 ?
		    OG_ERR_TIMEOUT : OG_OK);
	}
	assert_int_equal(og_http_pending(client.http), 0);
	client_close(&client);
}

static void
test_free_drops(void **state)
{
	struct outcome outcome[3];
	struct client client;

	(void)state;
	client_init(&client, "http", server.port);
	client_open(&client);
	client_get(&client, "/silent", PATIENCE_MS, &outcome[0]);
	client_get(&client, "/drip", PATIENCE_MS, &outcome[1]);
	client_step(&client, PATIENCE_MS);
	client_step(&client, PATIENCE_MS);
	client_get(&client, "/echo", PATIENCE_MS, &outcome[2]);
	client_close(&client);
	assert_int_equal(outcome[0].calls, 0);
	assert_int_equal(outcome[1].calls, 0);
	assert_int_equal(outcome[2].calls, 0);
	og_http_free(NULL);
}

static void
test_broken_multi(void **state)
{
	struct outcome outcome[3];
	struct client client;
	int fd, i;

	(void)state;
	client_init(&client, "http", server.port);
	client_open(&client);
	fd = og_http_fd(client.http);
	for (i = 0; i < 2; i++) {
		client_get(&client, "/silent", PATIENCE_MS, &outcome[0]);
		client_get(&client, "/echo", PATIENCE_MS, &outcome[1]);
		client_step(&client, PATIENCE_MS);
		inject = CURLM_INTERNAL_ERROR;
		client_wait(&client, &outcome[0]);
		assert_int_equal(outcome[0].error, OG_ERR_NETWORK);
		assert_string_not_equal(outcome[0].detail, "");
		assert_non_null(strstr(client.line, "starting afresh"));
		client_wait(&client, &outcome[1]);
		assert_int_equal(og_http_pending(client.http), 0);
		assert_int_equal(og_http_timeout(client.http), -1);
		client_ask(&client, "/echo", PATIENCE_MS, &outcome[2]);
		assert_int_equal(outcome[2].error, OG_OK);
		assert_int_equal(og_http_fd(client.http), fd);
	}
	client_close(&client);
}

/* A deadline that libcurl forgets. */
static void
test_deaf_libcurl(void **state)
{
	struct outcome background, outcome;
	struct client client;
	int before_it;

	(void)state;
	client_init(&client, "http", server.port);
	client_open(&client);
	deaf = true;
	client_ask(&client, "/silent", 100, &outcome);
	assert_int_equal(outcome.error, OG_ERR_TIMEOUT);
	assert_int_equal(og_http_pending(client.http), 0);
	assert_non_null(strstr(client.line, "starting afresh"));
	deaf = false;
	client_ask(&client, "/echo", PATIENCE_MS, &outcome);
	assert_int_equal(outcome.error, OG_OK);

	/* Others on the same handle go on. */
	before_it = atomic_load(&server.seen->requests);
	client_get(&client, "/later", PATIENCE_MS, &background);
	while (atomic_load(&server.seen->requests) == before_it)
		client_step(&client, 1);
	deaf = true;
	client_ask(&client, "/silent", 100, &outcome);
	assert_int_equal(outcome.error, OG_ERR_TIMEOUT);
	assert_int_equal(og_http_pending(client.http), 1);
	deaf = false;
	client_wait(&client, &background);
	assert_int_equal(background.error, OG_OK);
	assert_int_equal(outcome.calls, 1);
	client_ask(&client, "/echo", PATIENCE_MS, &outcome);
	assert_int_equal(outcome.error, OG_OK);
	client_close(&client);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_callback_starts_another),
		TEST(test_many_at_once),
		TEST(test_free_drops),
		TEST(test_broken_multi),
		TEST(test_deaf_libcurl),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("http_many", tests, start, stop);
}

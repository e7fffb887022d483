/* What the HTTP client sends, and over which connection. */
#include "http_kit.h"

#include <fcntl.h>

static void
test_request(void **state)
{
	static const char *const wanted[] = {
		"GET /v1/echo?a=%2B HTTP/1.1\r\n",
		"\r\nAuthorization: Bearer sk-test\r\n",
		"\r\nOpenAI-Organization: org-1\r\n",
		"\r\nAccept: application/json\r\n",
		"\r\nUser-Agent: openai-gate\r\n",
	};
	static const char *const unwanted[] = {
		"Cookie", "Accept-Encoding", "Expect", "Referer", "Upgrade",
		"Proxy-", "Range", "Transfer-Encoding", "\r\nTE:",
	};
	struct outcome outcome;
	struct client client;
	size_t i;

	(void)state;
	client_init(&client, "http", server.port);
	snprintf(client.base_url, sizeof(client.base_url),
	    "http://127.0.0.1:%d/v1", server.port);
	client.conf.organization = (char *)(uintptr_t)"org-1";
	client_open(&client);
	client_ask(&client, "/echo?a=%2B", PATIENCE_MS, &outcome);
	assert_int_equal(outcome.error, OG_OK);
	assert_int_equal(outcome.status, 200);
	for (i = 0; i < COUNT(wanted); i++) {
		if (strstr(outcome.body, wanted[i]) == NULL)
			fail_msg("no \"%s\" in %s", wanted[i], outcome.body);
	}
	for (i = 0; i < COUNT(unwanted); i++) {
		if (strstr(outcome.body, unwanted[i]) != NULL)
			fail_msg("\"%s\" in %s", unwanted[i], outcome.body);
	}
	client_close(&client);
}

static void
test_no_organization(void **state)
{
	struct outcome outcome;
	struct client client;

	(void)state;
	client_init(&client, "http", server.port);
	client_open(&client);
	client_ask(&client, "/echo", PATIENCE_MS, &outcome);
	assert_null(strstr(outcome.body, "OpenAI-Organization"));
	client_close(&client);
}

/* A line break in a secret would begin a header of its own. */
static void
test_header_injection(void **state)
{
	static const char *const keys[] = {
		"sk-a\r\nX: y", "sk a", "sk\xc3\xa9", "sk\t",
	};
	struct client client;
	size_t i;

	(void)state;
	client_init(&client, "http", server.port);
	for (i = 0; i < COUNT(keys); i++) {
		client_key(&client, keys[i]);
		assert_int_equal(og_http_new(&client.http, &client.conf,
		    &client.credentials, &client.log), OG_ERR_SYNTAX);
		assert_null(client.http);
		assert_non_null(strstr(client.line, "Authorization"));
		assert_null(strstr(client.line, keys[i]));
	}
	client.conf.organization = (char *)(uintptr_t)"org\n";
	client_key(&client, "sk-a");
	assert_int_equal(og_http_new(&client.http, &client.conf,
	    &client.credentials, &client.log), OG_ERR_SYNTAX);
	client_close(&client);
}

static void
test_path_is_sent_as_it_is(void **state)
{
	struct outcome outcome;
	struct client client;

	(void)state;
	client_init(&client, "http", server.port);
	client_open(&client);
	client_ask(&client, "/a/../%2e%2e//b", PATIENCE_MS, &outcome);
	assert_true(strncmp(server.seen->head, "GET /a/../%2e%2e//b HTTP",
	    24) == 0);
	client_close(&client);
}

static void
test_no_key(void **state)
{
	struct outcome outcome;
	struct client client;

	(void)state;
	client_init(&client, "http", server.port);
	og_buffer_reset(&client.credentials.key);
	client_open(&client);
	client_ask(&client, "/echo", PATIENCE_MS, &outcome);
	assert_int_equal(outcome.status, 200);
	assert_null(strcasestr(server.seen->head, "authorization"));
	client_close(&client);
}

/* The socket that is connected; -1: none. */
static int
connected(void)
{
	struct sockaddr_in peer;
	socklen_t len;
	int fd;

	for (fd = 0; fd < 64; fd++) {
		len = sizeof(peer);
		if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0 &&
		    peer.sin_family == AF_INET)
			return fd;
	}
	return -1;
}

/* A host may execute another program at any time. */
static void
test_no_socket_is_inherited(void **state)
{
	struct outcome outcome;
	struct client client;
	int before_it;

	(void)state;
	client_init(&client, "http", server.port);
	client_open(&client);
	before_it = atomic_load(&server.seen->requests);
	client_get(&client, "/silent", PATIENCE_MS, &outcome);
	while (atomic_load(&server.seen->requests) == before_it)
		client_step(&client, 1);
	assert_true(connected() >= 0);
	assert_int_equal(fcntl(connected(), F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(og_http_fd(client.http), F_GETFD), FD_CLOEXEC);
	client_close(&client);
	assert_int_equal(connected(), -1);
}

/* What comes when nothing was asked is nobody's answer. */
static void
test_stray_answer(void **state)
{
	struct outcome outcome;
	struct client client;
	struct pollfd poller;

	(void)state;
	client_init(&client, "http", server.port);
	client_open(&client);
	client_ask(&client, "/stray", PATIENCE_MS, &outcome);
	assert_memory_equal(outcome.body, "asked", outcome.len);
	poller.fd = connected();
	poller.events = POLLIN;
	if (poller.fd >= 0)
		assert_int_equal(poll(&poller, 1, PATIENCE_MS), 1);
	client_ask(&client, "/empty", PATIENCE_MS, &outcome);
	assert_int_equal(outcome.status, 200);
	assert_int_equal(outcome.len, 0);
	client_close(&client);
}

static void
test_fresh_without_cookies(void **state)
{
	struct outcome outcome;
	struct client client;
	int before_it;

	(void)state;
	client_init(&client, "http", server.port);
	client_open(&client);
	before_it = atomic_load(&server.seen->connections);
	client_ask(&client, "/cookie", PATIENCE_MS, &outcome);
	client_ask(&client, "/echo", PATIENCE_MS, &outcome);
	assert_int_equal(outcome.error, OG_OK);
	assert_null(strstr(outcome.body, "Cookie"));
	assert_int_equal(atomic_load(&server.seen->connections),
	    before_it + 2);
	client_close(&client);
}

/* A server may close at any time. */
static void
test_stale_connection(void **state)
{
	struct outcome outcome;
	struct client client;
	int i;

	(void)state;
	client_init(&client, "http", server.port);
	client_open(&client);
	for (i = 0; i < 3; i++) {
		client_ask(&client, "/partial", PATIENCE_MS, &outcome);
		client_ask(&client, "/echo", PATIENCE_MS, &outcome);
		assert_int_equal(outcome.error, OG_OK);
	}
	client_close(&client);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_request),
		TEST(test_no_organization),
		TEST(test_header_injection),
		TEST(test_path_is_sent_as_it_is),
		TEST(test_no_key),
		TEST(test_no_socket_is_inherited),
		TEST(test_stray_answer),
		TEST(test_fresh_without_cookies),
		TEST(test_stale_connection),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("http_request", tests, start, stop);
}

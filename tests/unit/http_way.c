/*
 * Which way a request of the HTTP client takes: by names and by proxies, or
 * not; and that the key goes nowhere else.
 */
#include "http_kit.h"

#include <dlfcn.h>
#include <netdb.h>

/*
 * DNS servers, by standing in the resolver's way: one that never answers for
 * hole.test until it is told to, and one that knows far.test to be another
 * machine.
 */
static atomic_int hole_entered, hole_left;
static int hole[2];

__attribute__((visibility("default"))) int
getaddrinfo(const char *name, const char *service,
    const struct addrinfo *hints, struct addrinfo **list)
{
	int (*real)(const char *, const char *, const struct addrinfo *,
	    struct addrinfo **);
	struct pollfd poller;

	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (name != NULL && strcmp(name, "far.test") == 0)
		name = "192.0.2.1";
	if (name == NULL || strcmp(name, "hole.test") != 0)
		return real(name, service, hints, list);
	atomic_fetch_add(&hole_entered, 1);
	poller.fd = hole[0];
	poller.events = POLLIN;
	poll(&poller, 1, 3 * PATIENCE_MS);
	atomic_fetch_add(&hole_left, 1);
	return EAI_AGAIN;
}

static void
test_refused(void **state)
{
	struct outcome outcome;
	struct client client;
	int fd, port;

	(void)state;
	fd = server_listen(1, &port);
	assert_true(fd >= 0);
	close(fd);
	client_init(&client, "http", port);
	client_open(&client);
	client_ask(&client, "/x", PATIENCE_MS, &outcome);
	assert_int_equal(outcome.error, OG_ERR_NETWORK);
	assert_string_not_equal(outcome.detail, "");
	client_close(&client);
}

/* Whatever a name is configured to mean, http ends on this machine. */
static void
test_http_stays_here(void **state)
{
	struct outcome outcome;
	struct client client;

	(void)state;
	client_init(&client, "http", 0);
	snprintf(client.base_url, sizeof(client.base_url),
	    "http://far.test:%d", server.port);
	client_open(&client);
	client_ask(&client, "/x", 2000, &outcome);
	assert_int_equal(outcome.error, OG_ERR_NETWORK);
	assert_non_null(strstr(client.line, "leads to another machine"));
	client_close(&client);
}

static void
test_http_needs_no_proxy(void **state)
{
	char proxy[64];
	struct outcome outcome;
	struct client client;

	(void)state;
	client_init(&client, "http", server.port);
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:1");
	client.conf.proxy = proxy;
	client_open(&client);
	client_ask(&client, "/echo", PATIENCE_MS, &outcome);
	assert_int_equal(outcome.error, OG_OK);
	client_close(&client);
}

/* The configured proxy is used whatever NO_PROXY says, and sees no key. */
static void
test_proxy(void **state)
{
	char proxy[64];
	struct outcome outcome;
	struct client client;

	(void)state;
	client_init(&client, "https", 9);
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", server.port);
	client.conf.proxy = proxy;
	client_open(&client);
	client_ask(&client, "/x", PATIENCE_MS, &outcome);
	assert_int_equal(outcome.error, OG_ERR_NETWORK);
	assert_non_null(strstr(outcome.detail, "403"));
	assert_true(strncmp(server.seen->head, "CONNECT 127.0.0.1:9 ", 20) ==
	    0);
	assert_null(strstr(server.seen->head, "sk-test"));
	client_close(&client);
}

/* A variable that counted would lead to port 1, where nobody listens; test
 * programs before this one would fail too. */
static void
set_environment(void)
{
	static const char *const names[] = {
		"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
		"ALL_PROXY",
	};
	size_t i;

	for (i = 0; i < COUNT(names); i++)
		setenv(names[i], "http://127.0.0.1:1", 1);
	setenv("NO_PROXY", "*", 1);
}

static void
test_environment_proxy(void **state)
{
	struct outcome outcome;
	struct client client;

	(void)state;
	unsetenv("NO_PROXY");
	client_init(&client, "http", server.port);
	client_open(&client);
	client_ask(&client, "/echo", PATIENCE_MS, &outcome);
	setenv("NO_PROXY", "*", 1);
	assert_int_equal(outcome.error, OG_OK);
	client_close(&client);
}

static void
wait_for(atomic_int *counter, int value)
{
	int64_t end;

	end = og_clock_mono() + PATIENCE_MS;
	while (atomic_load(counter) < value && og_clock_mono() < end)
		(void)poll(NULL, 0, 1);
	assert_int_equal(atomic_load(counter), value);
}

/* Neither the deadline nor freeing waits for the resolver. */
static void
test_silent_dns(void **state)
{
	struct outcome outcome;
	struct client client;

	(void)state;
	client_init(&client, "https", 0);
	snprintf(client.base_url, sizeof(client.base_url),
	    "https://hole.test");
	client_open(&client);
	client_ask(&client, "/x", 200, &outcome);
	assert_int_equal(outcome.error, OG_ERR_TIMEOUT);
	client_get(&client, "/x", PATIENCE_MS, &outcome);
	og_http_run(client.http);
	wait_for(&hole_entered, 2);
	client_close(&client);
	assert_int_equal(outcome.calls, 0);
	assert_int_equal(atomic_load(&hole_left), 0);
	assert_int_equal(write(hole[1], "x", 1), 1);
	wait_for(&hole_left, 2);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_refused),
		TEST(test_http_stays_here),
		TEST(test_http_needs_no_proxy),
		TEST(test_proxy),
		TEST(test_environment_proxy),
		/* Its threads may linger. */
		cmocka_unit_test(test_silent_dns),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (!server_start(&server) || pipe(hole) != 0)
		return 1;
	set_environment();
	failed = cmocka_run_group_tests_name("http_way", tests, NULL, NULL);
	server_stop(&server);
	return failed;
}

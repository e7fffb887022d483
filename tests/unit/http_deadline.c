/* A request of the HTTP client ends in time, whatever the other side does. */
#include "http_kit.h"

static void
test_deadlines(void **state)
{
	static const char *const paths[] = { "/silent", "/drip" };
	struct outcome outcome;
	struct client client;
	size_t i;

	(void)state;
	client_init(&client, "http", server.port);
	client_open(&client);
	for (i = 0; i < COUNT(paths); i++) {
		client_ask(&client, paths[i], 200, &outcome);
		assert_int_equal(outcome.error, OG_ERR_TIMEOUT);
		assert_int_equal(outcome.status, 0);
		assert_string_not_equal(outcome.detail, "");
	}
	memset(&outcome, 0, sizeof(outcome));
	assert_int_equal(og_http_get(client.http, "/echo", og_clock_mono(),
	    take_outcome, &outcome), OG_ERR_TIMEOUT);
	assert_int_equal(og_http_pending(client.http), 0);
	assert_int_equal(outcome.calls, 0);
	client_close(&client);
}

/* This server waits for an end of line that no TLS client ever sends. */
static void
test_silent_handshake(void **state)
{
	struct outcome background, outcome;
	struct client client;

	(void)state;
	client_init(&client, "https", server.port);
	client_open(&client);
	client_get(&client, "/echo", PATIENCE_MS, &background);
	client_step(&client, PATIENCE_MS);
	/* Nor does it have to wait for the other's handshake. */
	client_ask(&client, "/echo", 200, &outcome);
	assert_int_equal(outcome.error, OG_ERR_TIMEOUT);
	assert_null(strstr(outcome.detail, "let the deadline pass"));
	assert_int_equal(background.calls, 0);
	client_close(&client);
}

/* Fills the queue of a listener that never accepts. Returns how many
 * connections that took. */
static size_t
clog_up(int port, int fd[], size_t size)
{
	struct sockaddr_in address;
	struct pollfd poller;
	size_t count;

	memset(&address, 0, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_port = htons((uint16_t)port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (count = 0; count < size; count++) {
		fd[count] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		assert_true(fd[count] >= 0);
		(void)connect(fd[count], (struct sockaddr *)&address,
		    sizeof(address));
		poller.fd = fd[count];
		poller.events = POLLOUT;
		if (poll(&poller, 1, 50) == 0)
			return count + 1;
	}
	return count;
}

/*
 * A connection that cannot even be begun, again and again, and then one that
 * can, on the same client: libcurl 7.88 closes the descriptors of attempts
 * given up before it says so, and their numbers come back at once.
 */
static void
test_silent_connect(void **state)
{
	static const char ok[] =
	    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
	struct outcome outcome;
	struct client client;
	int fd[16], listener, peer, port;
	size_t count, i;
	char head[1024];

	(void)state;
	listener = server_listen(0, &port);
	assert_true(listener >= 0);
	count = clog_up(port, fd, COUNT(fd));
	assert_true(count < COUNT(fd));
	client_init(&client, "http", port);
	client_open(&client);
	for (i = 0; i < 3; i++) {
		client_ask(&client, "/x", 100, &outcome);
		assert_int_equal(outcome.error, OG_ERR_TIMEOUT);
	}
	for (i = 0; i < count; i++)
		close(fd[i]);
	client_get(&client, "/x", PATIENCE_MS, &outcome);
	while (outcome.calls == 0) {
		struct pollfd poller[2];

		poller[0].fd = listener;
		poller[0].events = POLLIN;
		poller[1].fd = og_http_fd(client.http);
		poller[1].events = POLLIN;
		(void)poll(poller, 2, og_http_timeout(client.http));
		og_http_run(client.http);
		if ((poller[0].revents & POLLIN) == 0)
			continue;
		peer = accept(listener, NULL, NULL);
		assert_true(peer >= 0);
		/* Those that only clogged are at their end. */
		if (server_pause(peer, 50) == false &&
		    recv(peer, head, sizeof(head), MSG_DONTWAIT) > 0)
			server_say_text(peer, ok);
		close(peer);
	}
	assert_int_equal(outcome.error, OG_OK);
	assert_int_equal(outcome.status, 200);
	client_close(&client);
	close(listener);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_deadlines),
		TEST(test_silent_handshake),
		TEST(test_silent_connect),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("http_deadline", tests, start, stop);
}

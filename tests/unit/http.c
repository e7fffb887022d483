/* The HTTP client: what it sends, what it takes, and that it always ends. */
#include "http_client.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <netdb.h>

#include "http_server.h"
#include "scratch.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct server server;

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

/*
 * So are DNS servers: one that never answers for hole.test until it is told
 * to, and one that knows far.test to be another machine.
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

/* Answers, each over a client that lives on. */
struct answer_row {
	const char *path;
	enum og_error error;
	long status;
	const char *body;	/* NULL: not compared */
	size_t len;
};

static const struct answer_row answers[] = {
	{ "/empty", OG_OK, 200, "", 0 },
	{ "/slow", OG_OK, 429, "{}", 2 },
	{ "/interim", OG_OK, 200, "{}", 2 },
	{ "/nul", OG_OK, 200, "a\0b", 3 },
	/* Not asked for, and so not unpacked: no bomb. */
	{ "/gzip", OG_OK, 200, "nope", 4 },
	{ "/redirect", OG_OK, 302, "", 0 },
	{ "/partial", OG_ERR_PROTOCOL, 0, "", 0 },
	{ "/cut", OG_ERR_PROTOCOL, 0, "", 0 },
	{ "/chunk", OG_ERR_PROTOCOL, 0, "", 0 },
	{ "/zero-nine", OG_ERR_PROTOCOL, 0, "", 0 },
	{ "/garbage", OG_ERR_PROTOCOL, 0, "", 0 },
	{ "/nothing", OG_ERR_NETWORK, 0, "", 0 },
	{ "/reset", OG_ERR_NETWORK, 0, "", 0 },
	{ "/flood", OG_ERR_LIMIT, 0, "", 0 },
	{ "/full", OG_OK, 200, NULL, OG_API_BODY_MAX },
	{ "/over", OG_ERR_LIMIT, 0, "", 0 },
	{ "/announced", OG_ERR_LIMIT, 0, "", 0 },
	{ "/headers", OG_ERR_LIMIT, 0, "", 0 },
	{ "/interims", OG_ERR_LIMIT, 0, "", 0 },
};

static void
test_answers(void **state)
{
	struct outcome outcome;
	struct client client;
	size_t i;

	(void)state;
	client_init(&client, "http", server.port);
	client_open(&client);
	for (i = 0; i < COUNT(answers); i++) {
		client_ask(&client, answers[i].path, PATIENCE_MS, &outcome);
		if (outcome.error != answers[i].error ||
		    outcome.status != answers[i].status)
			fail_msg("%s: %s, %ld, %s", answers[i].path,
			    og_strerror(outcome.error), outcome.status,
			    outcome.detail);
		assert_int_equal(outcome.len, answers[i].len);
		if (answers[i].body != NULL)
			assert_memory_equal(outcome.body, answers[i].body,
			    outcome.len);
		if (outcome.error == OG_OK)
			assert_string_equal(outcome.detail, "");
		else
			assert_string_not_equal(outcome.detail, "");
		assert_int_equal(og_http_pending(client.http), 0);
	}
	client_close(&client);
}

static void
test_head(void **state)
{
	struct outcome outcome;
	struct client client;

	(void)state;
	client_init(&client, "http", server.port);
	client_open(&client);
	client_ask(&client, "/slow", PATIENCE_MS, &outcome);
	assert_int_equal(outcome.retry_after_ms, 7000);
	assert_string_equal(outcome.request_id, "req_7");
	assert_int_equal(outcome.date, 7);
	client_ask(&client, "/interim", PATIENCE_MS, &outcome);
	assert_int_equal(outcome.retry_after_ms, -1);
	assert_string_equal(outcome.request_id, "");
	client_close(&client);
}

static void
test_redirect_is_not_followed(void **state)
{
	struct outcome outcome;
	struct client client;
	int before_it;

	(void)state;
	client_init(&client, "http", server.port);
	client_open(&client);
	before_it = atomic_load(&server.seen->requests);
	client_ask(&client, "/redirect", PATIENCE_MS, &outcome);
	assert_int_equal(atomic_load(&server.seen->requests), before_it + 1);
	client_close(&client);
}

/* A cache on the way says how old its answer is, or is not believed. */
static void
test_age(void **state)
{
	struct outcome outcome;
	struct client client;

	(void)state;
	client_init(&client, "http", server.port);
	client_open(&client);
	client_ask(&client, "/empty", PATIENCE_MS, &outcome);
	assert_int_equal(outcome.error, OG_OK);
	assert_int_equal(outcome.age, 0);
	client_ask(&client, "/kept", PATIENCE_MS, &outcome);
	assert_int_equal(outcome.error, OG_OK);
	assert_int_equal(outcome.age, 12);
	client_ask(&client, "/undated", PATIENCE_MS, &outcome);
	assert_int_equal(outcome.error, OG_ERR_PROTOCOL);
	assert_int_equal(outcome.status, 0);
	assert_non_null(strstr(outcome.detail, "how old"));
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

/* A host may execute another program at any time. */
static void
test_no_socket_is_inherited(void **state)
{
	struct outcome outcome;
	struct client client;
	struct sockaddr_in peer;
	socklen_t len;
	int fd, found;

	(void)state;
	client_init(&client, "http", server.port);
	client_open(&client);
	client_ask(&client, "/empty", PATIENCE_MS, &outcome);
	found = 0;
	for (fd = 0; fd < 64; fd++) {
		len = sizeof(peer);
		if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0 ||
		    peer.sin_family != AF_INET)
			continue;
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		found++;
	}
	assert_int_equal(found, 1);
	assert_int_equal(fcntl(og_http_fd(client.http), F_GETFD), FD_CLOEXEC);
	client_close(&client);
}

static void
test_reuse_without_cookies(void **state)
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
	    before_it + 1);
	client_close(&client);
}

/* A server may close a kept connection at any time. */
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

/* Deadlines. */

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

/* Hosts. */

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

/* Where the key may go. */

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, before, after)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_request),
		TEST(test_no_organization),
		TEST(test_header_injection),
		TEST(test_answers),
		TEST(test_head),
		TEST(test_redirect_is_not_followed),
		TEST(test_path_is_sent_as_it_is),
		TEST(test_no_key),
		TEST(test_age),
		TEST(test_no_socket_is_inherited),
		TEST(test_reuse_without_cookies),
		TEST(test_stale_connection),
		TEST(test_deadlines),
		TEST(test_silent_handshake),
		TEST(test_deaf_libcurl),
		TEST(test_silent_connect),
		cmocka_unit_test(test_silent_dns),	/* its threads may linger */
		TEST(test_callback_starts_another),
		TEST(test_many_at_once),
		TEST(test_free_drops),
		TEST(test_broken_multi),
		TEST(test_refused),
		TEST(test_http_stays_here),
		TEST(test_http_needs_no_proxy),
		TEST(test_proxy),
		TEST(test_environment_proxy),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (!server_start(&server) || pipe(hole) != 0)
		return 1;
	set_environment();
	failed = cmocka_run_group_tests_name("http", tests, NULL, NULL);
	server_stop(&server);
	return failed;
}

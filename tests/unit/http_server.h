/*
 * A web server for tests of the HTTP client, on loopback, in a child process
 * that is killed by its pid: one thread a connection, and the path says how
 * it misbehaves. What it was asked is in memory shared with the test.
 */
#ifndef OG_TESTS_UNIT_HTTP_SERVER_H
#define OG_TESTS_UNIT_HTTP_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "meaning/api.h"

struct server_seen {
	atomic_int connections;
	atomic_int requests;
	char head[8192];	/* of the latest request */
};

struct server {
	pid_t pid;
	int port;
	struct server_seen *seen;
};

struct server_peer {
	int fd;
	int port;
	struct server_seen *seen;
};

/* All of it, or the peer is gone. */
static inline bool
server_say(int fd, const char *data, size_t len)
{
	ssize_t n;

	for (; len > 0; data += n, len -= (size_t)n) {
		n = send(fd, data, len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
	}
	return true;
}

static inline bool
server_say_text(int fd, const char *text)
{
	return server_say(fd, text, strlen(text));
}

/* Until the peer is gone. */
static inline void
server_wait(int fd)
{
	char rest[256];

	while (recv(fd, rest, sizeof(rest), 0) > 0)
		continue;
}

/* The peer is still there after so many milliseconds. */
static inline bool
server_pause(int fd, int ms)
{
	struct pollfd poller;

	poller.fd = fd;
	poller.events = POLLIN;
	return poll(&poller, 1, ms) == 0;
}

static inline void
server_reset(int fd)
{
	struct linger linger;

	linger.l_onoff = 1;
	linger.l_linger = 0;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

/* Endless bodies and headers, until the client has had enough. */
static inline void
server_pour(int fd, const char *start, const char *piece)
{
	bool going;

	for (going = server_say_text(fd, start); going;
	    going = server_say_text(fd, piece))
		continue;
}

/* As much as a body may have, and more; only its end says how much. */
static inline void
server_fill(int fd, size_t more)
{
	static const char block[64 * 1024];
	size_t i;

	server_say_text(fd, "HTTP/1.1 200 OK\r\n\r\n");
	for (i = 0; i < OG_API_BODY_MAX / sizeof(block); i++) {
		if (!server_say(fd, block, sizeof(block)))
			return;
	}
	server_say(fd, block, more);
}

static inline bool
server_is(const char *head, const char *path)
{
	size_t len;

	len = strlen(path);
	return strncmp(head, "GET ", 4) == 0 &&
	    strncmp(head + 4, path, len) == 0 && head[4 + len] == ' ';
}

struct server_canned {
	const char *path;
	const char *text;
};

static const struct server_canned server_canned[] = {
	{ "/empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" },
	{ "/slow", "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\n"
	    "Date: Thu, 01 Jan 1970 00:00:07 GMT\r\n"
	    "X-Request-Id: req_7\r\nContent-Length: 2\r\n\r\n{}" },
	{ "/kept", "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	    "Gate-Asked-At: 784111765.987\r\nContent-Length: 0\r\n\r\n" },
	{ "/undated", "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	    "Gate-Asked-At: soon\r\nContent-Length: 0\r\n\r\n" },
	{ "/interim", "HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n"
	    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" },
	{ "/cookie", "HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\n"
	    "Content-Length: 2\r\n\r\n{}" },
	{ "/gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
	    "Content-Length: 4\r\n\r\nnope" },
	{ "/nul", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na" },
	{ "/announced", "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" },
	/* Those that end the connection, and so the answer. */
	{ "/partial", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"a\":" },
	{ "/chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "2\r\n{}\r\n" },
	{ "/zero-nine", "hello" },
	{ "/garbage", "HTTP/x.y zzz\r\n\r\n" },
	{ "/nothing", "" },
};

static inline bool
server_speak_canned(int fd, const char *head)
{
	static const char last[] = "/partial";
	bool closing;
	size_t i;

	closing = false;
	for (i = 0; i < sizeof(server_canned) / sizeof(server_canned[0]);
	    i++) {
		if (strcmp(server_canned[i].path, last) == 0)
			closing = true;
		if (!server_is(head, server_canned[i].path))
			continue;
		server_say_text(fd, server_canned[i].text);
		if (strcmp(server_canned[i].path, "/nul") == 0)
			server_say(fd, "\0b", 2);
		return !closing;
	}
	return false;
}

/* One answer. False: the connection ends here. */
static inline bool
server_answer(const struct server_peer *peer, const char *head)
{
	char text[256];

	if (server_is(head, "/echo") || server_is(head, "/v1/echo?a=%2B")) {
		snprintf(text, sizeof(text),
		    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
		    strlen(head));
		return server_say_text(peer->fd, text) &&
		    server_say_text(peer->fd, head);
	}
	if (server_is(head, "/silent")) {
		server_wait(peer->fd);
		return false;
	}
	if (server_is(head, "/stray"))
		return server_say_text(peer->fd, "HTTP/1.1 200 OK\r\n"
		    "Content-Length: 5\r\n\r\nasked") &&
		    server_pause(peer->fd, 50) &&
		    server_say_text(peer->fd, "HTTP/1.1 200 OK\r\n"
		    "Content-Length: 5\r\n\r\nstray");
	if (server_is(head, "/later"))
		return server_pause(peer->fd, 300) && server_say_text(peer->fd,
		    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	if (server_is(head, "/drip")) {
		server_say_text(peer->fd,
		    "HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n");
		while (server_pause(peer->fd, 10) &&
		    server_say_text(peer->fd, "x"))
			continue;
		return false;
	}
	if (server_is(head, "/cut")) {
		server_say_text(peer->fd, "HTTP/1.1 200 OK\r\n"
		    "Content-Length: 99\r\n\r\n{");
		server_reset(peer->fd);
		return false;
	}
	if (server_is(head, "/reset")) {
		server_reset(peer->fd);
		return false;
	}
	if (server_is(head, "/flood")) {
		memset(text, 'x', sizeof(text) - 1);
		text[sizeof(text) - 1] = '\0';
		server_pour(peer->fd, "HTTP/1.1 200 OK\r\n\r\n", text);
		return false;
	}
	if (server_is(head, "/full") || server_is(head, "/over")) {
		server_fill(peer->fd, server_is(head, "/over"));
		return false;
	}
	if (server_is(head, "/headers")) {
		server_pour(peer->fd, "HTTP/1.1 200 OK\r\n", "A: b\r\n");
		return false;
	}
	if (server_is(head, "/interims")) {
		server_pour(peer->fd, "",
		    "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n");
		return false;
	}
	if (server_is(head, "/redirect")) {
		snprintf(text, sizeof(text), "HTTP/1.1 302 Found\r\n"
		    "Location: http://127.0.0.1:%d/echo\r\n"
		    "Content-Length: 0\r\n\r\n", peer->port);
		return server_say_text(peer->fd, text);
	}
	if (strncmp(head, "CONNECT ", 8) == 0)
		return server_say_text(peer->fd, "HTTP/1.1 403 Forbidden\r\n"
		    "Content-Length: 0\r\n\r\n");
	return server_speak_canned(peer->fd, head);
}

static inline void *
server_serve(void *arg)
{
	struct server_peer *peer;
	char head[8192];
	size_t len;
	ssize_t n;

	peer = arg;
	len = 0;
	while (len < sizeof(head) - 1) {
		n = recv(peer->fd, head + len, 1, 0);
		if (n <= 0)
			break;
		len++;
		head[len] = '\0';
		if (len < 4 || strcmp(head + len - 4, "\r\n\r\n") != 0)
			continue;
		memcpy(peer->seen->head, head, len + 1);
		atomic_fetch_add(&peer->seen->requests, 1);
		if (!server_answer(peer, head))
			break;
		len = 0;
	}
	close(peer->fd);
	free(peer);
	return NULL;
}

static inline _Noreturn void
server_main(int listener, int port, struct server_seen *seen)
{
	struct server_peer *peer;
	pthread_t thread;
	int fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		atomic_fetch_add(&seen->connections, 1);
		peer = calloc(1, sizeof(*peer));
		if (peer == NULL)
			_exit(1);
		peer->fd = fd;
		peer->port = port;
		peer->seen = seen;
		if (pthread_create(&thread, NULL, server_serve, peer) != 0)
			_exit(1);
		pthread_detach(thread);
	}
	_exit(1);
}

/* A listening socket on a free port of 127.0.0.1; -1: none. */
static inline int
server_listen(int backlog, int *port)
{
	struct sockaddr_in address;
	socklen_t len;
	int fd;

	*port = 0;
	memset(&address, 0, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	len = sizeof(address);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 ||
	    listen(fd, backlog) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return -1;
	*port = ntohs(address.sin_port);
	return fd;
}

static inline bool
server_start(struct server *server)
{
	int fd;

	memset(server, 0, sizeof(*server));
	fd = server_listen(64, &server->port);
	server->seen = mmap(NULL, sizeof(*server->seen),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || server->seen == MAP_FAILED)
		return false;
	server->pid = fork();
	if (server->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		server_main(fd, server->port, server->seen);
	}
	close(fd);
	return server->pid > 0;
}

static inline void
server_stop(struct server *server)
{
	if (server->pid > 0) {
		kill(server->pid, SIGKILL);
		waitpid(server->pid, NULL, 0);
	}
	munmap(server->seen, sizeof(*server->seen));
}

#endif

/* What the tests of the HTTP client share: a server of their own. */
#ifndef OG_TESTS_UNIT_HTTP_KIT_H
#define OG_TESTS_UNIT_HTTP_KIT_H

#include "http_client.h"
#include "http_server.h"
#include "scratch.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEST(name) cmocka_unit_test_setup_teardown(name, before, after)

static struct server server;

/* Of the whole program. */
static inline int
start(void **state)
{
	(void)state;
	return server_start(&server) ? 0 : -1;
}

static inline int
stop(void **state)
{
	(void)state;
	server_stop(&server);
	return 0;
}

#endif

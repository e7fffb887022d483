/*
 * Every allocation is made to fail once: nobody passes who must not, nobody
 * is told "not a member" for want of memory, nothing leaks (the sanitizers
 * and valgrind run this program too). The Makefile links it with --wrap, so
 * that the library's allocations come here; shared libraries keep their own,
 * but jansson, which offers a hook.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>

#include "client/check.h"
#include "client/fetch.h"
#include "io/load.h"
#include "io/store_write.h"
#include "meaning/api.h"
#include "value/clock.h"

#include "scratch.h"

#include "../../pam_openai/gate.h"

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__real_reallocarray(void *, size_t, size_t);
char *__real_strdup(const char *);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
void *__wrap_reallocarray(void *, size_t, size_t);
char *__wrap_strdup(const char *);

/* The allocation to fail, counted from 0; -1: none. */
static long failing = -1;
static long allocations;

static bool
fails(void)
{
	if (allocations++ != failing)
		return false;
	errno = ENOMEM;
	return true;
}

void *
__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

void *
__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return fails() ? NULL : __real_reallocarray(old, count, size);
}

char *
__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

#define FAILURES_MAX 20000

/* Runs `act` with the first, the second, … allocation failing, until there
 * is none left to fail. */
static void
fail_each(void (*act)(void))
{
	long n;

	for (n = 0; n < FAILURES_MAX; n++) {
		failing = n;
		allocations = 0;
		act();
		if (allocations <= n)
			break;
	}
	failing = -1;
	assert_in_range(n, 1, FAILURES_MAX - 1);
	print_message("# %ld allocations\n", n);
}

static bool
one_failed(void)
{
	return allocations > failing;
}

static const char conf_text[] =
    "[api]\nbase_url = http://127.0.0.1:9/v1\nkey_file = /none\n"
    "organization = org-1\ntimeout = 200ms\n"
    "[identity]\nemail = %u@example.com\n"
    "[cache]\ndirectory = %DIR%/store\n"
    "[pam]\nexempt_users = root\nexempt_groups = wheel adm\n"
    "[policy p]\npam_services = sshd\nrole = owner reader\n"
    "project = proj_a proj_b\nproject = proj_a\ngroup = group_1\n"
    "owner_is_member = yes\nproject_role = owner member\n";

static struct og_config *
make_config(enum og_error *error)
{
	struct og_message message;
	struct og_config *conf;
	char text[2048];
	const char *at;

	at = strstr(conf_text, "%DIR%");
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - conf_text),
	    conf_text, scratch, at + strlen("%DIR%"));
	*error = og_config_parse(&conf, "/gate.conf", text, strlen(text),
	    &message);
	return conf;
}

static void
parse_config(void)
{
	struct og_config *conf;
	struct og_buffer text;
	enum og_error error;

	conf = make_config(&error);
	if (conf == NULL) {
		assert_int_equal(error, OG_ERR_NOMEM);
		assert_true(one_failed());
		return;
	}
	og_buffer_init(&text, 65536);
	error = og_config_print(conf, &text);
	assert_true(error == OG_OK || error == OG_ERR_NOMEM);
	og_buffer_free(&text);
	og_config_free(conf);
}

static void
parse_map(void)
{
	static const char text[] = "ann ann@example.com\nbob user-1\n";
	struct og_message message;
	struct og_subject subject;
	struct og_map *map;
	enum og_reason reason;
	enum og_error error;

	error = og_map_parse(&map, "/map", text, strlen(text), &message);
	assert_true(error == OG_OK ? map != NULL : map == NULL);
	if (error != OG_OK)
		assert_int_equal(error, OG_ERR_NOMEM);
	og_map_free(map);
	reason = og_identity_find(&subject, "bob", 3, NULL, "/map", text,
	    strlen(text), &message);
	assert_true(reason == OG_GO_ON || reason == OG_NO_MEMORY);
}

static const char page_text[] =
    "{\"object\":\"list\",\"data\":["
    "{\"object\":\"organization.user\",\"id\":\"user-1\","
    "\"email\":\"ann@example.com\",\"role\":\"owner\",\"added_at\":1},"
    "{\"object\":\"organization.user\",\"id\":\"user-2\","
    "\"email\":\"bob@example.com\",\"role\":\"reader\",\"added_at\":1}],"
    "\"has_more\":false,\"first_id\":\"user-1\",\"last_id\":\"user-2\"}";

static void
read_page(void)
{
	struct og_answer answer;
	struct og_query query;
	struct og_reply reply;

	memset(&query, 0, sizeof(query));
	memset(&reply, 0, sizeof(reply));
	reply.status = 200;
	reply.body = page_text;
	reply.len = strlen(page_text);
	reply.retry_after_ms = -1;
	reply.detail = "";
	og_api_read(&answer, &query, &reply);
	if (answer.state == OG_FACT_FOUND) {
		assert_int_equal(answer.page.count, 2);
	} else {
		assert_int_equal(answer.state, OG_FACT_FAILED);
		assert_true(one_failed());
	}
	og_page_free(&answer.page);
}

static struct og_config *conf;

static struct og_store *
open_store(void)
{
	struct og_message message;
	struct og_store *store;

	if (og_store_open(&store, conf->directory, geteuid(), conf, NULL,
	    &message) != OG_OK)
		return NULL;
	return store;
}

static void
write_list(void)
{
	struct og_list_writer *writer;
	struct og_record record;
	struct og_query list;
	struct og_store *store;
	enum og_error error;

	store = open_store();
	if (store == NULL)
		return;
	memset(&list, 0, sizeof(list));
	memset(&record, 0, sizeof(record));
	snprintf(record.id, sizeof(record.id), "user-1");
	snprintf(record.email, sizeof(record.email), "ann@example.com");
	snprintf(record.role, sizeof(record.role), "owner");
	error = og_list_begin(&writer, store, &list);
	if (error == OG_OK) {
		error = og_list_add(writer, &record);
		if (error == OG_OK)
			error = og_list_commit(writer,
			    og_clock_wall(), og_clock_boot(),
			    OG_LIST_COMPLETE, 0);
		else
			og_list_abort(writer);
	}
	og_store_free(store);
	/* Of one of its own allocations, tinycdb says ENOENT. */
	assert_true(error == OG_OK || error == OG_ERR_NOMEM ||
	    error == OG_ERR_SYSTEM);
}

static void
decide(const char *user, bool member)
{
	struct gate_question question = { user, "sshd",
	    in_scratch("gate.conf"), NULL };
	struct gate_answer answer;
	enum og_verdict verdict;

	gate_decide(&answer, &question, NULL);
	verdict = og_reason_verdict(answer.reason);
	if (!one_failed()) {
		assert_int_equal(answer.reason,
		    member ? OG_PASS : OG_NOT_A_MEMBER);
		return;
	}
	/* A member may pass when what failed was no part of his decision. */
	if (member)
		assert_int_not_equal(verdict, OG_DENY);
	else
		assert_int_not_equal(verdict, OG_ALLOW);
	assert_int_not_equal(verdict, OG_EXEMPT);
}

static void
decide_member(void)
{
	decide("ann", true);
}

static void
decide_stranger(void)
{
	decide("eve", false);
}

static void
answered(void *arg, const struct og_fact *answer, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		assert_int_equal(answer[i].state, OG_FACT_FAILED);
	*(bool *)arg = true;
}

/* Nobody listens on the port: every answer is a failure, never an absence. */
static void
fetch_nothing(void)
{
	struct og_credentials credentials;
	struct og_facts wanted;
	struct og_fact fact;
	struct og_fetch *fetch;
	struct og_query query;
	bool finished;

	memset(&query, 0, sizeof(query));
	query.subject_kind = OG_SUBJECT_EMAIL;
	snprintf(query.subject, sizeof(query.subject), "ann@example.com");
	wanted.item = &fact;
	wanted.count = 0;
	wanted.size = 1;
	og_facts_get(&wanted, &query);
	og_credentials_init(&credentials);
	if (og_buffer_add(&credentials.key, "sk-admin-x", 10) != OG_OK ||
	    og_fetch_new(&fetch, conf, NULL, &credentials, NULL, NULL) !=
	    OG_OK)
		goto out;
	finished = false;
	if (og_fetch_ask(fetch, &wanted, og_clock_mono() + 200, answered,
	    &finished) != NULL)
		og_fetch_wait(fetch, &finished);
	og_fetch_free(fetch);
out:
	og_credentials_free(&credentials);
}

static void
test_config(void **state)
{
	(void)state;
	fail_each(parse_config);
}

static void
test_map(void **state)
{
	(void)state;
	fail_each(parse_map);
}

static void
test_page(void **state)
{
	(void)state;
	json_set_alloc_funcs(__wrap_malloc, free);
	fail_each(read_page);
	json_set_alloc_funcs(malloc, free);
}

static void
test_list(void **state)
{
	(void)state;
	fail_each(write_list);
}

static void
test_decide(void **state)
{
	(void)state;
	/* What the helper would be asked for is all in the store. */
	if (!as_root("test_decide"))
		return;
	fail_each(decide_member);
	fail_each(decide_stranger);
}

static void
test_fetch(void **state)
{
	(void)state;
	fail_each(fetch_nothing);
}

static bool
write_conf(void)
{
	struct og_buffer text;
	bool good;

	og_buffer_init(&text, 65536);
	good = og_config_print(conf, &text) == OG_OK &&
	    put_file(in_scratch("gate.conf"), text.data, text.len, 0644);
	og_buffer_free(&text);
	return good;
}

/* Lists in which ann is all that the policy asks for, and eve nothing. */
static bool
fill_store(void)
{
	static const char *const lists[] = { "users", "projects/proj_a/users",
	    "projects/proj_b/users", "groups/group_1/users", "invites" };
	struct og_list_writer *writer;
	struct og_message message;
	struct og_record record;
	struct og_query list;
	struct og_store *store;
	size_t i;
	bool good;

	if (og_store_create(conf->directory, &message) != OG_OK)
		return false;
	store = open_store();
	good = store != NULL;
	for (i = 0; good && i < sizeof(lists) / sizeof(lists[0]); i++) {
		memset(&record, 0, sizeof(record));
		snprintf(record.id, sizeof(record.id), "user-1");
		snprintf(record.email, sizeof(record.email),
		    "ann@example.com");
		snprintf(record.role, sizeof(record.role), "owner");
		good = og_query_parse(&list, lists[i]) == OG_OK &&
		    og_list_begin(&writer, store, &list) == OG_OK;
		if (good && strcmp(lists[i], "invites") != 0)
			good = og_list_add(writer, &record) == OG_OK;
		if (good)
			good = og_list_commit(writer,
			    og_clock_wall(), og_clock_boot(),
			    OG_LIST_COMPLETE, 0) == OG_OK;
	}
	og_store_free(store);
	return good;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_config, before, after),
		cmocka_unit_test_setup_teardown(test_map, before, after),
		cmocka_unit_test_setup_teardown(test_page, before, after),
		cmocka_unit_test_setup_teardown(test_list, before, after),
		cmocka_unit_test_setup_teardown(test_decide, before, after),
		cmocka_unit_test_setup_teardown(test_fetch, before, after),
	};
	enum og_error error;
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (!scratch_make())
		return 0;
	conf = make_config(&error);
	failed = -1;
	if (conf != NULL && fill_store() && write_conf())
		failed = cmocka_run_group_tests_name("oom", tests, NULL, NULL);
	og_config_free(conf);
	scratch_clear(scratch);
	return failed;
}

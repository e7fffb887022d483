/*
 * A store below the scratch directory, a log that remembers, and lists of
 * people whose every field follows from their number.
 */
#ifndef OG_TESTS_UNIT_STORE_KIT_H
#define OG_TESTS_UNIT_STORE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

#include <cmocka.h>

#include "io/store_write.h"
#include "value/clock.h"
#include "scratch.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOW 1700000000

static struct {
	size_t lines;
	int level;		/* of the last one, as is the text */
	char text[1024];
} said;

static inline void
remember(void *arg, int level, const char *line)
{
	(void)arg;
	said.lines++;
	said.level = level;
	snprintf(said.text, sizeof(said.text), "%s", line);
}

static inline void
assert_said(const char *fragment)
{
	if (strstr(said.text, fragment) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", said.text, fragment);
	memset(&said, 0, sizeof(said));
}

static const struct og_log remembering = { remember, NULL, LOG_INFO };

static char base_url[] = "https://api.openai.com/v1";

static inline struct og_config
kit_conf(void)
{
	struct og_config conf;

	memset(&conf, 0, sizeof(conf));
	conf.base_url = base_url;
	conf.ttl = 600;
	conf.negative_ttl = 60;
	conf.stale_ttl = 3600;
	conf.size = 64 << 20;
	return conf;
}

/* The store in scratch/store, made when it is not there. */
static inline struct og_store *
kit_store(const struct og_config *conf)
{
	struct og_config usual;
	struct og_message message;
	struct og_store *store;

	store = NULL;
	usual = kit_conf();
	if (og_store_create(in_scratch("store"), &message) != OG_OK ||
	    og_store_open(&store, in_scratch("store"), geteuid(),
	    conf != NULL ? conf : &usual, &remembering, &message) != OG_OK)
		fail_msg("%s", message.text);
	memset(&said, 0, sizeof(said));
	return store;
}

static inline int
kit_clear(void **state)
{
	scratch_clear(in_scratch("store"));
	return after(state);
}

/* How a store is read: each answer from the disk, or from what is held. */
enum mode {
	ONE_SHOT,
	HOLDING
};

static const struct og_query users = { OG_QUERY_USER, OG_SUBJECT_LIST, "", "" };

static inline struct og_record
person(unsigned int i)
{
	struct og_record record;

	memset(&record, 0, sizeof(record));
	snprintf(record.id, sizeof(record.id), "user-%u-%x", i, i * 2654435761U);
	snprintf(record.email, sizeof(record.email), "Person.%u@Example.com",
	    i);
	snprintf(record.role, sizeof(record.role), "%s",
	    i % 3 == 0 ? "owner" : i % 3 == 1 ? "reader" : "");
	record.disabled = i % 5 == 0;
	record.service_account = i % 7 == 0;
	return record;
}

static inline struct og_query
by_id(const struct og_query *list, unsigned int i)
{
	struct og_query query;

	query = *list;
	query.subject_kind = OG_SUBJECT_ID;
	memcpy(query.subject, person(i).id, sizeof(person(i).id));
	return query;
}

static inline struct og_query
by_email(const struct og_query *list, unsigned int i)
{
	struct og_query query;

	query = *list;
	query.subject_kind = OG_SUBJECT_EMAIL;
	snprintf(query.subject, sizeof(query.subject),
	    "person.%u@example.com", i);
	return query;
}

static inline struct og_query
of_project(const char *id)
{
	struct og_query query;

	memset(&query, 0, sizeof(query));
	query.kind = OG_QUERY_PROJECT_USER;
	snprintf(query.container, sizeof(query.container), "%s", id);
	return query;
}

/* Persons first … first + rows - 1. Of no known boot: NOW stands still, and the
 * clock since the boot does not. */
static inline enum og_error
put_list(struct og_store *store, const struct og_query *list,
    unsigned int first, unsigned int rows, int64_t fetched_at,
    enum og_list_state state)
{
	struct og_list_writer *writer;
	struct og_record record;
	enum og_error error;
	unsigned int i;

	error = og_list_begin(&writer, store, list);
	if (error != OG_OK)
		return error;
	for (i = first; i < first + rows; i++) {
		record = person(i);
		error = og_list_add(writer, &record);
		if (error != OG_OK) {
			og_list_abort(writer);
			return error;
		}
	}
	return og_list_commit(writer, fetched_at, 0, state,
	    og_store_flushes(store));
}

static inline struct og_fact
listed(struct og_store *store, struct og_query query, int64_t now)
{
	struct og_fact fact;

	memset(&fact, 1, sizeof(fact));
	og_store_get_listed(store, &fact, &query, now);
	assert_true(og_query_equal(&fact.query, &query));
	assert_true(fact.fetched_at <= now);
	return fact;
}

static inline struct og_fact
single(struct og_store *store, struct og_query query, int64_t now)
{
	struct og_fact fact;

	memset(&fact, 1, sizeof(fact));
	og_store_get_single(store, &fact, &query, now);
	assert_true(og_query_equal(&fact.query, &query));
	assert_true(fact.fetched_at <= now);
	return fact;
}

static inline enum og_error
put_single(struct og_store *store, struct og_query query,
    enum og_fact_state state, const struct og_record *record,
    int64_t fetched_at)
{
	struct og_fact fact;

	memset(&fact, 0, sizeof(fact));
	fact.query = query;
	fact.state = state;
	fact.fetched_at = fetched_at;
	if (record != NULL)
		fact.record = *record;
	return og_store_put_single(store, &fact, 0,
	    og_store_flushes(store));
}

static inline bool
is_person(const struct og_record *record, unsigned int i)
{
	struct og_record should;

	should = person(i);
	return memcmp(record, &should, sizeof(should)) == 0;
}

/* The whole path of the store's only file in `inner`. */
static inline void
only_file(char path[PATH_MAX], const char *inner)
{
	struct dirent *entry;
	size_t count;
	DIR *dir;

	count = 0;
	dir = opendir(in_scratch("store/%s", inner));
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' && strlen(entry->d_name) < 3)
			continue;
		count++;
		snprintf(path, PATH_MAX, "%s/store/%s/%s", scratch, inner,
		    entry->d_name);
	}
	closedir(dir);
	assert_int_equal(count, 1);
}

static inline size_t
count_files(const char *inner)
{
	struct dirent *entry;
	size_t count;
	DIR *dir;

	dir = opendir(in_scratch("store/%s", inner));
	if (dir == NULL)
		return 0;
	count = 0;
	while ((entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
	closedir(dir);
	return count;
}

#endif

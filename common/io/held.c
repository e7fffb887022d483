#include "io/store_private.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "value/text.h"

#define BUCKETS 64

/* One list of a store that holds, known to be there or not. */
struct og_held {
	struct og_held *next;
	struct og_query query;		/* of the list */
	char name[OG_STORE_NAME_MAX];
	int64_t looked_at;		/* `now` of the last look */
	uint64_t looks;			/* the store's, at that time */
	bool known;			/* st is that of the file judged last */
	struct stat st;
	bool usable;			/* list may answer */
	struct og_list list;
};

void
og_store_hold(struct og_store *store)
{
	/* Without memory for it, the store goes on reading its files. */
	if (store->held == NULL)
		store->held = calloc(BUCKETS, sizeof(struct og_held *));
}

void
og_store_look_again(struct og_store *store)
{
	store->looks++;
}

void
og_held_free(struct og_held **held)
{
	struct og_held *one, *next;
	size_t i;

	if (held == NULL)
		return;
	for (i = 0; i < BUCKETS; i++) {
		for (one = held[i]; one != NULL; one = next) {
			next = one->next;
			og_list_close(&one->list);
			free(one);
		}
	}
	free(held);
}

static struct og_held *
find(struct og_store *store, const struct og_query *query)
{
	struct og_held **bucket, *one;
	char text[OG_QUERY_TEXT_MAX];
	uint64_t key;

	key = og_fnv1a(OG_FNV_START, query->container,
	    strlen(query->container)) + (uint64_t)query->kind;
	bucket = &store->held[key % BUCKETS];
	for (one = *bucket; one != NULL; one = one->next) {
		if (one->query.kind == query->kind &&
		    strcmp(one->query.container, query->container) == 0)
			return one;
	}
	one = calloc(1, sizeof(*one));
	if (one == NULL)
		return NULL;
	one->query = og_query_list(query);
	one->looked_at = -1;
	og_query_text(&one->query, text);
	og_store_name(one->name, OG_INNER_LISTS, text);
	one->next = *bucket;
	*bucket = one;
	return one;
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	    a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	    a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void
forget(struct og_held *one)
{
	og_list_close(&one->list);
	one->usable = false;
	one->known = false;
}

/*
 * What is judged, bad or good, is not judged again until the file changes;
 * what could not be judged (no descriptor, no memory) is, a second later.
 */
static void
load(struct og_store *store, struct og_held *one, int64_t now)
{
	char text[OG_QUERY_TEXT_MAX];
	const char *trouble;
	enum og_error error;
	int fd;

	forget(one);
	error = og_store_open_file(store, OG_INNER_LISTS, one->name, &fd,
	    &one->st);
	if (error != OG_OK)
		return;
	error = og_list_hold(&one->list, fd, (uint64_t)one->st.st_size);
	close(fd);
	one->list.written_at = one->st.st_mtim.tv_sec;
	one->known = error == OG_OK || error == OG_ERR_CORRUPT;
	if (error != OG_OK) {
		og_store_say(store, LOG_WARNING, one->name,
		    og_strerror(error));
		return;
	}
	og_query_text(&one->query, text);
	trouble = strcmp(one->list.head.query, text) != 0 ?
	    OG_TROUBLE_QUERY : og_store_foreign(store, &one->list.head.print);
	one->usable = trouble == NULL;
	if (!one->usable)
		og_list_close(&one->list);
	else	/* Time may pass or be mended: og_held_get judges. */
		trouble = og_store_untimely(one->list.head.fetched_at, now);
	if (trouble != NULL)
		og_store_say(store, LOG_WARNING, one->name, trouble);
}

static void
look(struct og_store *store, struct og_held *one, int64_t now)
{
	struct stat st;
	bool was_usable;

	if (one->looked_at == now && one->looks == store->looks)
		return;
	one->looked_at = now;
	one->looks = store->looks;
	was_usable = one->usable;
	if (fstatat(store->dir, one->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		forget(one);
	else if (!one->known || !same_file(&st, &one->st))
		load(store, one, now);
	else
		return;
	if (was_usable || one->usable)
		store->generation.number++;
}

void
og_held_look(struct og_store *store, int64_t now)
{
	struct og_held *one;
	size_t i;

	if (store->held == NULL)
		return;
	for (i = 0; i < BUCKETS; i++) {
		for (one = store->held[i]; one != NULL; one = one->next)
			look(store, one, now);
	}
}

struct og_list *
og_held_get(struct og_store *store, const struct og_query *query, int64_t now)
{
	struct og_held *one;

	one = find(store, query);
	if (one == NULL)
		return NULL;
	look(store, one, now);
	if (!one->usable ||
	    og_store_untimely(one->list.head.fetched_at, now) != NULL)
		return NULL;
	return &one->list;
}

int64_t
og_store_oldest(const struct og_store *store, int64_t now, int64_t limit)
{
	const struct og_held *one;
	int64_t oldest, date;
	size_t i;

	oldest = 0;
	if (store->held == NULL)
		return oldest;
	for (i = 0; i < BUCKETS; i++) {
		for (one = store->held[i]; one != NULL; one = one->next) {
			if (!one->usable)
				continue;
			date = og_store_date(one->list.head.fetched_at,
			    one->list.head.boot_ms, now);
			if (now - date < limit &&
			    (oldest == 0 || date < oldest))
				oldest = date;
		}
	}
	return oldest;
}

#include "io/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "io/store_private.h"
#include "value/clock.h"
#include "value/text.h"

const char *
og_inner_word(enum og_inner inner)
{
	switch (inner) {
	case OG_INNER_LISTS:
		return "lists";
	case OG_INNER_SINGLES:
		return "singles";
	case OG_INNER_LOCKS:
		return "locks";
	case OG_INNER_WANTS:
		return "wants";
	case OG_INNER_SYNC:
		return "sync";
	}
	return "unknown";
}

static void
hash(unsigned char digest[SHA256_DIGEST_LENGTH], const char *text)
{
	SHA2_CTX ctx;

	SHA256Init(&ctx);
	SHA256Update(&ctx, (const unsigned char *)text, strlen(text));
	SHA256Final(digest, &ctx);
}

void
og_store_name(char name[OG_STORE_NAME_MAX], enum og_inner inner,
    const char *text)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char digest[SHA256_DIGEST_LENGTH];
	size_t i, len;

	hash(digest, text);
	len = (size_t)snprintf(name, OG_STORE_NAME_MAX, "%s/",
	    og_inner_word(inner));
	for (i = 0; i < sizeof(digest); i++) {
		name[len++] = digits[digest[i] >> 4];
		name[len++] = digits[digest[i] & 15];
	}
	name[len] = '\0';
}

void
og_store_say(const struct og_store *store, int level, const char *name,
    const char *what)
{
	og_log(store->log, level, "%s/%s: %s", store->path, name, what);
}

static void
print_of(struct og_print *print, const struct og_config *conf)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];

	hash(digest, conf->base_url != NULL ? conf->base_url : "");
	memcpy(print->endpoint, digest, sizeof(print->endpoint));
	hash(digest, conf->organization != NULL ? conf->organization : "");
	memcpy(print->organization, digest, sizeof(print->organization));
}

enum og_error
og_store_open(struct og_store **out, const char *directory, uid_t owner,
    const struct og_config *conf, const struct og_log *log,
    struct og_message *message)
{
	struct og_store *store;
	enum og_error error;

	*out = NULL;
	message->text[0] = '\0';
	store = calloc(1, sizeof(*store));
	if (store == NULL)
		goto no_memory;
	store->dir = -1;
	store->path = strdup(directory);
	if (store->path == NULL)
		goto no_memory;
	store->trust = (struct og_trust){ owner, 022 };
	store->log = log;
	print_of(&store->print, conf);
	store->any_endpoint = conf->base_url == NULL;
	store->keep = og_config_limit(conf);
	if (store->keep < conf->negative_ttl)
		store->keep = conf->negative_ttl;
	store->size = conf->size;
	error = og_file_open_directory(&store->dir, directory, store->trust,
	    message);
	if (error != OG_OK)
		goto out;
	*out = store;
	store = NULL;
	goto out;
no_memory:
	og_message_set(message, "%s: out of memory", directory);
	error = OG_ERR_NOMEM;
out:
	og_store_free(store);
	return error;
}

void
og_store_free(struct og_store *store)
{
	if (store == NULL)
		return;
	og_held_free(store->held);
	if (store->dir >= 0)
		close(store->dir);
	free(store->path);
	free(store);
}

bool
og_store_inner_safe(struct og_store *store, enum og_inner inner)
{
	char what[120];
	struct stat st;

	if (store->safe[inner])
		return true;
	/* What it lacks, the open that follows will say. */
	if (fstatat(store->dir, og_inner_word(inner), &st,
	    AT_SYMLINK_NOFOLLOW) != 0)
		return true;
	if (!S_ISDIR(st.st_mode))
		snprintf(what, sizeof(what), "not a directory; not used "
		    "until it is removed");
	else if (st.st_uid != 0 && st.st_uid != store->trust.owner)
		snprintf(what, sizeof(what), "owned by uid %lu; not "
		    "used until chown %lu", (unsigned long)st.st_uid,
		    (unsigned long)store->trust.owner);
	else if ((st.st_mode & store->trust.forbidden) != 0)
		snprintf(what, sizeof(what), "mode %04o lets others write; "
		    "not used until chmod go-w",
		    (unsigned int)(st.st_mode & 07777U));
	else
		return store->safe[inner] = true;
	og_store_say(store, LOG_WARNING, og_inner_word(inner), what);
	return false;
}

static enum og_error
check_file(struct og_store *store, const char *name, const struct stat *st)
{
	char what[120];

	if (!S_ISREG(st->st_mode))
		snprintf(what, sizeof(what), "not a regular file; not used");
	else if (st->st_uid != 0 && st->st_uid != store->trust.owner)
		snprintf(what, sizeof(what), "owned by uid %lu; not used",
		    (unsigned long)st->st_uid);
	else if ((st->st_mode & store->trust.forbidden) != 0)
		snprintf(what, sizeof(what), "mode %04o lets others write; "
		    "not used", (unsigned int)(st->st_mode & 07777U));
	else
		return OG_OK;
	og_store_say(store, LOG_WARNING, name, what);
	return OG_ERR_UNSAFE;
}

enum og_error
og_store_open_file(struct og_store *store, enum og_inner inner,
    const char *name, int *fd, struct stat *st)
{
	enum og_error error;
	int opened;

	*fd = -1;
	if (!og_store_inner_safe(store, inner))
		return OG_ERR_UNSAFE;
	opened = openat(store->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC |
	    O_NOCTTY | O_NONBLOCK);
	if (opened < 0 && errno == ENOENT)
		return OG_ERR_MISSING;
	if (opened < 0 || fstat(opened, st) != 0) {
		error = errno == ELOOP ? OG_ERR_UNSAFE : OG_ERR_SYSTEM;
		og_store_say(store, LOG_WARNING, name, errno == ELOOP ?
		    "a symbolic link; not used" : strerror(errno));
	} else {
		error = check_file(store, name, st);
	}
	if (error != OG_OK && opened >= 0)
		close(opened);
	else
		*fd = opened;
	return error;
}

const char *
og_store_foreign(const struct og_store *store, const struct og_print *print)
{
	if (memcmp(print->organization, store->print.organization,
	    sizeof(print->organization)) != 0)
		return "of another organization; not used";
	if (!store->any_endpoint && memcmp(print->endpoint,
	    store->print.endpoint, sizeof(print->endpoint)) != 0)
		return "of another endpoint (base_url); not used";
	return NULL;
}

const char *
og_store_untimely(int64_t fetched_at, int64_t now)
{
	if (fetched_at <= 0)
		return "fetched at no possible time; not used";
	if (fetched_at > now && fetched_at - now > OG_SKEW)
		return "from the future; not used (was the clock set back?)";
	return NULL;
}

int64_t
og_store_date(int64_t fetched_at, int64_t boot_ms, int64_t now)
{
	int64_t at_latest, elapsed_ms;

	at_latest = fetched_at < now ? fetched_at : now;
	elapsed_ms = og_clock_boot() - boot_ms;
	if (boot_ms > 0 && elapsed_ms > 0 &&
	    now - elapsed_ms / 1000 < at_latest)
		at_latest = now - elapsed_ms / 1000;
	return at_latest;
}

static int64_t
list_date(const struct og_list *list, int64_t now)
{
	return og_store_date(list->head.fetched_at, list->head.boot_ms, now);
}

static const char *
list_trouble(const struct og_store *store, const struct og_list *list,
    const char *query, int64_t now)
{
	const char *trouble;

	if (strcmp(list->head.query, query) != 0)
		return OG_TROUBLE_QUERY;
	trouble = og_store_foreign(store, &list->head.print);
	if (trouble == NULL)
		trouble = og_store_untimely(list->head.fetched_at, now);
	return trouble;
}

static const char *
error_words(enum og_error error)
{
	switch (error) {
	case OG_ERR_CORRUPT:
		return "damaged; not used";
	case OG_ERR_SYSTEM:
		return strerror(errno);
	default:
		return og_strerror(error);
	}
}

bool
og_store_open_list(struct og_store *store, struct og_list *list,
    char name[OG_STORE_NAME_MAX], const struct og_query *query, int64_t now)
{
	char text[OG_QUERY_TEXT_MAX];
	struct og_query whole;
	const char *trouble;
	enum og_error error;
	struct stat st;
	int fd;

	memset(list, 0, sizeof(*list));
	whole = og_query_list(query);
	og_query_text(&whole, text);
	og_store_name(name, OG_INNER_LISTS, text);
	if (og_store_open_file(store, OG_INNER_LISTS, name, &fd, &st) != OG_OK)
		return false;
	error = og_list_open(list, fd, (uint64_t)st.st_size);
	list->written_at = st.st_mtim.tv_sec;
	trouble = error != OG_OK ? error_words(error) :
	    list_trouble(store, list, text, now);
	if (trouble == NULL)
		return true;
	og_store_say(store, LOG_WARNING, name, trouble);
	og_list_close(list);
	close(fd);
	return false;
}

void
og_store_close_list(struct og_list *list)
{
	int fd;

	fd = list->fd;
	og_list_close(list);
	if (fd >= 0)
		close(fd);
}

bool
og_store_is_subject(const struct og_record *record, const struct og_query *query)
{
	switch (query->subject_kind) {
	case OG_SUBJECT_EMAIL:
		return og_equal_folded(record->email, query->subject);
	case OG_SUBJECT_ID:
		return strcmp(record->id, query->subject) == 0;
	case OG_SUBJECT_LIST:
		break;
	}
	return false;
}

void
og_store_wanted(struct og_fact *fact, const struct og_query *query)
{
	memset(fact, 0, sizeof(*fact));
	fact->query = *query;
}

void
og_store_answered(struct og_fact *fact, enum og_fact_state state,
    int64_t fetched_at)
{
	fact->state = state;
	fact->source = OG_SOURCE_STORE;
	fact->fetched_at = fetched_at;
}

/*
 * A list that was long in coming may be older than what others have asked for
 * meanwhile. One that was read whole, within the second, is not: who had looked
 * for it would have had to ask, and nobody asks where it is. In memory it is
 * known when any single has come last.
 */
static bool
may_be_outdated(const struct og_store *store, const struct og_list *list)
{
	int64_t singles;

	if (list->head.state == OG_LIST_COMPLETE &&
	    list->written_at == list->head.fetched_at)
		return false;
	singles = store->generation.singles.tv_sec;
	return singles == 0 || singles >= list->head.fetched_at;
}

static enum og_error
ask_list(struct og_list *list, struct og_fact *fact, int64_t now)
{
	char key[OG_LIST_KEY_MAX];
	struct og_record record;
	enum og_error error;
	bool found;

	key[0] = fact->query.subject_kind == OG_SUBJECT_EMAIL ? 'e' : 'i';
	memcpy(key + 1, fact->query.subject, strlen(fact->query.subject) + 1);
	if (key[0] == 'e')
		og_fold(key);
	error = og_list_find(list, key, &record, &found);
	if (error != OG_OK)
		return error;
	if (found && !og_store_is_subject(&record, &fact->query))
		return OG_ERR_CORRUPT;
	if (found) {
		fact->record = record;
		og_store_answered(fact, OG_FACT_FOUND, list_date(list, now));
		return OG_OK;
	}
	if (list->head.state != OG_LIST_COMPLETE)
		return OG_OK;
	error = og_list_verify(list);
	if (error == OG_OK)
		og_store_answered(fact, OG_FACT_ABSENT, list_date(list, now));
	return error;
}

static bool
ask_held(struct og_store *store, struct og_fact *fact, int64_t now)
{
	struct og_list *list;

	list = og_held_get(store, &fact->query, now);
	if (list == NULL)
		return true;
	if (ask_list(list, fact, now) != OG_OK)
		og_store_say(store, LOG_WARNING, list->head.query,
		    "a damaged row; not used");
	return may_be_outdated(store, list);
}

bool
og_store_get_listed(struct og_store *store, struct og_fact *fact,
    const struct og_query *query, int64_t now)
{
	char name[OG_STORE_NAME_MAX];
	struct og_list list;
	enum og_error error;
	bool outdated;

	og_store_wanted(fact, query);
	if (query->subject_kind == OG_SUBJECT_LIST)
		return true;
	if (store->held != NULL)
		return ask_held(store, fact, now);
	if (!og_store_open_list(store, &list, name, query, now))
		return true;
	error = ask_list(&list, fact, now);
	if (error != OG_OK)
		og_store_say(store, LOG_WARNING, name, error_words(error));
	outdated = may_be_outdated(store, &list);
	og_store_close_list(&list);
	return outdated;
}

struct og_list_info
og_store_list(struct og_store *store, const struct og_query *query,
    int64_t now)
{
	char name[OG_STORE_NAME_MAX];
	struct og_list local, *list;
	struct og_list_info info;

	memset(&info, 0, sizeof(info));
	list = NULL;
	if (store->held != NULL)
		list = og_held_get(store, query, now);
	else if (og_store_open_list(store, &local, name, query, now))
		list = &local;
	if (list == NULL)
		return info;
	info.state = list->head.state;
	info.fetched_at = list_date(list, now);
	info.boot_ms = list->head.boot_ms;
	info.rows = list->head.rows;
	if (list == &local)
		og_store_close_list(&local);
	return info;
}

#include "io/store_write.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "io/store_private.h"
#include "value/clock.h"
#include "value/text.h"
#include "value/wire.h"

#define FLUSHED		"flushed"

/* Whom to forget. He may have been asked for by address and by id; what is
 * empty is not known. */
struct flush {
	struct og_store *store;
	bool everybody;
	char id[OG_ID_MAX + 1];
	char email[OG_EMAIL_MAX + 1];
	size_t removed;
	enum og_error error;		/* the first */
	int why;			/* its errno */
};

static void
note(struct flush *flush, enum og_error error)
{
	if (flush->error != OG_OK)
		return;
	flush->error = error;
	flush->why = errno;
}

static bool
is_id(const struct flush *flush, const char *id)
{
	return flush->id[0] != '\0' && strcmp(flush->id, id) == 0;
}

static bool
is_email(const struct flush *flush, const char *email)
{
	return flush->email[0] != '\0' && og_equal_folded(flush->email, email);
}

static bool
speaks_of(const struct flush *flush, const struct og_fact *fact)
{
	if (fact->query.subject_kind == OG_SUBJECT_EMAIL &&
	    is_email(flush, fact->query.subject))
		return true;
	if (fact->query.subject_kind == OG_SUBJECT_ID &&
	    is_id(flush, fact->query.subject))
		return true;
	return fact->state == OG_FACT_FOUND &&
	    (is_id(flush, fact->record.id) ||
	    is_email(flush, fact->record.email));
}

static void
learn(struct flush *flush, const struct og_fact *fact)
{
	if (fact->state != OG_FACT_FOUND || !speaks_of(flush, fact))
		return;
	if (flush->id[0] == '\0')
		og_copy(flush->id, sizeof(flush->id), fact->record.id,
		    strlen(fact->record.id));
	if (flush->email[0] == '\0')
		og_copy(flush->email, sizeof(flush->email),
		    fact->record.email, strlen(fact->record.email));
}

static bool
load(struct flush *flush, const char *name, struct og_fact *fact)
{
	unsigned char data[OG_SINGLE_MAX];
	struct og_single_head head;
	size_t len;

	return og_single_load(flush->store, name, data, &len) == OG_OK &&
	    og_single_decode(fact, &head, data, len) == NULL;
}

static enum og_error
each_learn(void *arg, enum og_inner inner, const char *name,
    const struct stat *st)
{
	struct flush *flush;
	struct og_fact fact;

	(void)inner;
	(void)st;
	flush = arg;
	if (og_store_name_valid(name) && load(flush, name, &fact))
		learn(flush, &fact);
	return OG_OK;
}

static enum og_error
each_remove(void *arg, enum og_inner inner, const char *name,
    const struct stat *st)
{
	struct flush *flush;
	struct og_fact fact;

	flush = arg;
	if (S_ISDIR(st->st_mode) || !og_store_name_valid(name))
		return OG_OK;
	/* A damaged single goes, too: nobody knows of whom it speaks. */
	if (inner == OG_INNER_SINGLES && !flush->everybody &&
	    load(flush, name, &fact) && !speaks_of(flush, &fact))
		return OG_OK;
	if (unlinkat(flush->store->dir, name, 0) == 0)
		flush->removed += inner != OG_INNER_SYNC;
	else if (errno != ENOENT)
		note(flush, OG_ERR_SYSTEM);
	return OG_OK;
}

/* What else the person is called, from all that the store knows of him. */
static void
learn_all(struct flush *flush, const struct og_query *subject)
{
	struct og_query query;
	struct og_fact fact;

	if (subject->subject_kind == OG_SUBJECT_ID)
		og_copy(flush->id, sizeof(flush->id), subject->subject,
		    strlen(subject->subject));
	else
		og_copy(flush->email, sizeof(flush->email), subject->subject,
		    strlen(subject->subject));
	query = *subject;
	query.kind = OG_QUERY_USER;
	query.container[0] = '\0';
	og_store_get_listed(flush->store, &fact, &query, og_clock_wall());
	learn(flush, &fact);
	og_inner_scan(flush->store, OG_INNER_SINGLES, each_learn, flush);
}

uint64_t
og_store_flushes(struct og_store *store)
{
	struct stat st;
	uint64_t sum;

	if (fstatat(store->dir, FLUSHED, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	/* Not the time that others can set. */
	sum = og_fnv1a(OG_FNV_START, &st.st_ino, sizeof(st.st_ino));
	sum = og_fnv1a(sum, &st.st_ctim.tv_sec, sizeof(st.st_ctim.tv_sec));
	sum = og_fnv1a(sum, &st.st_ctim.tv_nsec, sizeof(st.st_ctim.tv_nsec));
	return sum;
}

/* -1, and said why: what is under way may be kept. */
static int
open_mark(struct flush *flush)
{
	int fd;

	fd = openat(flush->store->dir, FLUSHED, O_WRONLY | O_CREAT |
	    O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	if (fd < 0) {
		note(flush, OG_ERR_SYSTEM);
		og_store_say(flush->store, LOG_WARNING, FLUSHED,
		    strerror(flush->why));
	}
	return fd;
}

/* From now on nothing is kept that was asked for before. */
static void
mark(struct flush *flush, int fd)
{
	if (fd >= 0 && futimens(fd, NULL) != 0)
		note(flush, OG_ERR_SYSTEM);
}

/* One that cannot be looked at keeps nobody in the others. */
static void
scan(struct flush *flush, enum og_inner inner)
{
	note(flush, og_inner_scan(flush->store, inner, each_remove, flush));
}

enum og_error
og_store_flush(struct og_store *store, const struct og_query *subject,
    size_t *removed)
{
	const struct og_log *log;
	struct flush flush;
	int fd;

	memset(&flush, 0, sizeof(flush));
	flush.store = store;
	flush.everybody = subject == NULL;
	og_store_say_unsafe(store);
	fd = open_mark(&flush);
	/* What is damaged is about to go; no word of it. */
	log = store->log;
	store->log = NULL;
	if (subject != NULL)
		learn_all(&flush, subject);
	/* What a sync has read so far speaks of everybody. Before the mark: no
	 * sync that sees the mark takes it up. */
	scan(&flush, OG_INNER_SYNC);
	mark(&flush, fd);
	scan(&flush, OG_INNER_LISTS);
	scan(&flush, OG_INNER_SINGLES);
	if (fd >= 0)
		close(fd);
	store->log = log;
	og_store_look_again(store);
	*removed = flush.removed;
	errno = flush.why;
	return flush.error;
}

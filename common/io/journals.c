#include "io/journal_private.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <syslog.h>
#include <unistd.h>

#include "value/clock.h"
#include "value/text.h"

#define BEGUN		"sync/begun"
#define TRIES_MAX	10

static const char magic[8] = { 'O', 'G', 'S', 'Y', 'N', 'C', '1', '\n' };

enum og_error
og_journal_failed(const struct og_store *store, const char *name)
{
	og_store_say(store, LOG_WARNING, name, strerror(errno));
	return OG_ERR_SYSTEM;
}

/* A flush may take the name away before it was looked at: made again. */
static int
open_named(struct og_store *store, const char *name, struct stat *st)
{
	int fd, tries;

	for (tries = 0; ; tries++) {
		fd = openat(store->dir, name, O_RDWR | O_CREAT | O_NOFOLLOW |
		    O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
		if (fd < 0 || (fstat(fd, st) == 0 && st->st_nlink > 0) ||
		    tries == TRIES_MAX)
			return fd;
		close(fd);
	}
}

int
og_journal_open_file(struct og_store *store, const char *name)
{
	struct stat st;
	int fd;

	memset(&st, 0, sizeof(st));
	fd = open_named(store, name, &st);
	if (fd < 0)
		goto bad;
	if (S_ISREG(st.st_mode) && (st.st_mode & 077) == 0 &&
	    st.st_uid == geteuid() && st.st_nlink == 1)
		return fd;
	errno = EPERM;
bad:
	(void)og_journal_failed(store, name);
	if (fd >= 0)
		close(fd);
	return -1;
}

uint64_t
og_journal_head_sum(const struct og_journal_head *head)
{
	return htole64(og_fnv1a(OG_FNV_START, head,
	    offsetof(struct og_journal_head, sum)));
}

static void
head_fill(struct og_journal_head *head, const struct og_store *store,
    const char *query, int64_t now)
{
	memset(head, 0, sizeof(*head));
	memcpy(head->magic, magic, sizeof(magic));
	head->begun_at = htole64((uint64_t)now);
	head->boot_ms = htole64((uint64_t)og_clock_boot());
	head->print = store->print;
	og_copy(head->query, sizeof(head->query), query, strlen(query));
	head->sum = og_journal_head_sum(head);
}

static int64_t
head_date(const struct og_journal_head *head, int64_t now)
{
	return og_store_date((int64_t)le64toh(head->begun_at),
	    (int64_t)le64toh(head->boot_ms), now);
}

bool
og_journal_head_fits(const struct og_journal_head *head,
    const struct og_store *store, const char *query, int64_t now)
{
	return memcmp(head->magic, magic, sizeof(magic)) == 0 &&
	    head->sum == og_journal_head_sum(head) &&
	    memcmp(&head->print, &store->print, sizeof(head->print)) == 0 &&
	    strcmp(head->query, query) == 0 &&
	    og_store_untimely((int64_t)le64toh(head->begun_at), now) == NULL;
}

enum og_error
og_journal_write_head(int fd, const struct og_journal_head *head)
{
	if (ftruncate(fd, 0) != 0 || pwrite(fd, head, sizeof(*head), 0) !=
	    (ssize_t)sizeof(*head) || fsync(fd) != 0)
		return OG_ERR_SYSTEM;
	return OG_OK;
}

static enum og_error
take_up(struct og_journals *journals, int64_t now, int64_t max_age)
{
	struct og_store *store;

	store = journals->store;
	journals->taken_up = pread(journals->fd, &journals->head,
	    sizeof(journals->head), 0) == (ssize_t)sizeof(journals->head) &&
	    og_journal_head_fits(&journals->head, store, "", now) &&
	    now - head_date(&journals->head, now) <= max_age;
	if (journals->taken_up)
		return OG_OK;
	head_fill(&journals->head, store, "", now);
	if (og_journal_write_head(journals->fd, &journals->head) != OG_OK)
		return og_journal_failed(store, BEGUN);
	return OG_OK;
}

enum og_error
og_journals_open(struct og_journals **out, struct og_store *store, int64_t now,
    int64_t max_age)
{
	struct og_journals *journals;
	enum og_error error;

	*out = NULL;
	journals = calloc(1, sizeof(*journals));
	if (journals == NULL)
		return OG_ERR_NOMEM;
	journals->store = store;
	journals->fd = -1;
	error = OG_ERR_UNSAFE;
	if (!og_store_inner_safe(store, OG_INNER_SYNC))
		goto out;
	error = OG_ERR_SYSTEM;
	if (og_inner_create(store->dir, OG_INNER_SYNC) != OG_OK) {
		(void)og_journal_failed(store, og_inner_word(OG_INNER_SYNC));
		goto out;
	}
	journals->fd = og_journal_open_file(store, BEGUN);
	if (journals->fd < 0)
		goto out;
	if (flock(journals->fd, LOCK_EX | LOCK_NB) != 0)
		error = OG_ERR_BUSY;
	else
		error = take_up(journals, now, max_age);
	if (error == OG_OK) {
		*out = journals;
		journals = NULL;
	}
out:
	og_journals_close(journals);
	return error;
}

void
og_journals_close(struct og_journals *journals)
{
	if (journals == NULL)
		return;
	if (journals->fd >= 0)
		close(journals->fd);
	free(journals);
}

static enum og_error
each_forget(void *arg, enum og_inner inner, const char *name,
    const struct stat *st)
{
	const struct og_store *store;

	(void)inner;
	store = arg;
	if (!S_ISDIR(st->st_mode) && strcmp(name, BEGUN) != 0)
		unlinkat(store->dir, name, 0);
	return OG_OK;
}

void
og_journals_finish(struct og_journals *journals)
{
	/* Not the file itself: who waits for the lock has it open. */
	if (ftruncate(journals->fd, 0) != 0)
		(void)og_journal_failed(journals->store, BEGUN);
	og_inner_scan(journals->store, OG_INNER_SYNC, each_forget,
	    journals->store);
	og_journals_close(journals);
}

bool
og_journals_since(const struct og_journals *journals,
    const struct og_list_info *list)
{
	int64_t begun_at;

	if (!journals->taken_up)
		return false;
	begun_at = (int64_t)le64toh(journals->head.begun_at);
	if (list->fetched_at != begun_at)
		return list->fetched_at > begun_at;
	return list->boot_ms >= (int64_t)le64toh(journals->head.boot_ms);
}

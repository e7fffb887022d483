#include "io/store_write.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <syslog.h>
#include <unistd.h>

#include "io/store_private.h"
#include "value/text.h"

enum og_error
og_inner_create(int dir, enum og_inner inner)
{
	const char *name;
	struct stat st;

	name = og_inner_word(inner);
	if (mkdirat(dir, name, 0700) != 0)
		return errno == EEXIST ? OG_OK : OG_ERR_SYSTEM;
	/* The umask is the caller's. */
	if (fstat(dir, &st) != 0 || fchmodat(dir, name,
	    0700 | (st.st_mode & 02055), 0) != 0)
		return OG_ERR_SYSTEM;
	return OG_OK;
}

/*
 * Makes the directory unless it is there. Within a parent that nobody else
 * can write, the mode can be set by name (the umask is the caller's).
 */
static enum og_error
create_outer(const char *directory, struct og_message *message)
{
	char parent[PATH_MAX], *name;
	enum og_error error;
	size_t len;
	int dir;

	for (len = strlen(directory); len > 1 && directory[len - 1] == '/';
	    len--)
		continue;
	if (!og_copy(parent, sizeof(parent), directory, len) ||
	    (name = strrchr(parent, '/')) == NULL || name[1] == '\0') {
		og_message_set(message, "%.64s: not an absolute path of a "
		    "directory", directory);
		return OG_ERR_UNSAFE;
	}
	*name++ = '\0';
	error = og_file_open_directory(&dir, parent[0] != '\0' ? parent : "/",
	    (struct og_trust){ geteuid(), 022 }, message);
	if (error != OG_OK)
		return error;
	if (mkdirat(dir, name, 0700) != 0 ? errno != EEXIST :
	    fchmodat(dir, name, 0700, 0) != 0) {
		og_message_set(message, "%s: cannot be made: %s", directory,
		    strerror(errno));
		error = OG_ERR_SYSTEM;
	}
	close(dir);
	return error;
}

enum og_error
og_store_create(const char *directory, struct og_message *message)
{
	enum og_error error;
	int dir, inner;

	message->text[0] = '\0';
	error = create_outer(directory, message);
	if (error == OG_OK)
		error = og_file_open_directory(&dir, directory,
		    (struct og_trust){ geteuid(), 022 }, message);
	if (error != OG_OK)
		return error;
	for (inner = 0; inner < OG_INNER_COUNT && error == OG_OK; inner++) {
		error = og_inner_create(dir, (enum og_inner)inner);
		if (error != OG_OK)
			og_message_set(message, "%s/%s: cannot be made: %s",
			    directory, og_inner_word((enum og_inner)inner),
			    strerror(errno));
	}
	close(dir);
	return error;
}

void
og_store_no_sync(struct og_store *store)
{
	store->no_sync = true;
}

static int
create_temp(struct og_store *store, enum og_inner inner, struct og_temp *temp)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -1;
	snprintf(temp->name, sizeof(temp->name), "%s/.tmp-%ld-%016llx",
	    og_inner_word(inner), (long)getpid(), (unsigned long long)random);
	return openat(store->dir, temp->name, O_RDWR | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
}

enum og_error
og_temp_open(struct og_store *store, enum og_inner inner, struct og_temp *temp)
{
	struct stat st;

	temp->fd = -1;
	if (!og_store_inner_safe(store, inner))
		return OG_ERR_UNSAFE;
	temp->fd = create_temp(store, inner, temp);
	if (temp->fd < 0 && errno == ENOENT &&
	    og_inner_create(store->dir, inner) == OG_OK)
		temp->fd = create_temp(store, inner, temp);
	if (temp->fd < 0)
		goto bad;
	if (fstat(store->dir, &st) != 0 ||
	    fchmod(temp->fd, 0600 | (st.st_mode & 0044)) != 0)
		goto bad;
	return OG_OK;
bad:
	og_store_say(store, LOG_WARNING, og_inner_word(inner),
	    strerror(errno));
	og_temp_abort(store, temp);
	return OG_ERR_SYSTEM;
}

/* The name itself must survive a power cut, too. */
static int
sync_directory(struct og_store *store, enum og_inner inner)
{
	int dir, result;

	dir = openat(store->dir, og_inner_word(inner), O_RDONLY |
	    O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return -1;
	result = fsync(dir);
	close(dir);
	return result;
}

enum og_error
og_temp_commit(struct og_store *store, enum og_inner inner,
    struct og_temp *temp, const char *name)
{
	if (!store->no_sync && fsync(temp->fd) != 0)
		goto bad;
	if (renameat(store->dir, temp->name, store->dir, name) != 0)
		goto bad;
	close(temp->fd);
	temp->fd = -1;
	og_store_look_again(store);
	/* The new answer stands already; at worst the old one comes back. */
	if (!store->no_sync && sync_directory(store, inner) != 0)
		og_store_say(store, LOG_WARNING, og_inner_word(inner),
		    strerror(errno));
	return OG_OK;
bad:
	og_store_say(store, LOG_WARNING, name, strerror(errno));
	og_temp_abort(store, temp);
	return OG_ERR_SYSTEM;
}

enum og_error
og_temp_commit_answer(struct og_store *store, enum og_inner inner,
    struct og_temp *temp, const char *name, uint64_t flushes)
{
	enum og_error error;

	if (og_store_flushes(store) != flushes) {
		og_temp_abort(store, temp);
		return OG_ERR_MISSING;
	}
	error = og_temp_commit(store, inner, temp, name);
	if (error != OG_OK || og_store_flushes(store) == flushes)
		return error;
	/* The flush may have looked before the name was there. Should it be
	 * another's by now, that is one miss more. */
	unlinkat(store->dir, name, 0);
	og_store_look_again(store);
	return OG_ERR_MISSING;
}

void
og_temp_abort(struct og_store *store, struct og_temp *temp)
{
	int saved;

	if (temp->fd < 0)
		return;
	saved = errno;
	unlinkat(store->dir, temp->name, 0);
	close(temp->fd);
	temp->fd = -1;
	errno = saved;
}

static enum og_error
write_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	for (; len > 0; data += n, len -= (size_t)n) {
		n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return OG_ERR_SYSTEM;
	}
	return OG_OK;
}

enum og_error
og_store_put_single(struct og_store *store, const struct og_fact *fact,
    int64_t boot_ms, uint64_t flushes)
{
	char name[OG_STORE_NAME_MAX], text[OG_QUERY_TEXT_MAX];
	struct og_single_head head;
	struct og_buffer buffer;
	enum og_error error;
	struct og_temp temp;

	head = (struct og_single_head){ store->print, boot_ms };
	if ((fact->state != OG_FACT_FOUND && fact->state != OG_FACT_ABSENT) ||
	    fact->query.subject_kind == OG_SUBJECT_LIST)
		return OG_ERR_SYNTAX;
	/* What no reader would take need not be written. */
	if (fact->state == OG_FACT_FOUND &&
	    !og_store_is_subject(&fact->record, &fact->query))
		return OG_ERR_PROTOCOL;
	og_query_text(&fact->query, text);
	og_store_name(name, OG_INNER_SINGLES, text);
	og_buffer_init(&buffer, OG_SINGLE_MAX);
	error = og_single_encode(&buffer, &head, fact);
	if (error != OG_OK)
		goto out;
	error = og_temp_open(store, OG_INNER_SINGLES, &temp);
	if (error != OG_OK)
		goto out;
	error = write_all(temp.fd, buffer.data, buffer.len);
	if (error == OG_OK) {
		error = og_temp_commit_answer(store, OG_INNER_SINGLES, &temp,
		    name, flushes);
	} else {
		og_store_say(store, LOG_WARNING, name, strerror(errno));
		og_temp_abort(store, &temp);
	}
out:
	og_buffer_free(&buffer);
	return error;
}

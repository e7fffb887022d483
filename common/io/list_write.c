#include "io/store_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <syslog.h>
#include <unistd.h>

#include "io/store_private.h"
#include "value/text.h"
#include "value/wire.h"

#define SEEN_START 1024		/* a power of two */

/*
 * The hashes of all keys so far, open addressing, at most half full: what is
 * not among them is new for sure, and only what is must be looked up in the
 * file. 0 marks a free place.
 */
struct seen {
	uint64_t *hash;
	size_t count;
	size_t size;		/* a power of two */
};

struct og_list_writer {
	struct og_store *store;		/* borrowed */
	struct og_temp temp;
	/* Where nothing may wait for the disk, the list is made in memory:
	 * newer libcdbs fsync what they make. -1: in the file itself. */
	int memory;
	struct og_list_maker *maker;
	struct og_list_head head;
	struct seen seen;
	struct og_buffer row;
	enum og_error failed;		/* sticky */
};

/* True: it was there. Else it is now. */
static bool
insert(struct seen *seen, uint64_t hash)
{
	size_t i;

	for (i = hash & (seen->size - 1); seen->hash[i] != 0;
	    i = (i + 1) & (seen->size - 1)) {
		if (seen->hash[i] == hash)
			return true;
	}
	seen->hash[i] = hash;
	seen->count++;
	return false;
}

static enum og_error
make_room(struct seen *seen)
{
	struct seen larger;
	size_t i;

	if (seen->count < seen->size / 2)
		return OG_OK;
	larger.size = seen->size > 0 ? seen->size * 2 : SEEN_START;
	larger.count = 0;
	larger.hash = calloc(larger.size, sizeof(*larger.hash));
	if (larger.hash == NULL)
		return OG_ERR_NOMEM;
	for (i = 0; i < seen->size; i++) {
		if (seen->hash[i] != 0)
			insert(&larger, seen->hash[i]);
	}
	free(seen->hash);
	*seen = larger;
	return OG_OK;
}

/* Whether the list has this key already. */
static enum og_error
has(struct og_list_writer *writer, const char *key, bool *found)
{
	enum og_error error;
	uint64_t hash;

	*found = false;
	error = make_room(&writer->seen);
	if (error != OG_OK)
		return error;
	hash = og_fnv1a(OG_FNV_START, key, strlen(key));
	if (!insert(&writer->seen, hash != 0 ? hash : 1))
		return OG_OK;
	return og_list_maker_has(writer->maker, key, found);
}

static enum og_error
encode(struct og_list_writer *writer, const char *key,
    const struct og_record *record)
{
	og_buffer_reset(&writer->row);
	return og_wire_put_row(&writer->row, writer->head.query, key, record);
}

static enum og_error
add_id(struct og_list_writer *writer, const struct og_record *record)
{
	char key[OG_LIST_KEY_MAX];
	enum og_error error;
	bool found;

	snprintf(key, sizeof(key), "i%s", record->id);
	error = has(writer, key, &found);
	if (error == OG_OK && found)
		error = OG_ERR_PROTOCOL;
	if (error == OG_OK)
		error = encode(writer, key, record);
	if (error == OG_OK)
		error = og_list_maker_add(writer->maker, key,
		    writer->row.data, writer->row.len);
	return error;
}

static enum og_error
add_email(struct og_list_writer *writer, const struct og_record *record)
{
	char key[OG_LIST_KEY_MAX];
	struct og_record copy;
	enum og_error error;
	bool found;

	snprintf(key, sizeof(key), "e%s", record->email);
	og_fold(key);
	error = has(writer, key, &found);
	if (error != OG_OK)
		return error;
	copy = *record;
	copy.ambiguous = copy.ambiguous || found;
	error = encode(writer, key, &copy);
	if (error != OG_OK)
		return error;
	if (found)
		return og_list_maker_replace(writer->maker, key,
		    writer->row.data, writer->row.len);
	return og_list_maker_add(writer->maker, key, writer->row.data,
	    writer->row.len);
}

static void
say(const struct og_list_writer *writer, const char *what)
{
	og_log(writer->store->log, LOG_WARNING, "%s: cannot store %s: %s",
	    writer->store->path, writer->head.query, what);
}

static void
writer_free(struct og_list_writer *writer)
{
	og_list_maker_free(writer->maker);
	if (writer->memory >= 0)
		close(writer->memory);
	og_temp_abort(writer->store, &writer->temp);
	og_buffer_free(&writer->row);
	free(writer->seen.hash);
	free(writer);
}

enum og_error
og_list_begin(struct og_list_writer **out, struct og_store *store,
    const struct og_query *list)
{
	char text[OG_QUERY_TEXT_MAX];
	struct og_list_writer *writer;
	enum og_error error;

	*out = NULL;
	og_query_text(list, text);
	writer = calloc(1, sizeof(*writer));
	if (writer == NULL)
		return OG_ERR_NOMEM;
	writer->store = store;
	writer->temp.fd = -1;
	writer->memory = -1;
	writer->head.print = store->print;
	og_buffer_init(&writer->row, OG_WIRE_ROW_MAX);
	if (list->subject_kind != OG_SUBJECT_LIST ||
	    !og_copy(writer->head.query, sizeof(writer->head.query), text,
	    strlen(text)))
		error = OG_ERR_SYNTAX;
	else
		error = og_temp_open(store, OG_INNER_LISTS, &writer->temp);
	if (error == OG_OK && store->no_sync)
		writer->memory = memfd_create("list", MFD_CLOEXEC);
	if (error == OG_OK)
		error = og_list_maker_new(&writer->maker, writer->memory >= 0 ?
		    writer->memory : writer->temp.fd);
	if (error == OG_OK) {
		*out = writer;
		writer = NULL;
	}
	if (writer != NULL)
		writer_free(writer);
	return error;
}

enum og_error
og_list_add(struct og_list_writer *writer, const struct og_record *record)
{
	if (writer->failed != OG_OK)
		return writer->failed;
	if (record->id[0] == '\0')
		writer->failed = OG_ERR_PROTOCOL;
	else
		writer->failed = add_id(writer, record);
	if (writer->failed == OG_OK && record->email[0] != '\0')
		writer->failed = add_email(writer, record);
	if (writer->failed == OG_OK)
		writer->head.rows++;
	else if (writer->failed == OG_ERR_SYSTEM)
		say(writer, strerror(errno));
	return writer->failed;
}

enum og_error
og_list_has(struct og_list_writer *writer, const char *id, bool *found)
{
	char key[OG_LIST_KEY_MAX];

	snprintf(key, sizeof(key), "i%s", id);
	return has(writer, key, found);
}

/* From memory into the file. */
static enum og_error
put_down(const struct og_list_writer *writer)
{
	ssize_t count;
	off_t at;

	at = 0;
	while (writer->memory >= 0 && (uint64_t)at < writer->head.size) {
		count = sendfile(writer->temp.fd, writer->memory, &at,
		    (size_t)(writer->head.size - (uint64_t)at));
		if (count == 0)
			errno = EIO;
		if (count <= 0)
			return OG_ERR_SYSTEM;
	}
	return OG_OK;
}

enum og_error
og_list_commit(struct og_list_writer *writer, int64_t fetched_at,
    int64_t boot_ms, enum og_list_state state, uint64_t flushes)
{
	char name[OG_STORE_NAME_MAX];
	enum og_error error;

	error = writer->failed;
	if (error == OG_OK && (fetched_at <= 0 || (state != OG_LIST_PARTIAL &&
	    state != OG_LIST_COMPLETE)))
		error = OG_ERR_SYNTAX;
	if (error != OG_OK)
		goto out;
	og_store_name(name, OG_INNER_LISTS, writer->head.query);
	writer->head.fetched_at = fetched_at;
	writer->head.boot_ms = boot_ms;
	writer->head.state = state;
	error = og_list_maker_finish(writer->maker, &writer->head);
	if (error == OG_OK)
		error = put_down(writer);
	if (error == OG_OK)
		error = og_temp_commit_answer(writer->store, OG_INNER_LISTS,
		    &writer->temp, name, flushes);
	else
		say(writer, error == OG_ERR_SYSTEM ? strerror(errno) :
		    og_strerror(error));
out:
	writer_free(writer);
	return error;
}

void
og_list_abort(struct og_list_writer *writer)
{
	if (writer != NULL)
		writer_free(writer);
}

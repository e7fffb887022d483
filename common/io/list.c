#include "io/list.h"

#include <cdb.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "value/text.h"
#include "value/wire.h"

#define TOC_SIZE	2048
#define VERSION		2
#define CHUNK		(64 * 1024)	/* of a file being summed; whole words */
#define SLOTS		16		/* hash slots of one read */

static const char magic[8] = { 'O', 'G', 'L', 'I', 'S', 'T', '\r', '\n' };

/* The head as it lies in the file: naturally aligned, little-endian. */
struct head {
	uint32_t key_size;		/* 0 */
	uint32_t value_size;		/* of what follows */
	char magic[8];
	uint32_t version;
	uint32_t state;
	uint64_t size;
	uint64_t rows;
	uint64_t fetched_at;
	uint64_t boot_ms;
	struct og_print print;
	char query[OG_LIST_TEXT_MAX];
	uint64_t body_sum;
	uint64_t head_sum;
};
_Static_assert(TOC_SIZE + sizeof(struct head) == OG_LIST_BODY,
    "the head has another size than list.h says");

#define SUMMED_HEAD	(OG_LIST_BODY - sizeof(uint64_t))
#define HEAD_VALUE	(sizeof(struct head) - 2 * sizeof(uint32_t))

/*
 * FNV-1a's step on eight bytes at once: byte by byte, a list of a million
 * people takes half a second. The fold lets the upper bits reach the lower
 * ones, which a multiplication never does.
 */
static uint64_t
sum(uint64_t seed, const unsigned char *data, size_t len)
{
	uint64_t word;

	for (; len >= sizeof(word); data += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		seed = (seed ^ le64toh(word)) * UINT64_C(0x100000001b3);
		seed ^= seed >> 32;
	}
	return og_fnv1a(seed, data, len);
}

/* All of data[0..len) from that place; a file that ends before is damaged. */
static enum og_error
read_at(int fd, void *data, size_t len, uint64_t at)
{
	unsigned char *p;
	ssize_t n;

	for (p = data; len > 0; p += n, len -= (size_t)n, at += (size_t)n) {
		n = pread(fd, p, len, (off_t)at);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return OG_ERR_SYSTEM;
		else if (n == 0)
			return OG_ERR_CORRUPT;
	}
	return OG_OK;
}

/* start[0..OG_LIST_BODY) is the file's start. */
static enum og_error
decode_head(struct og_list *list, const unsigned char *start)
{
	struct head head;

	memcpy(&head, start + TOC_SIZE, sizeof(head));
	if (memcmp(head.magic, magic, sizeof(magic)) != 0 ||
	    le32toh(head.version) != VERSION ||
	    le64toh(head.head_sum) != sum(OG_FNV_START, start, SUMMED_HEAD) ||
	    le64toh(head.size) != list->size ||
	    head.query[OG_LIST_TEXT_MAX - 1] != '\0')
		return OG_ERR_CORRUPT;
	switch (le32toh(head.state)) {
	case OG_LIST_PARTIAL:
		list->head.state = OG_LIST_PARTIAL;
		break;
	case OG_LIST_COMPLETE:
		list->head.state = OG_LIST_COMPLETE;
		break;
	default:
		return OG_ERR_CORRUPT;
	}
	list->head.size = list->size;
	list->head.rows = le64toh(head.rows);
	list->head.fetched_at = (int64_t)le64toh(head.fetched_at);
	list->head.boot_ms = (int64_t)le64toh(head.boot_ms);
	list->head.print = head.print;
	memcpy(list->head.query, head.query, sizeof(head.query));
	return OG_OK;
}

static enum og_error
begin(struct og_list *list, int fd, uint64_t size)
{
	memset(list, 0, sizeof(*list));
	list->fd = fd;
	/* cdb's own numbers have 32 bits. */
	if (size < OG_LIST_BODY || size > UINT32_MAX)
		return OG_ERR_CORRUPT;
	list->size = (size_t)size;
	return OG_OK;
}

static enum og_error
read_whole(struct og_list *list)
{
	enum og_error error;

	list->data = malloc(list->size);
	if (list->data == NULL)
		return OG_ERR_NOMEM;
	error = read_at(list->fd, list->data, list->size, 0);
	if (error == OG_OK)
		error = decode_head(list, list->data);
	return error;
}

enum og_error
og_list_open(struct og_list *list, int fd, uint64_t size)
{
	enum og_error error;

	error = begin(list, fd, size);
	if (error != OG_OK)
		return error;
	if (size <= OG_LIST_WHOLE_MAX) {
		error = read_whole(list);
	} else {
		error = read_at(fd, list->toc, sizeof(list->toc), 0);
		if (error == OG_OK)
			error = decode_head(list, list->toc);
	}
	if (error != OG_OK)
		og_list_close(list);
	return error;
}

enum og_error
og_list_hold(struct og_list *list, int fd, uint64_t size)
{
	enum og_error error;
	void *map;

	error = begin(list, fd, size);
	if (error != OG_OK)
		return error;
	if (size <= OG_LIST_COPY_MAX) {
		error = read_whole(list);
	} else {
		map = mmap(NULL, list->size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map == MAP_FAILED) {
			error = OG_ERR_SYSTEM;
		} else {
			list->data = map;
			list->mapped = true;
			error = decode_head(list, list->data);
		}
	}
	if (error == OG_OK)
		error = og_list_verify(list);
	list->fd = -1;
	if (error != OG_OK)
		og_list_close(list);
	return error;
}

void
og_list_close(struct og_list *list)
{
	if (list->mapped)
		munmap(list->data, list->size);
	else
		free(list->data);
	list->data = NULL;
	list->mapped = false;
	list->fd = -1;
	list->size = 0;
}

/* The sum of an open file from OG_LIST_BODY to size. */
static enum og_error
sum_body(int fd, uint64_t size, uint64_t *result)
{
	unsigned char *chunk;
	enum og_error error;
	uint64_t at;
	size_t n;

	chunk = malloc(CHUNK);
	if (chunk == NULL)
		return OG_ERR_NOMEM;
	error = OG_OK;
	*result = OG_FNV_START;
	for (at = OG_LIST_BODY; at < size; at += n) {
		n = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
		error = read_at(fd, chunk, n, at);
		if (error != OG_OK)
			break;
		*result = sum(*result, chunk, n);
	}
	free(chunk);
	return error;
}

enum og_error
og_list_verify(struct og_list *list)
{
	const unsigned char *start;
	enum og_error error;
	struct head head;
	uint64_t result;

	if (list->verified)
		return OG_OK;
	start = list->data != NULL ? list->data : list->toc;
	memcpy(&head, start + TOC_SIZE, sizeof(head));
	if (list->data != NULL) {
		result = sum(OG_FNV_START, list->data + OG_LIST_BODY,
		    list->size - OG_LIST_BODY);
	} else {
		error = sum_body(list->fd, list->size, &result);
		if (error != OG_OK)
			return error;
	}
	if (result != le64toh(head.body_sum))
		return OG_ERR_CORRUPT;
	list->verified = true;
	return OG_OK;
}

/*
 * The library reads memory that it has mapped itself; a struct cdb over
 * memory of our own, as its cdb_init would fill it.
 */
static enum og_error
find_in_memory(const struct og_list *list, const char *key,
    const unsigned char **row, size_t *len)
{
	struct cdb cdb;
	unsigned int end;
	int found;

	memset(&cdb, 0, sizeof(cdb));
	end = cdb_unpack(list->data);
	if (end < TOC_SIZE || end > list->size)
		return OG_ERR_CORRUPT;
	cdb.cdb_fd = -1;
	cdb.cdb_mem = list->data;
	cdb.cdb_fsize = (unsigned int)list->size;
	cdb.cdb_dend = end;
	found = cdb_find(&cdb, key, (unsigned int)strlen(key));
	if (found < 0)
		return OG_ERR_CORRUPT;
	if (found == 0)
		return OG_OK;
	*len = cdb_datalen(&cdb);
	*row = cdb_getdata(&cdb);
	return *row != NULL ? OG_OK : OG_ERR_CORRUPT;
}

/* The record at `at`, when it is the key's; else *len stays 0. */
static enum og_error
read_record(const struct og_list *list, uint64_t at, const char *key,
    unsigned char row[OG_WIRE_ROW_MAX], size_t *len)
{
	unsigned char record[8 + OG_LIST_KEY_MAX + OG_WIRE_ROW_MAX];
	size_t key_len, room, value_len;
	enum og_error error;

	if (at < OG_LIST_BODY || at > list->size - 8)
		return OG_ERR_CORRUPT;
	key_len = strlen(key);
	room = 8 + key_len + OG_WIRE_ROW_MAX;
	if (room > list->size - at)
		room = (size_t)(list->size - at);
	error = read_at(list->fd, record, room, at);
	if (error != OG_OK)
		return error;
	if (cdb_unpack(record) != key_len || room < 8 + key_len ||
	    memcmp(record + 8, key, key_len) != 0)
		return OG_OK;
	value_len = cdb_unpack(record + 4);
	if (value_len == 0 || value_len > room - 8 - key_len)
		return OG_ERR_CORRUPT;
	memcpy(row, record + 8 + key_len, value_len);
	*len = value_len;
	return OG_OK;
}

/*
 * The library's cdb_seek takes eight calls and more, and believes whatever
 * length a damaged table claims. Here: one read of hash slots, one of the
 * record, bounded by the file's size.
 */
static enum og_error
find_on_disk(const struct og_list *list, const char *key,
    unsigned char row[OG_WIRE_ROW_MAX], size_t *len)
{
	unsigned char slot[SLOTS * 8];
	unsigned int at, hash, i, n, record, table, slots;
	enum og_error error;

	hash = cdb_hash(key, (unsigned int)strlen(key));
	table = cdb_unpack(list->toc + (hash & 255) * 8);
	slots = cdb_unpack(list->toc + (hash & 255) * 8 + 4);
	if (slots == 0)
		return OG_OK;
	if (table < OG_LIST_BODY || table > list->size ||
	    slots > (list->size - table) / 8)
		return OG_ERR_CORRUPT;
	at = (hash >> 8) % slots;
	for (i = 0; i < slots; i += n, at = (at + n) % slots) {
		n = slots - at < SLOTS ? slots - at : SLOTS;
		error = read_at(list->fd, slot, n * 8,
		    table + (uint64_t)at * 8);
		if (error != OG_OK)
			return error;
		for (unsigned int k = 0; k < n; k++) {
			record = cdb_unpack(slot + k * 8 + 4);
			if (record == 0)
				return OG_OK;
			if (cdb_unpack(slot + k * 8) != hash)
				continue;
			error = read_record(list, record, key, row, len);
			if (error != OG_OK || *len > 0)
				return error;
		}
	}
	return OG_OK;
}

enum og_error
og_list_find(struct og_list *list, const char *key, struct og_record *record,
    bool *found)
{
	unsigned char copy[OG_WIRE_ROW_MAX];
	const unsigned char *row;
	enum og_error error;
	size_t len;

	memset(record, 0, sizeof(*record));
	*found = false;
	len = 0;
	row = copy;
	if (strlen(key) > OG_LIST_KEY_MAX)
		return OG_OK;
	if (list->data != NULL)
		error = find_in_memory(list, key, &row, &len);
	else
		error = find_on_disk(list, key, copy, &len);
	if (error != OG_OK || len == 0)
		return error;
	error = og_wire_get_row(record, list->head.query, key, row, len);
	*found = error == OG_OK;
	return error;
}

struct og_list_maker {
	struct cdb_make make;
	int fd;
	bool finished;
};

/* tinycdb 0.78 reports failed allocations as ENOMEM, and once as ENOENT. */
static enum og_error
made(int result)
{
	if (result >= 0)
		return OG_OK;
	return errno == ENOMEM || errno == ENOENT ? OG_ERR_NOMEM :
	    OG_ERR_SYSTEM;
}

enum og_error
og_list_maker_new(struct og_list_maker **out, int fd)
{
	static const unsigned char empty[HEAD_VALUE];
	struct og_list_maker *maker;
	enum og_error error;

	*out = NULL;
	maker = malloc(sizeof(*maker));
	if (maker == NULL)
		return OG_ERR_NOMEM;
	maker->fd = fd;
	maker->finished = false;
	cdb_make_start(&maker->make, fd);
	/* The head's place; og_list_maker_finish fills it. */
	error = made(cdb_make_add(&maker->make, "", 0, empty, sizeof(empty)));
	if (error != OG_OK) {
		og_list_maker_free(maker);
		return error;
	}
	*out = maker;
	return OG_OK;
}

void
og_list_maker_free(struct og_list_maker *maker)
{
	if (maker == NULL)
		return;
	/* Nothing else in the library frees what it has gathered. */
	if (!maker->finished)
		cdb_make_finish(&maker->make);
	free(maker);
}

enum og_error
og_list_maker_add(struct og_list_maker *maker, const char *key,
    const void *row, size_t len)
{
	return made(cdb_make_add(&maker->make, key, (unsigned int)strlen(key),
	    row, (unsigned int)len));
}

enum og_error
og_list_maker_has(struct og_list_maker *maker, const char *key, bool *found)
{
	int result;

	result = cdb_make_exists(&maker->make, key, (unsigned int)strlen(key));
	*found = result > 0;
	return made(result);
}

enum og_error
og_list_maker_replace(struct og_list_maker *maker, const char *key,
    const void *row, size_t len)
{
	return made(cdb_make_put(&maker->make, key, (unsigned int)strlen(key),
	    row, (unsigned int)len, CDB_PUT_REPLACE0));
}

enum og_error
og_list_maker_finish(struct og_list_maker *maker, struct og_list_head *head)
{
	unsigned char start[OG_LIST_BODY];
	enum og_error error;
	struct head raw;
	uint64_t result;
	off_t end;

	maker->finished = true;
	error = made(cdb_make_finish(&maker->make));
	if (error != OG_OK)
		return error;
	end = lseek(maker->fd, 0, SEEK_END);
	if (end < 0)
		return OG_ERR_SYSTEM;
	head->size = (uint64_t)end;
	error = sum_body(maker->fd, head->size, &result);
	if (error == OG_OK)
		error = read_at(maker->fd, start, TOC_SIZE, 0);
	if (error != OG_OK)
		return error;
	memset(&raw, 0, sizeof(raw));
	raw.value_size = htole32((uint32_t)HEAD_VALUE);
	memcpy(raw.magic, magic, sizeof(magic));
	raw.version = htole32(VERSION);
	raw.state = htole32((uint32_t)head->state);
	raw.size = htole64(head->size);
	raw.rows = htole64(head->rows);
	raw.fetched_at = htole64((uint64_t)head->fetched_at);
	raw.boot_ms = htole64((uint64_t)head->boot_ms);
	raw.print = head->print;
	memcpy(raw.query, head->query, sizeof(raw.query));
	raw.body_sum = htole64(result);
	memcpy(start + TOC_SIZE, &raw, sizeof(raw));
	raw.head_sum = htole64(sum(OG_FNV_START, start, SUMMED_HEAD));
	/* Over bytes that are there already. */
	if (pwrite(maker->fd, &raw, sizeof(raw), TOC_SIZE) !=
	    (ssize_t)sizeof(raw))
		return OG_ERR_SYSTEM;
	return OG_OK;
}

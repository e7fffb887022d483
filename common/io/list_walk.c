#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/list.h"
#include "value/wire.h"

/*
 * A cdb's records follow one another from the table of contents to the first
 * hash table, where the table of contents begins to point: two lengths, key,
 * value, all numbers of four bytes, little-endian (cdb(5)).
 */
#define LENGTHS 8

static uint32_t
number(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

/* One record; *at is where it ends. A row has two keys: the id's counts. */
static enum og_error
one_row(const struct og_list *list, FILE *file, uint64_t *at,
    enum og_error (*each)(void *arg, const struct og_record *), void *arg)
{
	unsigned char lengths[LENGTHS], row[OG_WIRE_ROW_MAX];
	char key[OG_LIST_KEY_MAX + 1];
	struct og_record record;
	size_t key_len, row_len;

	if (fread(lengths, sizeof(lengths), 1, file) != 1)
		return OG_ERR_CORRUPT;
	key_len = number(lengths);
	row_len = number(lengths + 4);
	if (key_len == 0 || key_len > OG_LIST_KEY_MAX || row_len == 0 ||
	    row_len > sizeof(row) || fread(key, key_len, 1, file) != 1 ||
	    fread(row, row_len, 1, file) != 1)
		return OG_ERR_CORRUPT;
	key[key_len] = '\0';
	*at += LENGTHS + key_len + row_len;
	if (key[0] != 'i')
		return OG_OK;
	if (og_wire_get_row(&record, list->head.query, key, row, row_len) !=
	    OG_OK)
		return OG_ERR_CORRUPT;
	return each(arg, &record);
}

enum og_error
og_list_each(const struct og_list *list,
    enum og_error (*each)(void *arg, const struct og_record *), void *arg)
{
	enum og_error error;
	uint64_t at, end;
	FILE *file;
	int fd;

	end = number(list->data != NULL ? list->data : list->toc);
	if (end < OG_LIST_BODY || end > list->size)
		return OG_ERR_CORRUPT;
	fd = dup(list->fd);
	file = fd >= 0 ? fdopen(fd, "r") : NULL;
	if (file == NULL || fseek(file, OG_LIST_BODY, SEEK_SET) != 0) {
		error = OG_ERR_SYSTEM;
		goto out;
	}
	error = OG_OK;
	for (at = OG_LIST_BODY; at < end && error == OG_OK;)
		error = one_row(list, file, &at, each, arg);
out:
	if (file != NULL)
		fclose(file);
	else if (fd >= 0)
		close(fd);
	return error;
}

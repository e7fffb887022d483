/*
 * A list's file whose head is sound and whose tables and records are not: no
 * reader is led astray, and what two of them find is the same.
 */
#include <assert.h>
#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/list.h"
#include "value/text.h"
#include "value/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define TOC	2048
#define SIZE	(OG_LIST_WHOLE_MAX + 4096)	/* too large for one read */
#define KEY	"iuser-1"
#define START	10				/* of the body in the input */

/* As list.c sums; here it is written once more, byte by byte. */
static uint64_t
sum(const uint8_t *data, size_t len)
{
	uint64_t result, word;
	size_t i;

	result = OG_FNV_START;
	for (; len >= 8; data += 8, len -= 8) {
		word = 0;
		for (i = 0; i < 8; i++)
			word |= (uint64_t)data[i] << 8 * i;
		result = (result ^ word) * UINT64_C(0x100000001b3);
		result ^= result >> 32;
	}
	return og_fnv1a(result, data, len);
}

static void
put(uint8_t *at, uint64_t value, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t
hash(const char *key)
{
	uint32_t h;

	for (h = 5381; *key != '\0'; key++)
		h = (h * 33) ^ (uint8_t)*key;
	return h;
}

static uint32_t
get(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16;
}

/* The key's true record at `at`, and a slot of the table that leads there. */
static void
place_record(uint8_t *file, uint32_t table, uint32_t slots, uint32_t at)
{
	static const struct og_record record = { .id = "user-1",
	    .email = "ann@example.com" };
	struct og_buffer row;
	uint32_t slot;

	slot = table + (hash(KEY) >> 8) % slots * 8;
	if (slot > SIZE - 8 || at > SIZE - 1024)
		return;
	og_buffer_init(&row, OG_WIRE_ROW_MAX);
	if (og_wire_put_row(&row, "users", KEY, &record) != OG_OK)
		abort();
	put(file + slot, hash(KEY), 4);
	put(file + slot + 4, at, 4);
	put(file + at, strlen(KEY), 4);
	put(file + at + 4, row.len, 4);
	memcpy(file + at + 8, KEY, strlen(KEY));
	memcpy(file + at + 8 + strlen(KEY), row.data, row.len);
	og_buffer_free(&row);
}

/*
 * data: where the key's table lies, how long it is, where the records are
 * said to end, where the key's record lies; then the body, over all that.
 */
static void
build(uint8_t *file, const uint8_t *data, size_t size)
{
	uint32_t slots, table;
	uint8_t *head;
	size_t i;

	memset(file, 0, SIZE);
	table = OG_LIST_BODY + get(data) % SIZE;
	slots = data[3] < 250 ? data[3] : (uint32_t)data[3] << 24;
	put(file, get(data + 4) % (SIZE + TOC), 4);
	put(file + (hash(KEY) & 255) * 8, table, 4);
	put(file + (hash(KEY) & 255) * 8 + 4, slots, 4);
	if (slots > 0)
		place_record(file, table, slots, OG_LIST_BODY +
		    get(data + 7) % SIZE);
	for (i = START; i < size && i < SIZE / 2; i++)
		file[OG_LIST_BODY + i - START] ^= data[i];
	head = file + TOC;
	put(head + 4, OG_LIST_BODY - TOC - 8, 4);
	memcpy(head + 8, "OGLIST\r\n", 8);
	put(head + 16, 2, 4);
	put(head + 20, OG_LIST_COMPLETE, 4);
	put(head + 24, SIZE, 8);
	put(head + 40, 1700000000, 8);
	memcpy(head + 88, "users", 5);
	put(file + OG_LIST_BODY - 16, sum(file + OG_LIST_BODY,
	    SIZE - OG_LIST_BODY), 8);
	put(file + OG_LIST_BODY - 8, sum(file, OG_LIST_BODY - 8), 8);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct og_record one, other;
	bool found_one, found_other;
	struct og_list list;
	enum og_error error;
	uint8_t *file;
	int fd;

	if (size < START)
		return 0;
	fd = memfd_create("list", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, SIZE) != 0)
		abort();
	file = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (file == MAP_FAILED)
		abort();
	build(file, data, size);
	error = og_list_open(&list, fd, SIZE);
	assert(error == OG_OK && list.data == NULL);
	(void)og_list_find(&list, KEY, &one, &found_one);
	error = og_list_verify(&list);
	assert(error == OG_OK);
	og_list_close(&list);
	error = og_list_hold(&list, fd, SIZE);
	assert(error == OG_OK && list.data != NULL);
	(void)og_list_find(&list, KEY, &other, &found_other);
	og_list_close(&list);
	if (found_one && found_other)
		assert(memcmp(&one, &other, sizeof(one)) == 0);
	/* And bytes without a sound head. */
	if (og_list_hold(&list, fd, size) == OG_OK)
		abort();
	munmap(file, SIZE);
	close(fd);
	return 0;
}

/* Facts and rows as bytes: whatever is read back is what would be written. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "value/text.h"
#include "value/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define HEAD	4
#define SUM	8

/* Sets length and checksum right, so that more than they is tested. */
static void
mend(uint8_t *data, size_t size, uint64_t seed)
{
	uint64_t sum;
	size_t i;

	data[2] = (uint8_t)size;
	data[3] = (uint8_t)(size >> 8);
	sum = og_fnv1a(seed, data, size - SUM);
	for (i = 0; i < SUM; i++)
		data[size - SUM + i] = (uint8_t)(sum >> 8 * i);
}

static void
check_fact(const uint8_t *data, size_t size)
{
	struct og_buffer again;
	struct og_fact fact;
	enum og_error error;
	size_t used;

	error = og_wire_get_fact(&fact, data, size, &used);
	if (error != OG_OK) {
		assert(error == OG_ERR_CORRUPT && used == 0);
		assert(fact.state == OG_FACT_WANTED && fact.fetched_at == 0);
		return;
	}
	assert(used <= size && used <= OG_WIRE_FACT_MAX);
	assert(fact.state != OG_FACT_WANTED);
	og_buffer_init(&again, OG_WIRE_FACT_MAX);
	error = og_wire_put_fact(&again, &fact);
	if (error != OG_OK)
		abort();
	assert(again.len == used && memcmp(again.data, data, used) == 0);
	og_buffer_free(&again);
}

static void
check_row(const uint8_t *data, size_t size)
{
	struct og_buffer again;
	struct og_record record;

	if (og_wire_get_row(&record, "users", "i", data, size) != OG_OK)
		return;
	og_buffer_init(&again, OG_WIRE_ROW_MAX);
	if (og_wire_put_row(&again, "users", "i", &record) != OG_OK)
		abort();
	assert(again.len == size && memcmp(again.data, data, size) == 0);
	og_buffer_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t seed;
	uint8_t *copy;

	check_fact(data, size);
	check_row(data, size);
	if (size < HEAD || size > OG_WIRE_FACT_MAX)
		return 0;
	copy = malloc(size + SUM);
	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	copy[1] = 1;
	copy[0] = 'F';
	mend(copy, size + SUM, OG_FNV_START);
	check_fact(copy, size + SUM);
	copy[0] = 'R';
	seed = og_fnv1a(og_fnv1a(OG_FNV_START, "users", 6), "i", 2);
	mend(copy, size + SUM, seed);
	check_row(copy, size + SUM);
	free(copy);
	return 0;
}

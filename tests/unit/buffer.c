/* Buffers: their growth, and the limit that they keep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "value/buffer.h"
#include "value/error.h"

static void
test_buffer_limit(void **state)
{
	struct og_buffer buffer;
	char big[1000];

	(void)state;
	memset(big, 'b', sizeof(big));
	og_buffer_init(&buffer, 600);
	assert_string_equal(buffer.data, "");
	assert_int_equal(og_buffer_add(&buffer, "abc", 3), OG_OK);
	assert_int_equal(og_buffer_add(&buffer, big, 598), OG_ERR_LIMIT);
	assert_int_equal(buffer.len, 3);
	assert_string_equal(buffer.data, "abc");
	assert_int_equal(og_buffer_add(&buffer, big, SIZE_MAX), OG_ERR_LIMIT);
	assert_int_equal(og_buffer_add(&buffer, big, 597), OG_OK);
	assert_int_equal(buffer.len, 600);
	assert_int_equal(buffer.data[600], '\0');
	assert_int_equal(og_buffer_add(&buffer, "x", 1), OG_ERR_LIMIT);
	assert_int_equal(og_buffer_addf(&buffer, "%d", 1), OG_ERR_LIMIT);
	assert_int_equal(og_buffer_addf(&buffer, "%s", ""), OG_OK);
	assert_int_equal(og_buffer_add(&buffer, NULL, 0), OG_OK);
	assert_int_equal(buffer.len, 600);
	assert_memory_equal(buffer.data, "abcbbb", 6);
	og_buffer_free(&buffer);
}

static void
test_buffer_grows(void **state)
{
	struct og_buffer buffer;
	char expected[16];
	int i;

	(void)state;
	og_buffer_init(&buffer, 1 << 20);
	for (i = 0; i < 10000; i++)
		assert_int_equal(og_buffer_addf(&buffer, "%05d,", i), OG_OK);
	assert_int_equal(buffer.len, 60000);
	assert_int_equal(strlen(buffer.data), 60000);
	for (i = 0; i < 10000; i += 777) {
		snprintf(expected, sizeof(expected), "%05d,", i);
		assert_memory_equal(buffer.data + 6 * i, expected, 6);
	}
	og_buffer_reset(&buffer);
	assert_int_equal(buffer.len, 0);
	assert_string_equal(buffer.data, "");
	assert_int_equal(og_buffer_add(&buffer, "a\0b", 3), OG_OK);
	assert_memory_equal(buffer.data, "a\0b", 4);
	og_buffer_free(&buffer);
	og_buffer_free(&buffer);
	assert_string_equal(buffer.data, "");
	assert_int_equal(og_buffer_add(&buffer, "again", 5), OG_OK);
	assert_string_equal(buffer.data, "again");
	og_buffer_free(&buffer);
}

/* Every size on the way, with its NUL inside what is allocated. */
static void
test_buffer_byte_by_byte(void **state)
{
	struct og_buffer buffer;
	size_t i;

	(void)state;
	og_buffer_init(&buffer, 3000);
	for (i = 1; i <= 3000; i++) {
		assert_int_equal(og_buffer_add(&buffer, "x", 1), OG_OK);
		assert_int_equal(buffer.len, i);
		assert_true(buffer.size > buffer.len);
		assert_int_equal(buffer.data[i], '\0');
	}
	og_buffer_free(&buffer);
}

static void
test_buffer_without_limit(void **state)
{
	struct og_buffer buffer;

	(void)state;
	og_buffer_init(&buffer, SIZE_MAX);
	assert_int_equal(og_buffer_add(&buffer, "a", 1), OG_OK);
	assert_int_equal(og_buffer_add(&buffer, "", SIZE_MAX - 1),
	    OG_ERR_NOMEM);
	assert_string_equal(buffer.data, "a");
	og_buffer_free(&buffer);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buffer_limit),
		cmocka_unit_test(test_buffer_grows),
		cmocka_unit_test(test_buffer_byte_by_byte),
		cmocka_unit_test(test_buffer_without_limit),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}

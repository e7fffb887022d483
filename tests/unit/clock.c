/* The two clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "value/clock.h"

static void
test_clocks(void **state)
{
	int64_t before, after;

	(void)state;
	before = og_clock_mono();
	after = og_clock_mono();
	assert_true(before > 0 && after >= before);
	/* Seconds, not milliseconds: between 2020 and 2100. */
	assert_true(og_clock_wall() > INT64_C(1577836800));
	assert_true(og_clock_wall() < INT64_C(4102444800));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clocks),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}

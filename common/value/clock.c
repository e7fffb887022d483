#include "value/clock.h"

#include <time.h>

int64_t
og_clock_wall(void)
{
	return (int64_t)time(NULL);
}

int64_t
og_clock_mono(void)
{
	struct timespec ts;

	/* Cannot fail: Linux has had this clock since 2.6. */
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

#include "value/clock.h"

#include <time.h>

int64_t
og_clock_wall(void)
{
	return (int64_t)time(NULL);
}

/* Cannot fail: Linux has had these clocks since 2.6.39. */
static int64_t
milliseconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
og_clock_mono(void)
{
	return milliseconds(CLOCK_MONOTONIC);
}

int64_t
og_clock_boot(void)
{
	return milliseconds(CLOCK_BOOTTIME);
}

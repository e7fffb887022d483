/*
 * The two clocks. Ages of facts are wall time in Unix seconds, since they
 * are shared between processes and survive a restart; deadlines are
 * monotonic milliseconds (CLOCK_MONOTONIC), since wall time may be set.
 */
#ifndef OG_VALUE_CLOCK_H
#define OG_VALUE_CLOCK_H

#include <stdint.h>

int64_t og_clock_wall(void);		/* seconds */
int64_t og_clock_mono(void);		/* milliseconds */

#endif

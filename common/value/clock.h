/*
 * The three clocks. Facts are dated by wall time in Unix seconds, since they
 * survive a restart, and by the time since the boot, in milliseconds
 * (CLOCK_BOOTTIME: it goes on while the machine is suspended), since wall time
 * may be set. Deadlines are monotonic milliseconds (CLOCK_MONOTONIC): who
 * sleeps does not wait.
 */
#ifndef OG_VALUE_CLOCK_H
#define OG_VALUE_CLOCK_H

#include <stdint.h>

int64_t og_clock_wall(void);		/* seconds */
int64_t og_clock_mono(void);		/* milliseconds */
int64_t og_clock_boot(void);		/* milliseconds */

#endif

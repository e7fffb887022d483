/*
 * A buffer that grows up to a limit given when it is made. Its bytes are
 * always followed by one NUL that len does not count, so text in it can be
 * used as a string once it is known to hold no NUL.
 */
#ifndef OG_VALUE_BUFFER_H
#define OG_VALUE_BUFFER_H

#include <stddef.h>

#include "value/error.h"

struct og_buffer {
	char *data;		/* "" until the first byte; owned */
	size_t len;
	size_t size;		/* allocated */
	size_t limit;		/* len never passes it */
};

void og_buffer_init(struct og_buffer *, size_t limit);

/* Wipes (explicit_bzero) and frees; the buffer is as after init. */
void og_buffer_free(struct og_buffer *);

/* Keeps the memory, forgets the bytes. */
void og_buffer_reset(struct og_buffer *);

/* OG_ERR_LIMIT or OG_ERR_NOMEM leave the buffer as it was. */
enum og_error og_buffer_add(struct og_buffer *, const void *, size_t);
enum og_error og_buffer_addf(struct og_buffer *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif

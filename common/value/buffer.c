#include "value/buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What data points to while nothing is allocated: never written to. */
static char empty[1];

void
og_buffer_init(struct og_buffer *buffer, size_t limit)
{
	buffer->data = empty;
	buffer->len = 0;
	buffer->size = 0;
	buffer->limit = limit;
}

void
og_buffer_free(struct og_buffer *buffer)
{
	if (buffer->size > 0) {
		explicit_bzero(buffer->data, buffer->size);
		free(buffer->data);
	}
	og_buffer_init(buffer, buffer->limit);
}

void
og_buffer_reset(struct og_buffer *buffer)
{
	buffer->len = 0;
	if (buffer->size > 0)
		buffer->data[0] = '\0';
}

/* A fresh block and a wipe, not realloc: the bytes may be a secret. */
static enum og_error
reserve(struct og_buffer *buffer, size_t more)
{
	size_t size, limit;
	char *data;

	limit = buffer->limit;
	if (more > limit - buffer->len)
		return OG_ERR_LIMIT;
	if (buffer->len + more < buffer->size)
		return OG_OK;
	if (buffer->len + more >= SIZE_MAX / 2)
		return OG_ERR_NOMEM;	/* before the doubling below wraps */
	size = buffer->size > 0 ? buffer->size : 256;
	while (size <= buffer->len + more)
		size *= 2;
	data = malloc(size);
	if (data == NULL)
		return OG_ERR_NOMEM;
	memcpy(data, buffer->data, buffer->len);
	data[buffer->len] = '\0';
	if (buffer->size > 0) {
		explicit_bzero(buffer->data, buffer->size);
		free(buffer->data);
	}
	buffer->data = data;
	buffer->size = size;
	return OG_OK;
}

enum og_error
og_buffer_add(struct og_buffer *buffer, const void *data, size_t len)
{
	enum og_error error;

	if (len == 0)
		return OG_OK;
	error = reserve(buffer, len);
	if (error != OG_OK)
		return error;
	memcpy(buffer->data + buffer->len, data, len);
	buffer->len += len;
	buffer->data[buffer->len] = '\0';
	return OG_OK;
}

enum og_error
og_buffer_addf(struct og_buffer *buffer, const char *fmt, ...)
{
	enum og_error error;
	va_list ap, again;
	int len;

	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, ap);
	error = len < 0 ? OG_ERR_SYSTEM : reserve(buffer, (size_t)len);
	if (error == OG_OK && len > 0) {
		vsnprintf(buffer->data + buffer->len, (size_t)len + 1, fmt,
		    again);
		buffer->len += (size_t)len;
	}
	va_end(again);
	va_end(ap);
	return error;
}

#include "value/error.h"

#include <stdarg.h>
#include <stdio.h>

const char *
og_strerror(enum og_error error)
{
	switch (error) {
	case OG_OK:
		return "success";
	case OG_ERR_NOMEM:
		return "out of memory";
	case OG_ERR_SYSTEM:
		return "system call failed";
	case OG_ERR_MISSING:
		return "no such file";
	case OG_ERR_UNSAFE:
		return "unsafe file";
	case OG_ERR_SYNTAX:
		return "syntax error";
	case OG_ERR_LIMIT:
		return "over the limit";
	case OG_ERR_CORRUPT:
		return "corrupt data";
	case OG_ERR_PROTOCOL:
		return "protocol error";
	case OG_ERR_TIMEOUT:
		return "deadline passed";
	case OG_ERR_NETWORK:
		return "network failure";
	case OG_ERR_BUSY:
		return "busy";
	}
	return "unknown error";
}

void
og_message_set(struct og_message *message, const char *fmt, ...)
{
	va_list ap;

	message->text[0] = '\0';	/* vsnprintf may fail and leave it alone */
	va_start(ap, fmt);
	vsnprintf(message->text, sizeof(message->text), fmt, ap);
	va_end(ap);
}

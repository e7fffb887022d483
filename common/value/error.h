/*
 * Errors of the library. 0 is success. "Not there" is never an error: it is
 * a fact (see fact.h). What an error means for the person at the door is
 * said by a reason (see reason.h).
 */
#ifndef OG_VALUE_ERROR_H
#define OG_VALUE_ERROR_H

enum og_error {
	OG_OK = 0,
	OG_ERR_NOMEM,		/* memory could not be had */
	OG_ERR_SYSTEM,		/* a system call failed; errno says which way */
	OG_ERR_MISSING,		/* a file that must exist does not */
	OG_ERR_UNSAFE,		/* a file or directory that must not be trusted */
	OG_ERR_SYNTAX,		/* text that breaks its grammar */
	OG_ERR_LIMIT,		/* a value or size beyond its limit */
	OG_ERR_CORRUPT,		/* stored or piped bytes that cannot be ours */
	OG_ERR_PROTOCOL,	/* an answer of the API that breaks its contract */
	OG_ERR_TIMEOUT,		/* the deadline passed */
	OG_ERR_NETWORK,		/* DNS, TCP or TLS failed */
	OG_ERR_BUSY		/* another process is at it */
};

/* Never NULL. */
const char *og_strerror(enum og_error);

/*
 * One line for the log, written by whoever found the fault: file, line,
 * path and mode where they apply. Always terminated; cut when too long.
 */
#define OG_MESSAGE_MAX 512

struct og_message {
	char text[OG_MESSAGE_MAX];
};

void og_message_set(struct og_message *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif

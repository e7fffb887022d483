/* What the parts of libc.h's libc share: one for each kind of call. */
#ifndef FUZZ_LIBC_WRAP_H
#define FUZZ_LIBC_WRAP_H

#include "libc.h"

/* What the wrapped calls are, real and ours, is told by their names. */
#define WRAP(type, name, args)						\
	type __real_##name args;					\
	type __wrap_##name args;					\
	type __wrap_##name args

enum kind {
	FD_NONE = 0,
	FD_FILE,
	FD_DIRECTORY,
	FD_STORE,
	FD_READER,
	FD_WRITER
};

/* Counts the call; true: it is one of those that fail, and errno says how. */
bool libc_fails(void);

void libc_reset_fds(void);
/* -1: there are too many. */
int libc_new_fd(enum kind, const struct libc_file *);
/* Requires that it is open, and of that kind; FD_NONE: of any. */
int libc_index_of(int fd, enum kind);

#endif

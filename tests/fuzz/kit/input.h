/*
 * A fuzzer's input, taken byte by byte. Once it has run out all is 0, so every
 * prefix of an input is an input, and 0 stands for what is ordinary.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct input {
	const uint8_t *data;
	size_t left;
};

static inline unsigned int
take(struct input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->data++;
}

/* 0 … below-1 */
static inline unsigned int
pick(struct input *input, unsigned int below)
{
	return take(input) % below;
}

/* As assert(3), which a build with NDEBUG would lose. */
#define REQUIRE(condition) do {						\
	if (!(condition)) {						\
		fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__,	\
		    __LINE__, #condition);				\
		abort();						\
	}								\
} while (0)

#endif

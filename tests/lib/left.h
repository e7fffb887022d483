/*
 * What a call leaves behind in its process: descriptors, mapped files,
 * threads, children, signal dispositions.
 */
#ifndef TESTS_LEFT_H
#define TESTS_LEFT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#define LEFT_DESCRIPTORS	4096
#define LEFT_FILES		256
#define LEFT_SIGNALS		65

struct left_state {
	bool descriptor[LEFT_DESCRIPTORS];
	char file[LEFT_FILES][256];	/* mapped */
	size_t files;
	struct sigaction action[LEFT_SIGNALS];
	sigset_t mask;
	size_t threads;
	mode_t umask;
	char directory[4096];
};

/* Ends the program when it cannot see. */
void left_take(struct left_state *);

/* One line "left WHAT" for each thing that is new or has changed. */
void left_print(FILE *, const struct left_state *before,
    const struct left_state *after);

#endif

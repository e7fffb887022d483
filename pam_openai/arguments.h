/*
 * The arguments of a pam.d line (pam_openai(8)). An unknown one is an error,
 * never a shrug: a misspelt `policy=` would else open another door.
 */
#ifndef GATE_ARGUMENTS_H
#define GATE_ARGUMENTS_H

#include <stdbool.h>

#include "value/error.h"
#include "value/reason.h"

/* Text is borrowed from argv. */
struct gate_arguments {
	const char *conf;	/* absolute */
	const char *policy;	/* NULL: the one that names the PAM service */
	bool debug;
	bool quiet;
};

/* OG_GO_ON, or OG_CONFIG with a message. `quiet` and `debug` are obeyed even
 * then, wherever they stand. */
enum og_reason gate_arguments_parse(struct gate_arguments *, int argc,
    const char **argv, struct og_message *);

#endif

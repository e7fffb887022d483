/*
 * The trusted files of a decision, read and parsed: configuration, identity
 * map, key. Each returns OG_GO_ON or the reason to give, with one line in
 * *message for the log.
 */
#ifndef OG_IO_LOAD_H
#define OG_IO_LOAD_H

#include "io/file.h"
#include "meaning/config.h"
#include "meaning/identity.h"
#include "value/buffer.h"
#include "value/reason.h"

/* OG_CONFIG (missing, malformed), OG_UNSAFE_FILE, OG_NO_MEMORY. */
enum og_reason og_load_config(struct og_config **, const char *path,
    struct og_message *);

/* Whole text of a map file, for og_identity_find. Same reasons. */
enum og_reason og_load_map(struct og_buffer *map, const char *path,
    struct og_message *);

/*
 * Who `name` is by the policy's own map and template, else by [identity]'s.
 * Reasons of og_identity_find and og_load_map; OG_GO_ON: *subject is set.
 */
enum og_reason og_load_subject(struct og_subject *subject,
    const struct og_config *, const struct og_policy *, const char *name,
    size_t name_len, struct og_message *);

/*
 * The admin key: one line of printable ASCII without blanks. OG_CONFIG
 * (missing or malformed), OG_UNSAFE_FILE, or OG_CREDENTIAL for what can be
 * seen to be another kind of key: sk-proj-, sk-svcacct- (CONTRACT section 4);
 * the message says which kind is wanted and where to make one. The key is in
 * *key, a secret: og_buffer_free wipes it. The message never holds any of it.
 */
#define OG_KEY_MAX 1024
enum og_reason og_load_key(struct og_buffer *key, const char *path,
    struct og_message *);

/*
 * Whether what is to run in our process, or as we do, may be trusted: by its
 * path, with the rules of the other files. OG_CONFIG (it is not there),
 * OG_UNSAFE_FILE.
 */
enum og_reason og_load_code(const char *path, struct og_message *);

/*
 * All that a connection to the API needs of files: who we are and whom we
 * trust. Read at once, so that a host may drop its privileges afterwards
 * (nginx's workers may read none of them). Two of them are secrets.
 */
struct og_credentials {
	struct og_buffer key;		/* key_file; empty: none is sent */
	struct og_buffer ca;		/* ca_file; empty: the system's authorities */
	struct og_buffer cert;		/* client_cert; empty: none */
	struct og_buffer cert_key;	/* client_key */
};

/* Empty. */
void og_credentials_init(struct og_credentials *);

/*
 * Reads what conf names into empty credentials: nothing at all without a
 * base_url. Reasons as og_load_key's; an empty file is OG_CONFIG. After an
 * error they are empty again.
 */
enum og_reason og_load_credentials(struct og_credentials *,
    const struct og_config *, struct og_message *);

void og_credentials_free(struct og_credentials *);	/* wipes */

#endif

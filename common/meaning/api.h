/*
 * The Administration API in words of queries and facts: paths out, answers
 * in. No I/O. Source of every path and field: the Administration API
 * reference, as digested in CONTRACT sections 1 to 3. GET only.
 */
#ifndef OG_MEANING_API_H
#define OG_MEANING_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "value/buffer.h"
#include "value/error.h"
#include "value/fact.h"
#include "value/tally.h"

#define OG_API_BODY_MAX		(32 * 1024 * 1024)	/* bytes of one answer */
#define OG_API_PATH_MAX		(32 * 1024)		/* bytes of one path */
#define OG_API_PAGES_MAX	1000			/* pages of one walk */
#define OG_API_EMAILS_MAX	20			/* addresses in one request */
#define OG_API_CURSOR_MAX	512			/* bytes */
#define OG_API_RETRY_MAX_MS	(600 * 1000)		/* a longer delay is cut to it */
#define OG_API_AGE_MAX		(365 * 86400)		/* seconds; older is cut to it */

/* What the API limits as one; the pace is kept for each (CONTRACT fact 3). */
enum og_endpoint {
	OG_ENDPOINT_USERS,		/* with and without emails[] */
	OG_ENDPOINT_USER,
	OG_ENDPOINT_PROJECT_USERS,
	OG_ENDPOINT_PROJECT_USER,
	OG_ENDPOINT_GROUP_USERS,
	OG_ENDPOINT_GROUP_USER,
	OG_ENDPOINT_INVITES,
	OG_ENDPOINT_PROJECT,
	OG_ENDPOINT_GROUP,
	OG_ENDPOINT_ADMIN_KEYS
};
#define OG_ENDPOINT_COUNT (OG_ENDPOINT_ADMIN_KEYS + 1)

/* The endpoint that answers this query directly. */
enum og_endpoint og_api_endpoint(const struct og_query *);
const char *og_endpoint_word(enum og_endpoint);		/* "users", "project-users", … */

/*
 * Appends path and query string, from "/organization/…" on, everything
 * percent-encoded. A list query: its page after `after` (NULL: the first),
 * 100 rows a page, groups 1000. OG_SUBJECT_ID: that one row. OG_SUBJECT_EMAIL
 * is for users only: see og_api_emails_path. OG_ERR_SYNTAX for a query that
 * the API cannot answer.
 */
enum og_error og_api_path(struct og_buffer *, const struct og_query *,
    const char *after);

/* The users with these addresses, 1 to OG_API_EMAILS_MAX of them. */
enum og_error og_api_emails_path(struct og_buffer *, const char *const *email,
    size_t count);

/* A project or group itself, for doctor: kind is PROJECT_USER or GROUP_USER. */
enum og_error og_api_container_path(struct og_buffer *, enum og_query_kind kind,
    const char *id);

/* The first page of the organization's admin keys. */
enum og_error og_api_keys_path(struct og_buffer *);

/* The rows of one answer. */
struct og_page {
	struct og_record *row;		/* owned */
	size_t count;
	bool has_more;
	char cursor[OG_API_CURSOR_MAX + 1];	/* what `after` is next; set iff has_more */
};

void og_page_free(struct og_page *);	/* zeroed is fine */

/*
 * Whether the pages of a list go round in a circle, however long: one cursor
 * is kept, and another in its place after twice as many pages (R. P. Brent).
 * Zeroed: no page so far. True, at the latest when three times as many pages
 * have come as differ: this cursor came before.
 */
struct og_circle {
	char cursor[OG_API_CURSOR_MAX + 1];
	unsigned int pages;		/* since it was kept */
	unsigned int patience;		/* so many, and another is */
};
bool og_circle_closes(struct og_circle *, const char *cursor);

/* An HTTP answer, as the transport saw it. Borrowed. */
struct og_reply {
	enum og_error error;		/* OG_OK: status and body are there */
	long status;
	const char *body;		/* not terminated; may hold anything */
	size_t len;
	int64_t retry_after_ms;		/* from the header; -1: none */
	const char *detail;		/* one line about error, or "" */
	int64_t date;			/* the API's clock, Unix seconds; 0: it did not say */
	int64_t age;			/* seconds that caches have kept it; 0: straight from it */
	const char *request_id;		/* the API's x-request-id; NULL or "": none */
};

/* What an HTTP answer means for the query that it was asked for. */
struct og_answer {
	/*
	 * FOUND: page holds a list's rows (perhaps none) or one row.
	 * ABSENT: no such row, project or group; an archived project.
	 * FAILED: failure says why, and nothing is known about anybody.
	 */
	enum og_fact_state state;
	enum og_reason failure;
	bool refused;			/* FAILED as PROTOCOL by a 4xx: what was asked
					   is at fault, another question may do */
	bool not_found;			/* refused by a 404: so may be every question */
	int64_t retry_after_ms;		/* -1: the API did not say */
	struct og_page page;
	struct og_message message;	/* for the log; "" when there is nothing to say */
};

/*
 * Judges by status and parsed body, never by message text. Always sets
 * *answer; free its page with og_page_free. `query` is a list query, a
 * single by id, or (for og_api_emails_path) users with OG_SUBJECT_EMAIL.
 *
 *	200		rows; a broken envelope, a row without id, has_more without
 *			cursor, a body that is not the JSON expected: PROTOCOL.
 *			A single whose id is not the one asked for: PROTOCOL
 *	404		ABSENT, except on the users and invites lists: PROTOCOL,
 *			refused, not found (perhaps the base URL is wrong)
 *	400		project users: ABSENT (archived, CONTRACT section 1)
 *	401, 403	CREDENTIAL
 *	429		RATE_LIMITED, with the delay from the header, or from "try
 *			again after N seconds" in the body (CONTRACT section 3)
 *	408, 409, 5xx	SERVER_ERROR
 *	other 4xx	PROTOCOL, refused
 *	3xx and others	PROTOCOL
 *	reply->error	TIMEOUT, NETWORK, PROTOCOL (body over the cap), NO_MEMORY
 *
 * Invitations that are not pending are left out of the page.
 */
void og_api_read(struct og_answer *answer, const struct og_query *query,
    const struct og_reply *reply);

/* How the request ended, for who counts. */
enum og_outcome og_api_outcome(const struct og_reply *,
    const struct og_answer *);

/* Picks one address (folded) out of the rows of an emails[] answer. */
enum og_pick {
	OG_PICK_FOUND,
	OG_PICK_ABSENT,
	OG_PICK_AMBIGUOUS,	/* two rows fold to the address */
	OG_PICK_IGNORED		/* rows of nobody we asked for, or has_more: the
				   filter was ignored and the page proves nothing */
};
enum og_pick og_page_pick(const struct og_page *, const char *const *asked,
    size_t asked_count, const char *email, const struct og_record **row);

/* A project's or group's own object. */
struct og_container {
	char id[OG_ID_MAX + 1];
	char name[256];		/* for people only; cleaned, cut */
	bool archived;
};
void og_api_read_container(struct og_answer *answer,
    struct og_container *container, const char *id, const struct og_reply *);

/*
 * When `key` expires, by the list of admin keys, where the API shows of each
 * its two ends ("sk-admin...def"). *expires_at: Unix seconds; -1: never; 0: it
 * is not told, also when none or several are shown so. A 404 is ABSENT.
 */
void og_api_read_keys(struct og_answer *answer, int64_t *expires_at,
    const char *key, const struct og_reply *);

#endif

/*
 * Query, record, fact: what the rest of the library talks about.
 *
 * All are plain values of fixed size: they own nothing, may be copied by
 * assignment and need no destructor. Text in them is terminated, UTF-8 and
 * free of NUL; an empty string means "none".
 */
#ifndef OG_VALUE_FACT_H
#define OG_VALUE_FACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "value/error.h"
#include "value/reason.h"

#define OG_ID_MAX	128	/* bytes; real ids have some 30 (CONTRACT section 1) */
#define OG_EMAIL_MAX	320	/* bytes; RFC 5321: 64 + 1 + 255 */
#define OG_ROLE_MAX	64	/* bytes; "owner", "reader", "member", … */

/*
 * A person as one row of the directory shows them (CONTRACT sections 1.1,
 * 1.3, 1.7, 1.10). The role is that of the list it was read from: of the
 * organization, of the project, of the invitation; groups give none.
 */
struct og_record {
	char id[OG_ID_MAX + 1];		/* opaque, compared byte by byte */
	char email[OG_EMAIL_MAX + 1];	/* as the API spelled it; may be none */
	char role[OG_ROLE_MAX + 1];	/* none: a member without a role */
	bool disabled;			/* user.enabled=false or user.banned=true */
	bool service_account;
	bool ambiguous;			/* several rows fold to this address */
};

enum og_query_kind {
	OG_QUERY_USER,		/* a member of the organization */
	OG_QUERY_PROJECT_USER,	/* a member of project `container` */
	OG_QUERY_GROUP_USER,	/* a member of group `container` */
	OG_QUERY_INVITE		/* somebody with a pending invitation */
};

enum og_subject_kind {
	OG_SUBJECT_LIST,	/* everybody: the query is for the whole list */
	OG_SUBJECT_EMAIL,	/* e-mail address, folded to lower case */
	OG_SUBJECT_ID		/* user id */
};

/* One question to the directory. */
struct og_query {
	enum og_query_kind kind;
	enum og_subject_kind subject_kind;
	char container[OG_ID_MAX + 1];	/* project or group id, else empty */
	char subject[OG_EMAIL_MAX + 1];	/* empty for OG_SUBJECT_LIST */
};

enum og_fact_state {
	OG_FACT_WANTED = 0,	/* not known; somebody has to ask */
	OG_FACT_FOUND,		/* positive: record says who */
	OG_FACT_ABSENT,		/* negative: the directory has no such row */
	OG_FACT_FAILED		/* asked in vain: failure says why */
};

enum og_fact_source {
	OG_SOURCE_NONE = 0,
	OG_SOURCE_STORE,
	OG_SOURCE_API
};

/* The answer to a query, with the time it was fetched. */
struct og_fact {
	struct og_query query;
	enum og_fact_state state;
	enum og_reason failure;		/* of OG_FACT_FAILED */
	enum og_fact_source source;
	bool stale;			/* served past its ttl */
	int64_t fetched_at;		/* Unix time in seconds; 0: never */
	struct og_record record;	/* of OG_FACT_FOUND */
};

/* The whole list that would answer the query. */
struct og_query og_query_list(const struct og_query *);

/* The query's spelling in the log, the store and JSON: "users",
 * "users?email=ann@example.com", "users/user-1", "projects/proj_a/users",
 * "groups/group_1/users/user-1", "invites?email=…". Unique per query. */
#define OG_QUERY_TEXT_MAX (OG_ID_MAX + OG_EMAIL_MAX + 40)
void og_query_text(const struct og_query *, char text[OG_QUERY_TEXT_MAX]);

/* Reads that spelling back. OG_ERR_SYNTAX leaves a zeroed query. */
enum og_error og_query_parse(struct og_query *, const char *text);

bool og_query_equal(const struct og_query *, const struct og_query *);

#endif

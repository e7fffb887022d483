/*
 * Policy evaluation, sans I/O: an engine that says which facts it wants
 * next. A test table, the store and the network fill them alike.
 *
 *	while (og_policy_step(policy, subject, facts, &decision) == OG_STEP_WANT)
 *		every fact in the table that is OG_FACT_WANTED becomes FOUND,
 *		ABSENT or FAILED
 *
 * The loop ends: each step that wants adds at least one fact, and the table
 * is bounded by the policy. The engine asks for all it needs at once, so that
 * they can be fetched in one round trip; it asks for invitations only to tell
 * `invite-pending` from `not-a-member`, and for nothing once the facts it has
 * settle the matter.
 *
 * A certain denial wins over "cannot know"; `allow` needs every requirement
 * positively met. Requirements are judged in this order,
 * and the first that decides gives the reason: membership, the account's
 * state, role, each project line, each group line.
 *
 * owner_is_member: an owner of the organization meets every project line,
 * whatever project_role asks, since an owner may act on all projects.
 *
 * A row that is not the subject's own, or that is ambiguous, proves nothing:
 * OG_PROTOCOL. So does a fact that failed for a reason that is no failure.
 *
 * The engine adds facts and never removes one. A caller that asks several
 * sources in turn may drop those that are still OG_FACT_WANTED before the
 * next step; what is still needed is then wanted again, and only that.
 */
#ifndef OG_MEANING_POLICY_H
#define OG_MEANING_POLICY_H

#include <stddef.h>

#include "meaning/config.h"
#include "meaning/identity.h"
#include "value/fact.h"

/* Caller's memory: `item` has room for `size` facts. */
struct og_facts {
	struct og_fact *item;
	size_t count;
	size_t size;
};

/* Facts that a decision by this policy may need. */
size_t og_policy_facts_max(const struct og_policy *);

enum og_step {
	OG_STEP_WANT,
	OG_STEP_DONE
};

struct og_decision {
	enum og_reason reason;		/* the verdict follows from it */
	struct og_record user;		/* the organization's row, where known */
};

enum og_step og_policy_step(const struct og_policy *,
    const struct og_subject *, struct og_facts *, struct og_decision *);

/* The fact for that query, added as OG_FACT_WANTED when the table has none;
 * NULL only when the table is full. */
struct og_fact *og_facts_get(struct og_facts *, const struct og_query *);

#endif

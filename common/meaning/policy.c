#include "meaning/policy.h"

#include <string.h>

#include "value/text.h"

/*
 * What is known of one requirement, or of all of them. In the order of
 * precedence: of two, the lower one wins. WANTED comes before UNKNOWN since
 * what is still to be asked may yet bring a certain denial.
 */
enum outcome {
	DENIED = 0,
	WANTED,
	UNKNOWN,
	MET
};

struct judgement {
	enum outcome outcome;
	enum og_reason reason;		/* of DENIED and UNKNOWN */
};

struct evaluation {
	const struct og_policy *policy;
	const struct og_subject *subject;
	const struct og_facts *facts;
	const struct og_record *user;	/* proven to be the subject's; or NULL */
};

static const struct judgement met = { .outcome = MET };
static const struct judgement wanted = { .outcome = WANTED };

static struct judgement
judged(enum outcome outcome, enum og_reason reason)
{
	struct judgement judgement;

	judgement.outcome = outcome;
	judgement.reason = reason;
	return judgement;
}

/* The earlier one stays where both weigh the same. */
static void
combine(struct judgement *all, struct judgement one)
{
	if (one.outcome < all->outcome)
		*all = one;
}

static struct og_query
make_query(const struct og_subject *subject, enum og_query_kind kind,
    const char *container)
{
	struct og_query query;

	memset(&query, 0, sizeof(query));
	query.kind = kind;
	query.subject_kind = subject->kind;
	og_copy(query.container, sizeof(query.container), container,
	    strlen(container));
	memcpy(query.subject, subject->text, sizeof(query.subject));
	return query;
}

static struct og_fact *
find_fact(const struct og_facts *facts, const struct og_query *query)
{
	size_t i;

	for (i = 0; i < facts->count; i++) {
		if (og_query_equal(&facts->item[i].query, query))
			return &facts->item[i];
	}
	return NULL;
}

struct og_fact *
og_facts_get(struct og_facts *facts, const struct og_query *query)
{
	struct og_fact *fact;

	fact = find_fact(facts, query);
	if (fact != NULL || facts->count >= facts->size)
		return fact;
	fact = &facts->item[facts->count++];
	memset(fact, 0, sizeof(*fact));
	fact->query = *query;
	return fact;
}

size_t
og_policy_facts_max(const struct og_policy *policy)
{
	size_t i, sum;

	sum = 2;	/* the user and the invitation */
	for (i = 0; i < policy->project_count; i++)
		sum += policy->project[i].count;
	for (i = 0; i < policy->group_count; i++)
		sum += policy->group[i].count;
	return sum;
}

/*
 * The filter may have been ignored, a file swapped: a row counts only when it
 * says itself that it is the subject's. A row that was found by id and has no
 * e-mail is compared with the user's own row.
 */
static bool
is_subject(const struct evaluation *evaluation, const struct og_record *record)
{
	const struct og_subject *subject;

	subject = evaluation->subject;
	if (subject->kind == OG_SUBJECT_ID)
		return strcmp(record->id, subject->text) == 0;
	if (record->email[0] != '\0')
		return og_equal_folded(record->email, subject->text);
	return evaluation->user != NULL && record->id[0] != '\0' &&
	    strcmp(record->id, evaluation->user->id) == 0;
}

/*
 * Is there such a row? MET: it is the subject's. DENIED: there is none, and
 * the reason is the caller's to give.
 */
static struct judgement
judge_row(const struct evaluation *evaluation, const struct og_fact *fact)
{
	if (fact == NULL)
		return wanted;
	switch (fact->state) {
	case OG_FACT_WANTED:
		return wanted;
	case OG_FACT_ABSENT:
		return judged(DENIED, OG_NOT_A_MEMBER);
	case OG_FACT_FOUND:
		if (fact->record.ambiguous ||
		    !is_subject(evaluation, &fact->record))
			return judged(UNKNOWN, OG_PROTOCOL);
		return met;
	case OG_FACT_FAILED:
		switch (og_reason_verdict(fact->failure)) {
		case OG_UNAVAILABLE:
		case OG_MISCONFIGURED:
		case OG_OUT_OF_MEMORY:
			return judged(UNKNOWN, fact->failure);
		case OG_DENY:
		case OG_ALLOW:
		case OG_EXEMPT:
			break;
		}
		break;
	}
	return judged(UNKNOWN, OG_PROTOCOL);
}

static struct judgement
judge_container(const struct evaluation *evaluation, enum og_query_kind kind,
    const char *container, const struct og_fact **fact)
{
	struct og_query query;

	query = make_query(evaluation->subject, kind, container);
	*fact = find_fact(evaluation->facts, &query);
	return judge_row(evaluation, *fact);
}

/* Invitations tell people why; whatever is wrong with them, they deny. */
static struct judgement
judge_invite(const struct evaluation *evaluation)
{
	const struct og_fact *fact;
	struct judgement row;

	if (evaluation->subject->kind != OG_SUBJECT_EMAIL)
		return judged(DENIED, OG_NOT_A_MEMBER);
	row = judge_container(evaluation, OG_QUERY_INVITE, "", &fact);
	if (row.outcome == WANTED)
		return row;
	return judged(DENIED, row.outcome == MET ? OG_INVITE_PENDING :
	    OG_NOT_A_MEMBER);
}

/* A member's account and role. */
static struct judgement
judge_user(const struct evaluation *evaluation)
{
	const struct og_policy *policy;
	const struct og_record *user;

	policy = evaluation->policy;
	user = evaluation->user;
	if (user->disabled)
		return judged(DENIED, OG_ACCOUNT_DISABLED);
	if (user->service_account && !policy->allow_service_accounts)
		return judged(DENIED, OG_SERVICE_ACCOUNT);
	if (policy->role.count > 0 && !og_words_have(&policy->role, user->role))
		return judged(DENIED, OG_ROLE);
	return met;
}

static bool
project_role_suffices(const struct og_policy *policy,
    const struct og_record *record)
{
	return policy->project_role.count == 0 ||
	    og_words_have(&policy->project_role, record->role);
}

/* Any project of the line will do; the role has to fit in that same one. */
static struct judgement
judge_projects(const struct evaluation *evaluation,
    const struct og_words *line)
{
	const struct og_fact *fact;
	struct judgement all, row;
	bool member;
	size_t i;

	member = false;
	all = met;
	for (i = 0; i < line->count; i++) {
		row = judge_container(evaluation, OG_QUERY_PROJECT_USER,
		    line->item[i], &fact);
		if (row.outcome == MET) {
			if (project_role_suffices(evaluation->policy,
			    &fact->record))
				return row;
			member = true;
		} else if (row.outcome != DENIED) {
			combine(&all, row);
		}
	}
	if (all.outcome != MET)
		return all;
	return judged(DENIED, member ? OG_PROJECT_ROLE : OG_PROJECT);
}

static struct judgement
judge_groups(const struct evaluation *evaluation, const struct og_words *line)
{
	const struct og_fact *fact;
	struct judgement all, row;
	size_t i;

	all = met;
	for (i = 0; i < line->count; i++) {
		row = judge_container(evaluation, OG_QUERY_GROUP_USER,
		    line->item[i], &fact);
		if (row.outcome == MET)
			return row;
		if (row.outcome != DENIED)
			combine(&all, row);
	}
	if (all.outcome != MET)
		return all;
	return judged(DENIED, OG_GROUP);
}

/*
 * With owner_is_member, an owner is a member, and who might be an owner might
 * be one: as long as the role is not known, no project list denies.
 */
static struct judgement
judge_project_line(const struct evaluation *evaluation, struct judgement user,
    const struct og_words *line)
{
	struct judgement projects;

	projects = judge_projects(evaluation, line);
	if (!evaluation->policy->owner_is_member)
		return projects;
	if (evaluation->user != NULL &&
	    strcmp(evaluation->user->role, "owner") == 0)
		return met;
	if (projects.outcome == DENIED &&
	    (user.outcome == WANTED || user.outcome == UNKNOWN))
		return user;
	return projects;
}

/* All that is asked of a member. */
static struct judgement
judge_member(const struct evaluation *evaluation, struct judgement user)
{
	const struct og_policy *policy;
	struct judgement all;
	size_t i;

	policy = evaluation->policy;
	all = user;
	for (i = 0; i < policy->project_count; i++)
		combine(&all, judge_project_line(evaluation, user,
		    &policy->project[i]));
	for (i = 0; i < policy->group_count; i++)
		combine(&all, judge_groups(evaluation, &policy->group[i]));
	return all;
}

/* Adds the fact unless it is there. False: no room. */
static bool
want(const struct evaluation *evaluation, struct og_facts *facts,
    enum og_query_kind kind, const char *container)
{
	struct og_query query;

	query = make_query(evaluation->subject, kind, container);
	return og_facts_get(facts, &query) != NULL;
}

static bool
want_line(const struct evaluation *evaluation, struct og_facts *facts,
    enum og_query_kind kind, const struct og_words *line)
{
	size_t i;

	for (i = 0; i < line->count; i++) {
		if (!want(evaluation, facts, kind, line->item[i]))
			return false;
	}
	return true;
}

/* Adds every fact that could still settle the matter. False: no room. */
static bool
want_all(const struct evaluation *evaluation, struct og_facts *facts,
    struct judgement user)
{
	const struct og_policy *policy;
	const struct og_words *line;
	size_t i;

	policy = evaluation->policy;
	if (user.outcome == WANTED &&
	    !want(evaluation, facts, OG_QUERY_USER, ""))
		return false;
	for (i = 0; i < policy->project_count; i++) {
		line = &policy->project[i];
		if (judge_project_line(evaluation, user, line).outcome ==
		    WANTED && !want_line(evaluation, facts,
		    OG_QUERY_PROJECT_USER, line))
			return false;
	}
	for (i = 0; i < policy->group_count; i++) {
		line = &policy->group[i];
		if (judge_groups(evaluation, line).outcome == WANTED &&
		    !want_line(evaluation, facts, OG_QUERY_GROUP_USER, line))
			return false;
	}
	return true;
}

static bool
requires_nothing(const struct og_policy *policy)
{
	return policy->role.count == 0 && policy->project_count == 0 &&
	    policy->group_count == 0;
}

/* Everything that is known, judged; with the user's row where there is one. */
static struct judgement
judge(struct evaluation *evaluation, struct judgement *user)
{
	const struct og_fact *fact;

	if (requires_nothing(evaluation->policy))
		return judged(UNKNOWN, OG_CONFIG);
	if (evaluation->subject->kind == OG_SUBJECT_LIST ||
	    evaluation->subject->text[0] == '\0')
		return judged(DENIED, OG_NO_IDENTITY);
	*user = judge_container(evaluation, OG_QUERY_USER, "", &fact);
	if (user->outcome == DENIED)
		return judge_invite(evaluation);
	if (user->outcome == MET) {
		evaluation->user = &fact->record;
		*user = judge_user(evaluation);
	}
	return judge_member(evaluation, *user);
}

enum og_step
og_policy_step(const struct og_policy *policy, const struct og_subject *subject,
    struct og_facts *facts, struct og_decision *decision)
{
	struct evaluation evaluation;
	struct judgement all, user;
	bool room;

	memset(decision, 0, sizeof(*decision));
	evaluation.policy = policy;
	evaluation.subject = subject;
	evaluation.facts = facts;
	evaluation.user = NULL;
	user = wanted;
	all = judge(&evaluation, &user);
	if (evaluation.user != NULL)
		decision->user = *evaluation.user;
	switch (all.outcome) {
	case WANTED:
		room = user.outcome == DENIED ?
		    want(&evaluation, facts, OG_QUERY_INVITE, "") :
		    want_all(&evaluation, facts, user);
		if (room)
			return OG_STEP_WANT;
		decision->reason = OG_NO_MEMORY;
		break;
	case DENIED:
	case UNKNOWN:
		decision->reason = all.reason;
		break;
	case MET:
		decision->reason = OG_PASS;
		break;
	}
	return OG_STEP_DONE;
}

/*
 * The policy engine as a truth table: what is known, and what follows, one
 * step a row.
 *
 * Facts are written as QUERY=STATE. QUERY: u the user, p:X and g:X membership
 * of project or group X, i the invitation. STATE: "-" absent, "!word" failed
 * for that reason, "?" wanted, "+role,flag,flag" found; the flags are
 * disabled, service, ambiguous, other (somebody else's row), noemail and
 * upper (the address in capitals). What follows is a reason's word, or "want"
 * and the queries to ask, in their order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meaning/config.h"
#include "meaning/policy.h"
#include "value/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define EMAIL "ann@example.com"
#define ID "user-1"

#define ROLE "role = owner reader\n"
#define PROJECT "project = a b\n"
#define GROUP "group = g h\n"

static const struct {
	const char *what;
	const char *policy;
	const char *facts;
	const char *follows;
} rows[] = {
	/* membership */
	{ "a member with the role", ROLE, "u=+reader", "ok" },
	{ "the other role", ROLE, "u=+owner", "ok" },
	{ "nothing is known", ROLE, "", "want u" },
	{ "asked, not answered yet", ROLE, "u=?", "want u" },
	{ "not there: was there an invitation?", ROLE, "u=-", "want i" },
	{ "not there, no invitation", ROLE, "u=- i=-", "not-a-member" },
	{ "not there, invited", ROLE, "u=- i=+reader", "invite-pending" },
	{ "not there, invitations unknown", ROLE, "u=- i=!timeout",
	    "not-a-member" },
	{ "not there, somebody else's invitation", ROLE, "u=- i=+owner,other",
	    "not-a-member" },
	{ "not there, two invitations", ROLE, "u=- i=+owner,ambiguous",
	    "not-a-member" },
	{ "not there, invitations wanted", ROLE, "u=- i=?", "want i" },
	{ "a member with an invitation", ROLE, "u=+owner i=+owner", "ok" },
	{ "an address in capitals", ROLE, "u=+owner,upper", "ok" },

	/* the account */
	{ "disabled", ROLE, "u=+owner,disabled", "account-disabled" },
	{ "disabled with the wrong role", ROLE, "u=+member,disabled",
	    "account-disabled" },
	{ "a service account", ROLE, "u=+owner,service", "service-account" },
	{ "a service account with the wrong role", ROLE, "u=+x,service",
	    "service-account" },
	{ "a disabled service account", ROLE, "u=+owner,service,disabled",
	    "account-disabled" },
	{ "a service account where they may", ROLE
	    "allow_service_accounts = yes\n", "u=+owner,service", "ok" },
	{ "a disabled one where they may", ROLE
	    "allow_service_accounts = yes\n", "u=+owner,service,disabled",
	    "account-disabled" },
	{ "disabled, projects not asked for", ROLE PROJECT,
	    "u=+owner,disabled", "account-disabled" },
	{ "a service account, in the group", GROUP, "u=+owner,service g:g=+",
	    "service-account" },

	/* the role */
	{ "another role", ROLE, "u=+member", "role" },
	{ "no role", ROLE, "u=+", "role" },
	{ "a role in capitals is another", ROLE, "u=+Owner", "role" },
	{ "a longer role is another", ROLE, "u=+owners", "role" },
	{ "no role, none required", GROUP, "u=+ g:g=+", "ok" },
	{ "the wrong role stops all asking", ROLE PROJECT GROUP, "u=+x",
	    "role" },
	{ "the wrong role before an unknown project", ROLE PROJECT,
	    "u=+x p:a=!timeout p:b=?", "role" },

	/* rows that prove nothing */
	{ "somebody else's row", ROLE, "u=+owner,other", "protocol" },
	{ "two rows of that address", ROLE, "u=+owner,ambiguous", "protocol" },
	{ "two rows, one disabled", ROLE, "u=+owner,ambiguous,disabled",
	    "protocol" },
	{ "a row without the address", ROLE, "u=+owner,noemail", "protocol" },
	{ "somebody else in the project", PROJECT, "u=+ p:a=+,other p:b=-",
	    "protocol" },
	{ "somebody else in one, oneself in the other", PROJECT,
	    "u=+ p:a=+,other p:b=+", "ok" },
	{ "ambiguous in the project", PROJECT, "u=+ p:a=+,ambiguous p:b=-",
	    "protocol" },
	{ "somebody else in the group", GROUP, "u=+ g:g=+,other g:h=-",
	    "protocol" },
	{ "ambiguous in the group", GROUP, "u=+ g:g=- g:h=+,ambiguous",
	    "protocol" },
	{ "a project row without address, of the user's id", PROJECT,
	    "u=+ p:a=+,noemail p:b=-", "ok" },
	{ "the same before the user is known", PROJECT,
	    "p:a=+,noemail p:b=-", "want u" },
	{ "the same when the user cannot be known", PROJECT,
	    "u=!timeout p:a=+,noemail p:b=-", "timeout" },
	{ "a group row without address, of another id", GROUP,
	    "u=+ g:g=+,noemail,other g:h=-", "protocol" },

	/* failures */
	{ "timeout", ROLE, "u=!timeout", "timeout" },
	{ "network", ROLE, "u=!network", "network" },
	{ "rate-limited", ROLE, "u=!rate-limited", "rate-limited" },
	{ "server-error", ROLE, "u=!server-error", "server-error" },
	{ "protocol", ROLE, "u=!protocol", "protocol" },
	{ "store", ROLE, "u=!store", "store" },
	{ "credential", ROLE, "u=!credential", "credential" },
	{ "unsafe-file", ROLE, "u=!unsafe-file", "unsafe-file" },
	{ "out-of-memory", ROLE, "u=!out-of-memory", "out-of-memory" },
	{ "a failure for no reason denies nobody", ROLE, "u=!not-a-member",
	    "protocol" },
	{ "a failure is no permit", ROLE, "u=!ok", "protocol" },
	{ "a failure is no exemption", ROLE, "u=!exempt-user", "protocol" },
	{ "the user unknown, the project certainly not", PROJECT,
	    "u=!timeout p:a=- p:b=-", "project" },
	{ "the user unknown, the group certainly not", GROUP,
	    "u=!timeout g:g=- g:h=-", "group" },
	{ "the user unknown, the project fine", PROJECT,
	    "u=!timeout p:a=+", "timeout" },
	{ "two failures: the first in order", PROJECT GROUP,
	    "u=+ p:a=!network p:b=- g:g=!timeout g:h=!store", "network" },
	{ "within a line too", PROJECT, "u=+ p:a=!store p:b=!timeout",
	    "store" },

	/* everything in one round */
	{ "all at once", ROLE PROJECT GROUP, "",
	    "want u p:a p:b g:g g:h" },
	{ "what is known is not asked again", ROLE PROJECT GROUP,
	    "p:a=- g:h=+", "want u p:b" },
	{ "a failure is not asked again", PROJECT, "u=!timeout p:a=?",
	    "want p:a p:b" },
	{ "one project on two lines is one question", PROJECT
	    "project = b c\n", "", "want u p:a p:b p:c" },

	/* projects */
	{ "in the first", PROJECT, "u=+ p:a=+ p:b=-", "ok" },
	{ "in the second", PROJECT, "u=+ p:a=- p:b=+", "ok" },
	{ "in the first, the second is not asked", PROJECT, "u=+ p:a=+",
	    "ok" },
	{ "in none", PROJECT, "u=+ p:a=- p:b=-", "project" },
	{ "in one, unknown in the other", PROJECT, "u=+ p:a=!timeout p:b=+",
	    "ok" },
	{ "not in one, unknown in the other", PROJECT,
	    "u=+ p:a=- p:b=!timeout", "timeout" },
	{ "not in one, the other to ask", PROJECT, "u=+ p:a=-", "want p:b" },
	{ "lines are all of", PROJECT "project = c\n", "u=+ p:a=+ p:c=-",
	    "project" },
	{ "both lines", PROJECT "project = c\n", "u=+ p:b=+ p:c=+", "ok" },
	{ "one line met, the other's projects wanted", PROJECT
	    "project = c\n", "u=+ p:b=+", "want p:c" },
	{ "a certain denial on a later line", PROJECT "project = c\n",
	    "u=+ p:c=-", "project" },
	{ "a certain denial wins over unknown", PROJECT "project = c\n",
	    "u=+ p:a=!timeout p:b=- p:c=-", "project" },
	{ "one project satisfies two lines", PROJECT "project = b c\n",
	    "u=+ p:b=+", "ok" },
	{ "an organization's owner is no member", PROJECT,
	    "u=+owner p:a=- p:b=-", "project" },

	{ "not enforced: judged all the same", PROJECT "enforce = no\n",
	    "u=+ p:a=- p:b=-", "project" },

	/* owner_is_member */
	{ "an owner where owners are members", PROJECT
	    "owner_is_member = yes\n", "u=+owner", "ok" },
	{ "an owner, in no project", PROJECT "owner_is_member = yes\n",
	    "u=+owner p:a=- p:b=-", "ok" },
	{ "an owner, projects unknown", PROJECT "owner_is_member = yes\n",
	    "u=+owner p:a=!timeout p:b=?", "ok" },
	{ "an owner, whatever the project role", PROJECT "project_role = x\n"
	    "owner_is_member = yes\n", "u=+owner", "ok" },
	{ "an owner, groups still wanted", PROJECT GROUP
	    "owner_is_member = yes\n", "u=+owner", "want g:g g:h" },
	{ "a disabled owner", PROJECT "owner_is_member = yes\n",
	    "u=+owner,disabled", "account-disabled" },
	{ "a reader there", PROJECT "owner_is_member = yes\n",
	    "u=+reader p:a=- p:b=-", "project" },
	{ "a reader there, projects wanted", PROJECT
	    "owner_is_member = yes\n", "u=+reader", "want p:a p:b" },
	{ "nothing known there: all in one round", PROJECT
	    "owner_is_member = yes\n", "", "want u p:a p:b" },
	{ "in no project, but perhaps an owner", PROJECT
	    "owner_is_member = yes\n", "p:a=- p:b=-", "want u" },
	{ "in no project, the role unknown", PROJECT
	    "owner_is_member = yes\n", "u=!timeout p:a=- p:b=-", "timeout" },
	{ "in no project, the owner's row another's", PROJECT
	    "owner_is_member = yes\n", "u=+owner,other p:a=- p:b=-",
	    "protocol" },
	{ "the wrong organization role there", ROLE PROJECT
	    "owner_is_member = yes\n", "u=+x p:a=+", "role" },

	/* project_role */
	{ "the right project role", PROJECT "project_role = owner member\n",
	    "u=+ p:a=+member", "ok" },
	{ "the wrong one", PROJECT "project_role = owner\n",
	    "u=+ p:a=+member p:b=-", "project-role" },
	{ "none", PROJECT "project_role = owner\n", "u=+ p:a=+ p:b=-",
	    "project-role" },
	{ "wrong in one, right in the other", PROJECT
	    "project_role = owner\n", "u=+ p:a=+member p:b=+owner", "ok" },
	{ "wrong in one, the other to ask", PROJECT
	    "project_role = owner\n", "u=+ p:a=+member", "want p:b" },
	{ "wrong in one, unknown in the other", PROJECT
	    "project_role = owner\n", "u=+ p:a=+member p:b=!network",
	    "network" },
	{ "wrong in both", PROJECT "project_role = owner\n",
	    "u=+ p:a=+member p:b=+viewer", "project-role" },
	{ "in none", PROJECT "project_role = owner\n", "u=+ p:a=- p:b=-",
	    "project" },
	{ "the organization's role is not the project's", PROJECT
	    "project_role = owner\n", "u=+owner p:a=+member p:b=-",
	    "project-role" },
	{ "right on one line, wrong on the other", PROJECT "project = c\n"
	    "project_role = owner\n", "u=+ p:a=+owner p:c=+member",
	    "project-role" },

	/* groups */
	{ "in a group", GROUP, "u=+ g:g=- g:h=+", "ok" },
	{ "in the first, the second is not asked", GROUP, "u=+ g:g=+", "ok" },
	{ "in none", GROUP, "u=+ g:g=- g:h=-", "group" },
	{ "unknown in one", GROUP, "u=+ g:g=- g:h=!rate-limited",
	    "rate-limited" },
	{ "group lines are all of", GROUP "group = k\n", "u=+ g:h=+ g:k=-",
	    "group" },
	{ "both group lines", GROUP "group = k\n", "u=+ g:h=+ g:k=+", "ok" },
	{ "a group is no project", PROJECT "group = a\n",
	    "u=+ p:a=- p:b=- g:a=+", "project" },
	{ "an owner is in no group", GROUP "owner_is_member = yes\n",
	    "u=+owner g:g=- g:h=-", "group" },
	{ "only in the group, not in the organization", GROUP, "u=- i=- g:g=+",
	    "not-a-member" },

	/* the order of denials */
	{ "not there before project", PROJECT, "u=- p:a=- p:b=-", "want i" },
	{ "not there, told so", PROJECT, "u=- i=- p:a=- p:b=-",
	    "not-a-member" },
	{ "role before project", ROLE PROJECT, "u=+x p:a=- p:b=-", "role" },
	{ "project before group", PROJECT GROUP,
	    "u=+ p:a=- p:b=- g:g=- g:h=-", "project" },
	{ "project role before group", PROJECT GROUP "project_role = x\n",
	    "u=+ p:a=+ p:b=- g:g=- g:h=-", "project-role" },
	{ "a group's denial while a project is wanted", PROJECT GROUP,
	    "u=+ g:g=- g:h=-", "group" },
	{ "all there is", ROLE PROJECT GROUP "project_role = member\n",
	    "u=+owner p:a=- p:b=+member g:g=+", "ok" },
};

struct table {
	struct og_fact item[64];
	struct og_facts facts;
};

static struct og_config *
make_policy(const char *lines)
{
	struct og_message message;
	struct og_config *conf;
	char text[2000];

	snprintf(text, sizeof(text), "[policy p]\n%s", lines);
	if (og_config_parse(&conf, "row", text, strlen(text), &message) !=
	    OG_OK)
		fail_msg("%s", message.text);
	return conf;
}

static struct og_subject
make_subject(enum og_subject_kind kind)
{
	struct og_subject subject;

	memset(&subject, 0, sizeof(subject));
	subject.kind = kind;
	snprintf(subject.text, sizeof(subject.text), "%s",
	    kind == OG_SUBJECT_ID ? ID : EMAIL);
	return subject;
}

static struct og_query
read_query(const char *word, const struct og_subject *subject)
{
	struct og_query query;
	size_t len;

	memset(&query, 0, sizeof(query));
	query.kind = word[0] == 'u' ? OG_QUERY_USER :
	    word[0] == 'i' ? OG_QUERY_INVITE :
	    word[0] == 'p' ? OG_QUERY_PROJECT_USER : OG_QUERY_GROUP_USER;
	query.subject_kind = subject->kind;
	memcpy(query.subject, subject->text, sizeof(query.subject));
	if (word[1] == ':') {
		len = strcspn(word + 2, "=");
		assert_true(og_copy(query.container, sizeof(query.container),
		    word + 2, len));
	}
	return query;
}

static enum og_reason
read_reason(const char *word)
{
	int i;

	for (i = 0; i < OG_REASON_COUNT; i++) {
		if (strcmp(og_reason_word((enum og_reason)i), word) == 0)
			return (enum og_reason)i;
	}
	fail_msg("no reason is called '%s'", word);
	return OG_NOT_A_MEMBER;
}

/* state is "role,flag,flag". */
static void
read_record(struct og_record *record, const char *state)
{
	size_t len;

	memset(record, 0, sizeof(*record));
	snprintf(record->id, sizeof(record->id), "%s",
	    strstr(state, ",other") != NULL ? "user-2" : ID);
	snprintf(record->email, sizeof(record->email), "%s",
	    strstr(state, ",noemail") != NULL ? "" :
	    strstr(state, ",other") != NULL ? "bob@example.com" :
	    strstr(state, ",upper") != NULL ? "ANN@Example.COM" : EMAIL);
	len = strcspn(state, ",");
	assert_true(og_copy(record->role, sizeof(record->role), state, len));
	record->disabled = strstr(state, ",disabled") != NULL;
	record->service_account = strstr(state, ",service") != NULL;
	record->ambiguous = strstr(state, ",ambiguous") != NULL;
}

static void
read_facts(struct table *table, const char *facts,
    const struct og_subject *subject)
{
	struct og_fact *fact;
	struct og_query query;
	const char *state;
	char copy[500], *rest, *word;

	memset(table, 0, sizeof(*table));
	table->facts.item = table->item;
	table->facts.size = COUNT(table->item);
	snprintf(copy, sizeof(copy), "%s", facts);
	for (rest = copy; (word = strsep(&rest, " ")) != NULL; ) {
		if (*word == '\0')
			continue;
		query = read_query(word, subject);
		fact = og_facts_get(&table->facts, &query);
		assert_non_null(fact);
		assert_int_equal(fact->state, OG_FACT_WANTED);
		state = strchr(word, '=') + 1;
		if (*state == '-') {
			fact->state = OG_FACT_ABSENT;
		} else if (*state == '!') {
			fact->state = OG_FACT_FAILED;
			fact->failure = read_reason(state + 1);
		} else if (*state == '+') {
			fact->state = OG_FACT_FOUND;
			read_record(&fact->record, state + 1);
		}
	}
}

/* "want u p:a …" or the reason. */
static void
write_outcome(char *text, size_t size, enum og_step step,
    const struct og_facts *facts, const struct og_decision *decision)
{
	const struct og_query *query;
	size_t i, used;

	if (step == OG_STEP_DONE) {
		snprintf(text, size, "%s", og_reason_word(decision->reason));
		return;
	}
	used = (size_t)snprintf(text, size, "want");
	for (i = 0; i < facts->count && used < size; i++) {
		query = &facts->item[i].query;
		if (facts->item[i].state == OG_FACT_WANTED)
			used += (size_t)snprintf(text + used, size - used,
			    " %c%s%s", "upgi"[query->kind],
			    query->container[0] != '\0' ? ":" : "",
			    query->container);
	}
}

/* Facts that are there already come first in the table: the order in which
 * the wanted ones stand is that of asking, not of the table. */
static bool
same_outcome(const char *a, const char *b)
{
	const char *end;
	char word[64];
	size_t words[2] = { 0, 0 };

	for (end = b; (end = strchr(end, ' ')) != NULL; end++)
		words[1]++;
	for (end = a; (end = strchr(end, ' ')) != NULL; end++) {
		words[0]++;
		snprintf(word, sizeof(word), "%.*s",
		    (int)strcspn(end + 1, " ") + 1, end);
		if (strstr(b, word) == NULL)
			return false;
	}
	return words[0] == words[1] &&
	    (words[0] > 0 || strcmp(a, b) == 0);
}

static void
check_row(size_t i, enum og_subject_kind kind)
{
	const struct og_policy *policy;
	struct og_decision decision;
	struct og_subject subject;
	struct og_config *conf;
	struct table table;
	enum og_step step;
	char outcome[500];

	conf = make_policy(rows[i].policy);
	policy = og_config_policy(conf, "p");
	subject = make_subject(kind);
	read_facts(&table, rows[i].facts, &subject);
	memset(&decision, 0xff, sizeof(decision));
	step = og_policy_step(policy, &subject, &table.facts, &decision);
	write_outcome(outcome, sizeof(outcome), step, &table.facts, &decision);
	if (!same_outcome(outcome, rows[i].follows))
		fail_msg("row %zu, %s: '%s' with %s: '%s', expected '%s'", i,
		    rows[i].what, rows[i].policy, rows[i].facts, outcome,
		    rows[i].follows);
	/* Nobody is allowed who has not been told so. */
	if (step == OG_STEP_WANT)
		assert_int_equal(og_reason_verdict(decision.reason), OG_DENY);
	assert_true(table.facts.count <= og_policy_facts_max(policy) ||
	    strstr(rows[i].facts, "i=") != NULL);
	og_config_free(conf);
}

static void
test_rows(void **state)
{
	size_t i;

	(void)state;
	assert_true(COUNT(rows) >= 60);
	for (i = 0; i < COUNT(rows); i++)
		check_row(i, OG_SUBJECT_EMAIL);
}

/* By id the same follows, except where e-mail or invitation play a part. */
static void
test_rows_by_id(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		if (strstr(rows[i].facts, "noemail") != NULL ||
		    strstr(rows[i].facts, "i=") != NULL ||
		    strcmp(rows[i].follows, "want i") == 0)
			continue;
		check_row(i, OG_SUBJECT_ID);
	}
}

static const struct {
	const char *what;
	const char *policy;
	const char *facts;
	const char *follows;
} by_id[] = {
	{ "no invitation is asked for", ROLE, "u=-", "not-a-member" },
	{ "none counts", ROLE, "u=- i=+", "not-a-member" },
	{ "a row without address", ROLE, "u=+owner,noemail", "ok" },
	{ "rows without address", PROJECT GROUP,
	    "u=+,noemail p:a=+,noemail g:g=+,noemail", "ok" },
	{ "another id without address", ROLE, "u=+owner,noemail,other",
	    "protocol" },
};

static void
test_by_id(void **state)
{
	struct og_decision decision;
	struct og_subject subject;
	struct og_config *conf;
	struct table table;
	enum og_step step;
	char outcome[500];
	size_t i;

	(void)state;
	subject = make_subject(OG_SUBJECT_ID);
	for (i = 0; i < COUNT(by_id); i++) {
		conf = make_policy(by_id[i].policy);
		read_facts(&table, by_id[i].facts, &subject);
		step = og_policy_step(og_config_policy(conf, "p"), &subject,
		    &table.facts, &decision);
		write_outcome(outcome, sizeof(outcome), step, &table.facts,
		    &decision);
		if (strcmp(outcome, by_id[i].follows) != 0)
			fail_msg("%s: '%s'", by_id[i].what, outcome);
		og_config_free(conf);
	}
}

/* The row is handed on for the variables of the web door; nobody else's is. */
static void
test_user_row(void **state)
{
	static const struct {
		const char *facts;
		const char *id;
	} users[] = {
		{ "u=+owner", ID },
		{ "u=+x", ID },
		{ "u=+owner,disabled", ID },
		{ "u=+owner,other", "" },
		{ "u=+owner,ambiguous", "" },
		{ "u=- i=+owner", "" },
		{ "u=!timeout", "" },
		{ "", "" },
	};
	struct og_decision decision;
	struct og_subject subject;
	struct og_config *conf;
	struct table table;
	size_t i;

	(void)state;
	conf = make_policy(ROLE);
	subject = make_subject(OG_SUBJECT_EMAIL);
	for (i = 0; i < COUNT(users); i++) {
		read_facts(&table, users[i].facts, &subject);
		og_policy_step(og_config_policy(conf, "p"), &subject,
		    &table.facts, &decision);
		assert_string_equal(decision.user.id, users[i].id);
	}
	og_config_free(conf);
}

/* What the configuration would never let through denies all the same. */
static void
test_impossible_input(void **state)
{
	struct og_decision decision;
	struct og_subject nobody, subject;
	struct og_policy empty, hollow;
	struct og_config *conf;
	struct og_words none;
	struct table table;

	(void)state;
	subject = make_subject(OG_SUBJECT_EMAIL);
	memset(&empty, 0, sizeof(empty));
	read_facts(&table, "u=+owner", &subject);
	assert_int_equal(og_policy_step(&empty, &subject, &table.facts,
	    &decision), OG_STEP_DONE);
	assert_int_equal(decision.reason, OG_CONFIG);

	/* "Any of none" is nobody. */
	memset(&none, 0, sizeof(none));
	hollow = empty;
	hollow.project = &none;
	hollow.project_count = 1;
	assert_int_equal(og_policy_step(&hollow, &subject, &table.facts,
	    &decision), OG_STEP_DONE);
	assert_int_equal(decision.reason, OG_PROJECT);
	hollow = empty;
	hollow.group = &none;
	hollow.group_count = 1;
	assert_int_equal(og_policy_step(&hollow, &subject, &table.facts,
	    &decision), OG_STEP_DONE);
	assert_int_equal(decision.reason, OG_GROUP);

	/* A subject that was never found. */
	conf = make_policy(ROLE);
	memset(&nobody, 0, sizeof(nobody));
	read_facts(&table, "", &subject);
	assert_int_equal(og_policy_step(og_config_policy(conf, "p"), &nobody,
	    &table.facts, &decision), OG_STEP_DONE);
	assert_int_equal(decision.reason, OG_NO_IDENTITY);
	assert_int_equal(table.facts.count, 0);
	nobody.kind = OG_SUBJECT_EMAIL;
	assert_int_equal(og_policy_step(og_config_policy(conf, "p"), &nobody,
	    &table.facts, &decision), OG_STEP_DONE);
	assert_int_equal(decision.reason, OG_NO_IDENTITY);

	/* No room in the table. */
	table.facts.size = 0;
	assert_int_equal(og_policy_step(og_config_policy(conf, "p"), &subject,
	    &table.facts, &decision), OG_STEP_DONE);
	assert_int_equal(decision.reason, OG_NO_MEMORY);
	og_config_free(conf);
}

static void
test_facts_table(void **state)
{
	struct og_subject subject;
	struct og_query query;
	struct og_fact *fact;
	struct table table;

	(void)state;
	subject = make_subject(OG_SUBJECT_EMAIL);
	read_facts(&table, "u=+owner p:a=-", &subject);
	query = read_query("p:a", &subject);
	assert_ptr_equal(og_facts_get(&table.facts, &query), &table.item[1]);
	assert_int_equal(table.facts.count, 2);
	table.facts.size = 3;
	query = read_query("g:a", &subject);
	memset(&table.item[2], 0xff, sizeof(table.item[2]));
	fact = og_facts_get(&table.facts, &query);
	assert_ptr_equal(fact, &table.item[2]);
	assert_int_equal(fact->state, OG_FACT_WANTED);
	assert_int_equal(fact->source, OG_SOURCE_NONE);
	assert_true(fact->fetched_at == 0);
	assert_true(og_query_equal(&fact->query, &query));
	query = read_query("g:b", &subject);
	assert_null(og_facts_get(&table.facts, &query));
	query = read_query("u", &subject);
	assert_ptr_equal(og_facts_get(&table.facts, &query), &table.item[0]);
}

/* Every combination of answers: the loop ends in its rounds, in its table,
 * and lets in who meets everything and nobody else. */
static void
test_all_answers(void **state)
{
	static const char *const answers[] = {
		"+owner", "+reader", "+owner,disabled", "-", "!timeout",
		"+owner,other", "+owner,ambiguous",
	};
	/* u, p:a, p:b, g:g; invitations always fail. */
	size_t digit[4], round, n, i, j;
	const struct og_policy *policy;
	struct og_decision decision;
	struct og_subject subject;
	struct og_config *conf;
	struct og_query query;
	struct og_fact *fact;
	struct table table, known;
	char text[200];
	bool allowed, should;

	(void)state;
	conf = make_policy("role = owner\nproject = a b\ngroup = g\n");
	policy = og_config_policy(conf, "p");
	subject = make_subject(OG_SUBJECT_EMAIL);
	for (n = 0; n < 7 * 7 * 7 * 7; n++) {
		for (i = 0, j = n; i < 4; i++, j /= 7)
			digit[i] = j % 7;
		snprintf(text, sizeof(text), "u=%s p:a=%s p:b=%s g:g=%s "
		    "i=!timeout", answers[digit[0]], answers[digit[1]],
		    answers[digit[2]], answers[digit[3]]);
		read_facts(&known, text, &subject);
		read_facts(&table, "", &subject);
		table.facts.size = og_policy_facts_max(policy);
		assert_int_equal(table.facts.size, 5);
		for (round = 0; og_policy_step(policy, &subject, &table.facts,
		    &decision) == OG_STEP_WANT; round++) {
			assert_true(round < 2);
			for (i = 0; i < table.facts.count; i++) {
				query = table.item[i].query;
				fact = og_facts_get(&known.facts, &query);
				assert_non_null(fact);
				table.item[i] = *fact;
			}
		}
		/* Flags of membership rows say nothing about the account. */
		allowed = decision.reason == OG_PASS;
		should = digit[0] == 0 && (digit[1] < 3 || digit[2] < 3) &&
		    digit[3] < 3;
		if (allowed != should)
			fail_msg("%s: %s", text,
			    og_reason_word(decision.reason));
	}
	og_config_free(conf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_rows_by_id),
		cmocka_unit_test(test_by_id),
		cmocka_unit_test(test_user_row),
		cmocka_unit_test(test_impossible_input),
		cmocka_unit_test(test_facts_table),
		cmocka_unit_test(test_all_answers),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

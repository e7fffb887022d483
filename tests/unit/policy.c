/*
 * The policy engine as a truth table: what is known, and what follows, one
 * step a row. What follows is a reason's word, or "want" and the queries to
 * ask, in their order.
 */
#include "policy_kit.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_rows_by_id),
		cmocka_unit_test(test_by_id),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}

/*
 * What the tests of the policy engine share: policies, and facts written as
 * QUERY=STATE. QUERY: u the user, p:X and g:X membership of project or group
 * X, i the invitation. STATE: "-" absent, "!word" failed for that reason, "?"
 * wanted, "+role,flag,flag" found; the flags are disabled, service,
 * ambiguous, other (somebody else's row), noemail and upper (the address in
 * capitals).
 */
#ifndef OG_TESTS_UNIT_POLICY_KIT_H
#define OG_TESTS_UNIT_POLICY_KIT_H

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

struct table {
	struct og_fact item[64];
	struct og_facts facts;
};

static inline struct og_config *
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

static inline struct og_subject
make_subject(enum og_subject_kind kind)
{
	struct og_subject subject;

	memset(&subject, 0, sizeof(subject));
	subject.kind = kind;
	snprintf(subject.text, sizeof(subject.text), "%s",
	    kind == OG_SUBJECT_ID ? ID : EMAIL);
	return subject;
}

static inline struct og_query
read_query(const char *word, const struct og_subject *subject)
{
	struct og_query query;
	const char *colon;
	size_t len;

	memset(&query, 0, sizeof(query));
	query.kind = word[0] == 'u' ? OG_QUERY_USER :
	    word[0] == 'i' ? OG_QUERY_INVITE :
	    word[0] == 'p' ? OG_QUERY_PROJECT_USER : OG_QUERY_GROUP_USER;
	query.subject_kind = subject->kind;
	memcpy(query.subject, subject->text, sizeof(query.subject));
	colon = strchr(word, ':');
	if (colon != NULL) {
		len = strcspn(colon + 1, "=");
		assert_true(og_copy(query.container, sizeof(query.container),
		    colon + 1, len));
	}
	return query;
}

static inline enum og_reason
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
static inline void
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

static inline void
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

#endif

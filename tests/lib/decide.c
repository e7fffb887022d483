/*
 * The decision on a desk: reads cases, one a line, runs the real parser,
 * identity map, check and policy engine over each, and writes "verdict reason
 * rounds" for each, rounds being how often it asked. What a store holds and what the API answers stands in the case, so
 * that hundreds of thousands of them take seconds. tests/lib/oracle.py says
 * what must come out.
 *
 *	conf TEXT	gate.conf, '|' for the end of a line; no output
 *	map TEXT	the identity map, likewise; no output
 *	POLICY HEX SUBJECT FACT...
 *			the local name in hexadecimal ("-": empty), and the address
 *			or id that the facts speak of
 *
 * FACT is QUERY=LIST/SINGLE/ANSWER. QUERY: "u" the user, "i" the invitation,
 * "p.ID" and "g.ID" membership. LIST and SINGLE are what the store's two kinds
 * of file say: nothing, "-@AGE" or "+ROW@AGE", AGE in seconds. ANSWER is the
 * API's: "" none, "-", "!reason" or "+ROW". ROW: "id,email,role,flags", flags
 * of d(isabled), s(ervice account), a(mbiguous).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/check.h"
#include "value/text.h"

#define NOW INT64_C(1700000000)
#define FACTS_MAX 50
#define ROUNDS_MAX 10

struct said {
	struct og_query query;
	struct og_fact list;
	struct og_fact single;
	struct og_fact answer;
};

/* What the library takes for a store: this program's og_store_get_* are
 * linked before the library's. */
struct og_store {
	struct said said[FACTS_MAX];
	size_t count;
};

static struct og_config *conf;
static struct og_map *map;

static void
die(const char *what, const char *text)
{
	fprintf(stderr, "decide: %s: %s\n", what, text);
	exit(1);
}

static const struct said *
find(const struct og_store *store, const struct og_query *query)
{
	size_t i;

	for (i = 0; i < store->count; i++) {
		if (og_query_equal(&store->said[i].query, query))
			return &store->said[i];
	}
	return NULL;
}

bool
og_store_get_listed(struct og_store *store, struct og_fact *fact,
    const struct og_query *query, int64_t now)
{
	const struct said *said;

	said = find(store, query);
	if (said != NULL && said->list.fetched_at <= now)
		*fact = said->list;
	return true;
}

void
og_store_get_single(struct og_store *store, struct og_fact *fact,
    const struct og_query *query, int64_t now)
{
	const struct said *said;

	said = find(store, query);
	if (said != NULL && said->single.fetched_at <= now)
		*fact = said->single;
}

static enum og_reason
read_reason(const char *word)
{
	int i;

	for (i = 0; i < OG_REASON_COUNT; i++) {
		if (strcmp(og_reason_word((enum og_reason)i), word) == 0)
			return (enum og_reason)i;
	}
	die("no such reason", word);
	return OG_NOT_A_MEMBER;
}

static void
read_text(char *dst, size_t size, char **rest)
{
	char *word;

	word = strsep(rest, ",");
	if (word == NULL || !og_copy(dst, size, word, strlen(word)))
		die("a row wants id,email,role,flags", word != NULL ? word : "");
}

static void
read_row(struct og_record *row, char *text)
{
	read_text(row->id, sizeof(row->id), &text);
	read_text(row->email, sizeof(row->email), &text);
	read_text(row->role, sizeof(row->role), &text);
	row->disabled = text != NULL && strchr(text, 'd') != NULL;
	row->service_account = text != NULL && strchr(text, 's') != NULL;
	row->ambiguous = text != NULL && strchr(text, 'a') != NULL;
}

/* "", "-", "!reason" or "+ROW", the two of the store with "@AGE" behind. */
static void
read_fact(struct og_fact *fact, const struct og_query *query, char *text,
    enum og_fact_source source)
{
	char *age;

	memset(fact, 0, sizeof(*fact));
	fact->query = *query;
	if (*text == '\0')
		return;
	fact->source = source;
	fact->fetched_at = NOW;
	/* An address has an '@' too; the age is behind the last. */
	age = strrchr(text, '@');
	if (source == OG_SOURCE_STORE) {
		if (age == NULL)
			die("no age", text);
		*age = '\0';
		fact->fetched_at = NOW - strtoll(age + 1, NULL, 10);
	}
	switch (*text) {
	case '-':
		fact->state = OG_FACT_ABSENT;
		break;
	case '!':
		fact->state = OG_FACT_FAILED;
		fact->failure = read_reason(text + 1);
		break;
	case '+':
		fact->state = OG_FACT_FOUND;
		read_row(&fact->record, text + 1);
		break;
	default:
		die("no such state", text);
	}
}

static void
read_said(struct said *said, char *text, const char *subject)
{
	struct og_query *query = &said->query;
	char *key, *list, *single;

	memset(said, 0, sizeof(*said));
	key = strsep(&text, "=");
	list = strsep(&text, "/");
	single = strsep(&text, "/");
	if (text == NULL)
		die("a fact wants QUERY=LIST/SINGLE/ANSWER", key);
	query->kind = *key == 'u' ? OG_QUERY_USER :
	    *key == 'i' ? OG_QUERY_INVITE :
	    *key == 'p' ? OG_QUERY_PROJECT_USER : OG_QUERY_GROUP_USER;
	if (key[1] == '.' && !og_copy(query->container,
	    sizeof(query->container), key + 2, strlen(key + 2)))
		die("too long", key);
	query->subject_kind = strchr(subject, '@') != NULL ?
	    OG_SUBJECT_EMAIL : OG_SUBJECT_ID;
	if (!og_copy(query->subject, sizeof(query->subject), subject,
	    strlen(subject)))
		die("too long", subject);
	read_fact(&said->list, query, list, OG_SOURCE_STORE);
	read_fact(&said->single, query, single, OG_SOURCE_STORE);
	read_fact(&said->answer, query, text, OG_SOURCE_API);
}

static size_t
read_hex(char *name, size_t size, const char *hex)
{
	unsigned int byte;
	size_t len;

	for (len = 0; hex[0] != '\0' && hex[0] != '-'; hex += 2) {
		if (len + 1 >= size || sscanf(hex, "%2x", &byte) != 1)
			die("not a name in hexadecimal", hex);
		name[len++] = (char)byte;
	}
	name[len] = '\0';
	return len;
}

/* What a door does: with nobody to ask, every question fails. */
static void
answer(struct og_check *check, const struct og_store *store)
{
	struct og_fact fact[FACTS_MAX];
	size_t count, i;

	if (conf->base_url == NULL) {
		og_check_fail(check, OG_STORE);
		return;
	}
	for (i = count = 0; i < store->count; i++) {
		if (store->said[i].answer.state != OG_FACT_WANTED)
			fact[count++] = store->said[i].answer;
	}
	og_check_answer(check, fact, count);
}

static enum og_reason
run_check(const struct og_policy *policy, const struct og_subject *subject,
    struct og_store *store, int *rounds)
{
	struct og_check *check;
	enum og_reason reason;

	if (og_check_new(&check, conf, policy, subject, store, NULL) != OG_OK)
		return OG_NO_MEMORY;
	while (og_check_step(check, NOW) == OG_STEP_WANT) {
		if (++*rounds == ROUNDS_MAX)
			die("asks without end", policy->name);
		answer(check, store);
	}
	reason = og_check_decision(check)->reason;
	og_check_free(check);
	return reason;
}

static enum og_reason
decide(char *line, int *rounds)
{
	static struct og_store store;
	const struct og_policy *policy;
	struct og_subject subject;
	enum og_reason reason;
	char *about, name[1024], *word;
	const char *template;
	size_t len;

	*rounds = 0;
	if (conf == NULL)
		return OG_CONFIG;
	word = strsep(&line, " ");
	policy = og_config_policy(conf, word);
	if (policy == NULL)
		return OG_NO_POLICY;
	word = strsep(&line, " ");
	if (word == NULL)
		die("no name", policy->name);
	len = read_hex(name, sizeof(name), word);
	template = policy->email != NULL ? policy->email : conf->email;
	reason = og_identity_from_map(&subject, name, len, template, map);
	if (reason != OG_GO_ON)
		return reason;
	about = strsep(&line, " ");
	if (about == NULL)
		die("no subject", name);
	store.count = 0;
	while ((word = strsep(&line, " ")) != NULL) {
		if (store.count == FACTS_MAX)
			die("too many facts", word);
		read_said(&store.said[store.count++], word, about);
	}
	return run_check(policy, &subject, &store, rounds);
}

static void
break_lines(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '|')
			*text = '\n';
	}
}

static void
take_conf(char *text)
{
	struct og_message message;

	break_lines(text);
	og_config_free(conf);
	if (og_config_parse(&conf, "gate.conf", text, strlen(text),
	    &message) != OG_OK)
		fprintf(stderr, "decide: %s\n", message.text);
}

static void
take_map(char *text)
{
	struct og_message message;

	break_lines(text);
	og_map_free(map);
	if (og_map_parse(&map, "map", text, strlen(text), &message) != OG_OK)
		die("map", message.text);
}

int
main(void)
{
	enum og_reason reason;
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int rounds;

	while ((len = getline(&line, &size, stdin)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		if (strncmp(line, "conf ", 5) == 0) {
			take_conf(line + 5);
		} else if (strncmp(line, "map ", 4) == 0) {
			take_map(line + 4);
		} else {
			reason = decide(line, &rounds);
			printf("%s %s %d\n",
			    og_verdict_word(og_reason_verdict(reason)),
			    og_reason_word(reason), rounds);
		}
	}
	free(line);
	og_config_free(conf);
	og_map_free(map);
	return fflush(stdout) == 0 ? 0 : 1;
}

/*
 * The whole decision: a policy by way of gate.conf, a person by way of the
 * map, what store and directory say of him, ages and failures, all from the
 * input; judged by og_check and by the oracle of kit/. Who passes here must
 * pass there, who is denied must be denied, and what cannot be known is
 * neither.
 *
 * The store is ours: its two questions are answered below, and the linker
 * takes them for the library's.
 */
#include <string.h>

#include "client/check.h"
#include "kit/input.h"
#include "kit/oracle.h"
#include "kit/world.h"
#include "meaning/config.h"
#include "meaning/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct og_store {
	const struct world *world;
};

static void
tell(struct og_fact *fact, const struct told *told, int64_t now)
{
	if (told->says != SAYS_ROW && told->says != SAYS_NOBODY)
		return;
	fact->state = told->says == SAYS_ROW ? OG_FACT_FOUND : OG_FACT_ABSENT;
	fact->source = OG_SOURCE_STORE;
	fact->fetched_at = now - told->age;
	if (told->says == SAYS_ROW)
		fact->record = told->row;
}

bool
og_store_get_listed(struct og_store *store, struct og_fact *fact,
    const struct og_query *query, int64_t now)
{
	unsigned int place;

	memset(fact, 0, sizeof(*fact));
	fact->query = *query;
	place = world_place(store->world, query);
	REQUIRE(place < PLACES);
	tell(fact, &store->world->list[place], now);
	return true;
}

void
og_store_get_single(struct og_store *store, struct og_fact *fact,
    const struct og_query *query, int64_t now)
{
	unsigned int place;

	memset(fact, 0, sizeof(*fact));
	fact->query = *query;
	place = world_place(store->world, query);
	REQUIRE(place < PLACES);
	tell(fact, &store->world->single[place], now);
}

/* An answer as the helper or the fetcher gives it. */
static bool
answer_for(const struct world *world, struct og_fact *answer,
    const struct og_query *query, int64_t now)
{
	const struct told *told;
	unsigned int place;

	memset(answer, 0, sizeof(*answer));
	answer->query = *query;
	place = world_place(world, query);
	REQUIRE(place < PLACES);
	told = &world->api[place];
	switch (told->says) {
	case SAYS_NOTHING:
		return false;
	case SAYS_FAILED:
		answer->state = OG_FACT_FAILED;
		answer->failure = told->failure;
		break;
	case SAYS_ROW:
	case SAYS_NOBODY:
		tell(answer, told, now);
		answer->source = OG_SOURCE_API;
		answer->fetched_at = now;
		break;
	}
	return true;
}

#define ANSWERS_MAX (2 * PLACES)

/* The same row, but about another person, another place, or by another key:
 * nobody asked for that. */
static struct og_fact
foreign(const struct og_fact *answer, unsigned int how)
{
	struct og_fact other;

	other = *answer;
	other.state = OG_FACT_FOUND;
	memset(&other.record, 0, sizeof(other.record));
	memcpy(other.record.role, "owner", 6);
	if (how == 1) {
		memcpy(other.query.subject, "eve@example.com", 16);
	} else if (how == 2) {
		other.query.subject_kind = OG_SUBJECT_ID;
		memcpy(other.query.subject, "user-666", 9);
	} else {
		other.query.kind = OG_QUERY_GROUP_USER;
		memcpy(other.query.container, "group_666", 10);
	}
	memcpy(other.record.email, answer->query.subject,
	    sizeof(other.record.email));
	return other;
}

static void
answer_all(struct og_check *check, const struct world *world,
    struct input *input, int64_t now)
{
	struct og_fact answer[ANSWERS_MAX];
	const struct og_facts *facts;
	unsigned int how;
	size_t count, i;

	facts = og_check_facts(check);
	count = 0;
	for (i = 0; i < facts->count; i++) {
		if (facts->item[i].state != OG_FACT_WANTED)
			continue;
		REQUIRE(count + 2 <= ANSWERS_MAX);
		how = pick(input, 8);
		if (!answer_for(world, &answer[count], &facts->item[i].query,
		    now))
			continue;
		if (how >= 1 && how <= 3) {
			answer[count + 1] = answer[count];
			answer[count] = foreign(&answer[count + 1], how);
			count++;
		}
		count++;
	}
	og_check_answer(check, answer, count);
}

static void
compare(const struct og_check *check, const struct world *world)
{
	enum og_verdict verdict;

	verdict = og_reason_verdict(og_check_decision(check)->reason);
	switch (oracle_judge(world)) {
	case YES:
		REQUIRE(verdict == OG_ALLOW);
		REQUIRE(oracle_possible(world, 0));
		break;
	case NO:
		REQUIRE(verdict == OG_DENY);
		break;
	case UNKNOWN:
		REQUIRE(verdict == OG_UNAVAILABLE ||
		    verdict == OG_MISCONFIGURED ||
		    verdict == OG_OUT_OF_MEMORY);
		break;
	}
}

static void
decide(const struct og_config *conf, const struct og_subject *subject,
    struct world *world, struct input *input)
{
	struct og_store store = { world };
	struct og_check *check;
	unsigned int how, i, steps;
	int64_t now;

	how = take(input);
	if ((how & 1) != 0) {
		/* No store at all. */
		memset(world->list, 0, sizeof(world->list));
		memset(world->single, 0, sizeof(world->single));
	}
	if ((how & 2) != 0) {
		/* Nobody can be asked. */
		for (i = 0; i < PLACES; i++)
			world->api[i].says = SAYS_NOTHING;
	}
	now = 1700000000;
	REQUIRE(og_check_new(&check, conf, og_config_policy(conf, "p"),
	    subject, (how & 1) != 0 ? NULL : &store, NULL) == OG_OK);
	REQUIRE(og_reason_verdict(og_check_decision(check)->reason) ==
	    OG_DENY);
	for (steps = 0; og_check_step(check, now) == OG_STEP_WANT; steps++) {
		REQUIRE(steps < 3);
		/* Asking took its time. */
		now += pick(input, 4);
		if ((how & 2) != 0)
			og_check_fail(check, (how & 4) != 0 ? OG_CREDENTIAL :
			    OG_TIMEOUT);
		else
			answer_all(check, world, input, now);
	}
	compare(check, world);
	og_check_free(check);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct og_buffer map, text;
	struct og_message message;
	struct og_subject subject;
	struct og_config *conf;
	enum og_reason reason;
	struct world world;
	enum og_error error;

	world_make(&world, &input);
	og_buffer_init(&text, OG_CONF_FILE_MAX);
	og_buffer_init(&map, OG_MAP_FILE_MAX);
	world_print(&world, &text, NULL);
	world_print_map(&world, &map);
	error = og_config_parse(&conf, "f", text.data, text.len, &message);
	REQUIRE((error == OG_OK) == oracle_policy_valid(&world.rules));
	if (error == OG_OK) {
		reason = og_identity_find(&subject, world.name,
		    strlen(world.name), conf->email, "m", map.data, map.len,
		    &message);
		REQUIRE((reason == OG_GO_ON) == world.known);
		REQUIRE(reason != OG_GO_ON || (subject.kind == world.kind &&
		    strcmp(subject.text, world.subject) == 0));
		if (reason == OG_GO_ON)
			decide(conf, &subject, &world, &input);
	}
	og_config_free(conf);
	og_buffer_free(&map);
	og_buffer_free(&text);
	return 0;
}

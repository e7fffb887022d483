#include "world.h"

#include <string.h>

#include "value/reason.h"

const char *const role_word[ROLE_WORDS] = {
	"owner", "reader", "member", "Owner",
};

static const char *const projects[PROJECTS] = {
	"proj_a", "proj_b", "proj_A", "proj.c",
};
static const char *const groups[GROUPS] = {
	"group_1", "group_2", "proj_a",
};

/* Local names, and what a template makes of them: nothing for those that are
 * refused. */
static const struct {
	const char *text;
	bool refused;
	bool address;
} names[] = {
	{ "ann", false, false }, { "bob", false, false },
	{ "Ann", false, false }, { "ann@example.com", false, true },
	{ "-ann", true, false }, { "an n", true, false },
	{ "a/nn", true, false }, { "", true, false },
	{ "a%unn", true, false }, { "\xff", true, false },
	{ "ann\n", true, false }, { "BOB@example.com", false, true },
};
#define NAMES (sizeof(names) / sizeof(names[0]))

/* A map's lines: name and target. */
static const char *const map_line[][2] = {
	{ "ann", "Ann@Example.com" }, { "bob", "user-1" },
	{ "Ann", "ann@example.org" }, { "ann@example.com", "user-2" },
	{ "root", "bob@example.com" }, { "bob2", "user-3" },
};
#define MAP_LINES (sizeof(map_line) / sizeof(map_line[0]))

static const char *const templates[] = {
	NULL, "%u@example.com", "%u", "%u@EXAMPLE.org", "x%%%u@example.com",
};

static const char *const ids[] = {
	"user-1", "user-2", "user-3", "USER-1", "user-", "",
};
static const char *const emails[] = {
	"", "ann@example.com", "ANN@EXAMPLE.COM", "bob@example.com",
	"ann@example.co", "ann@example.comm", "ann@example.org",
	"\xc3\x84nn@example.com",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
set(char *dst, size_t size, const char *src)
{
	REQUIRE((size_t)snprintf(dst, size, "%s", src) < size);
}

static void
fold(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
	}
}

static void
make_rules(struct rules *rules, struct input *input)
{
	static const int64_t ttls[] = { 600, 1, 60, 3600 };
	static const int64_t negatives[] = { 60, 0, 1, 600 };
	static const int64_t stales[] = { 3600, 0, 1, 60 };
	unsigned int bits, i;

	bits = take(input);
	rules->role = bits & 15;
	rules->owner_is_member = (bits & 16) != 0;
	rules->service_accounts = (bits & 32) != 0;
	rules->project_role = (bits & 64) != 0 ? pick(input, 16) : 0;
	bits = take(input);
	rules->project_lines = (bits & 3) % (LINES + 1);
	rules->group_lines = (bits >> 2 & 3) % (LINES + 1);
	rules->ttl = ttls[bits >> 4 & 3];
	rules->stale_ttl = stales[bits >> 6 & 3];
	rules->negative_ttl = negatives[pick(input, 4)];
	for (i = 0; i < rules->project_lines; i++)
		rules->project[i] = 1 + pick(input, (1U << PROJECTS) - 1);
	for (i = 0; i < rules->group_lines; i++)
		rules->group[i] = 1 + pick(input, (1U << GROUPS) - 1);
}

static void
expand(char *dst, size_t size, const char *template, const char *name)
{
	size_t used;

	used = 0;
	dst[0] = '\0';
	for (; *template != '\0'; template++) {
		if (template[0] == '%' && template[1] == 'u') {
			used += (size_t)snprintf(dst + used, size - used,
			    "%s", name);
			template++;
			continue;
		}
		if (template[0] == '%')
			template++;
		used += (size_t)snprintf(dst + used, size - used, "%c",
		    *template);
	}
	REQUIRE(used < size);
}

/* Who the person is: the map's line, else the template's address. */
static void
make_person(struct world *world, struct input *input)
{
	unsigned int i, who;

	who = pick(input, NAMES);
	world->name = names[who].text;
	world->template = templates[(1 + pick(input, COUNT(templates))) %
	    COUNT(templates)];
	world->map = take(input) & ((1U << MAP_LINES) - 1);
	world->kind = OG_SUBJECT_EMAIL;
	for (i = 0; i < MAP_LINES && !world->known; i++) {
		if ((world->map & 1U << i) == 0 ||
		    strcmp(map_line[i][0], world->name) != 0)
			continue;
		set(world->subject, sizeof(world->subject), map_line[i][1]);
		world->known = true;
		if (strchr(map_line[i][1], '@') == NULL)
			world->kind = OG_SUBJECT_ID;
	}
	if (!world->known && !names[who].refused && world->template != NULL &&
	    names[who].address == (strcmp(world->template, "%u") == 0)) {
		expand(world->subject, sizeof(world->subject), world->template,
		    world->name);
		world->known = true;
	}
	if (world->kind == OG_SUBJECT_EMAIL)
		fold(world->subject);
}

static void
make_row(struct world *world, struct og_record *row, struct input *input)
{
	unsigned int bits;

	bits = take(input);
	set(row->id, sizeof(row->id), world->kind == OG_SUBJECT_ID &&
	    (bits & 7) == 0 ? world->subject : ids[(bits & 7) % COUNT(ids)]);
	set(row->email, sizeof(row->email), world->kind == OG_SUBJECT_EMAIL &&
	    (bits >> 3 & 7) == 0 ? world->subject : emails[bits >> 3 & 7]);
	if ((bits >> 6 & 1) != 0 && row->email[0] >= 'a')
		row->email[0] = (char)(row->email[0] - 'a' + 'A');
	if ((bits >> 7 & 1) != 0)
		row->email[0] = '\0';
	bits = take(input);
	if ((bits & 7) < ROLE_WORDS)
		set(row->role, sizeof(row->role), role_word[bits & 7]);
	row->disabled = (bits >> 3 & 7) == 7;
	row->service_account = (bits >> 3 & 7) == 6;
	row->ambiguous = (bits >> 6 & 3) == 3;
}

/* Ages on both sides of every limit. */
static int64_t
make_age(const struct rules *rules, unsigned int choice)
{
	switch (choice) {
	case 0:
		return 0;
	case 1:
		return rules->ttl - 1;
	case 2:
		return rules->ttl;
	case 3:
		return rules->ttl + rules->stale_ttl - 1;
	case 4:
		return rules->ttl + rules->stale_ttl;
	case 5:
		return rules->negative_ttl - 1;
	case 6:
		return rules->negative_ttl;
	default:
		return 100 * 86400;
	}
}

static void
make_told(struct world *world, struct told *told, struct input *input)
{
	unsigned int bits;

	bits = take(input);
	told->says = (enum says)(bits & 3);
	told->age = make_age(&world->rules, bits >> 2 & 7);
	if (told->age < 0)
		told->age = 0;
	if (told->says == SAYS_ROW)
		make_row(world, &told->row, input);
	if (told->says == SAYS_FAILED)
		told->failure = (enum og_reason)pick(input, OG_REASON_COUNT);
}

void
world_make(struct world *world, struct input *input)
{
	unsigned int i, wants;

	memset(world, 0, sizeof(*world));
	make_rules(&world->rules, input);
	make_person(world, input);
	/* Which of the three sources speak at all. */
	wants = take(input);
	for (i = 0; i < PLACES; i++) {
		make_told(world, &world->api[i], input);
		if ((wants & 1) != 0)
			make_told(world, &world->list[i], input);
		if ((wants & 2) != 0)
			make_told(world, &world->single[i], input);
	}
}

struct og_query
world_query(const struct world *world, unsigned int place)
{
	struct og_query query;

	memset(&query, 0, sizeof(query));
	query.subject_kind = world->kind;
	memcpy(query.subject, world->subject, sizeof(query.subject));
	if (place == PLACE_USERS) {
		query.kind = OG_QUERY_USER;
	} else if (place < PLACE_GROUP) {
		query.kind = OG_QUERY_PROJECT_USER;
		set(query.container, sizeof(query.container),
		    projects[place - PLACE_PROJECT]);
	} else if (place < PLACE_INVITES) {
		query.kind = OG_QUERY_GROUP_USER;
		set(query.container, sizeof(query.container),
		    groups[place - PLACE_GROUP]);
	} else {
		query.kind = OG_QUERY_INVITE;
	}
	return query;
}

unsigned int
world_place(const struct world *world, const struct og_query *query)
{
	struct og_query own;
	unsigned int i;

	for (i = 0; i < PLACES; i++) {
		own = world_query(world, i);
		if (own.kind == query->kind &&
		    own.subject_kind == query->subject_kind &&
		    strcmp(own.container, query->container) == 0 &&
		    strcmp(own.subject, query->subject) == 0)
			break;
	}
	return i;
}

static void
add(struct og_buffer *buffer, const char *text)
{
	REQUIRE(og_buffer_add(buffer, text, strlen(text)) == OG_OK);
}

static void
add_words(struct og_buffer *conf, const char *key, unsigned int bits,
    const char *const *words)
{
	unsigned int i;

	if (bits == 0)
		return;
	add(conf, key);
	add(conf, " =");
	for (i = 0; bits >> i != 0; i++) {
		if ((bits & 1U << i) == 0)
			continue;
		add(conf, " ");
		add(conf, words[i]);
	}
	add(conf, "\n");
}

static void
add_duration(struct og_buffer *conf, const char *key, int64_t seconds)
{
	char line[64];

	snprintf(line, sizeof(line), "%s = %llds\n", key, (long long)seconds);
	add(conf, line);
}

void
world_print(const struct world *world, struct og_buffer *conf,
    const char *map_file)
{
	const struct rules *rules = &world->rules;
	unsigned int i;

	add(conf, "[identity]\n");
	if (world->template != NULL) {
		add(conf, "email = ");
		add(conf, world->template);
		add(conf, "\n");
	}
	if (map_file != NULL) {
		add(conf, "map_file = ");
		add(conf, map_file);
		add(conf, "\n");
	}
	add(conf, "[cache]\n");
	add_duration(conf, "ttl", rules->ttl);
	add_duration(conf, "negative_ttl", rules->negative_ttl);
	add_duration(conf, "stale_ttl", rules->stale_ttl);
	/* Whoever is somewhere passes this one: it must not be taken for ours. */
	add(conf, "[policy open]\npam_services = other\n"
	    "role = owner reader member Owner\n"
	    "[policy p]\npam_services = sshd\n");
	add_words(conf, "role", rules->role, role_word);
	for (i = 0; i < rules->project_lines; i++)
		add_words(conf, "project", rules->project[i], projects);
	add_words(conf, "project_role", rules->project_role, role_word);
	for (i = 0; i < rules->group_lines; i++)
		add_words(conf, "group", rules->group[i], groups);
	if (rules->owner_is_member)
		add(conf, "owner_is_member = yes\n");
	if (rules->service_accounts)
		add(conf, "allow_service_accounts = yes");
}

void
world_print_map(const struct world *world, struct og_buffer *map)
{
	unsigned int i;

	for (i = 0; i < MAP_LINES; i++) {
		if ((world->map & 1U << i) == 0)
			continue;
		add(map, map_line[i][0]);
		add(map, "\t");
		add(map, map_line[i][1]);
		add(map, " # of the map\n");
	}
}

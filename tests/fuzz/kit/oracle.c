#include "oracle.h"

#include <string.h>
#include <strings.h>

bool
oracle_policy_valid(const struct rules *rules)
{
	if (rules->project_role != 0 && rules->project_lines == 0)
		return false;
	return rules->role != 0 || rules->project_lines > 0 ||
	    rules->group_lines > 0;
}

/* What the store says counts for so long; 0: it says nothing. */
static int64_t
lifetime(const struct rules *rules, const struct told *told)
{
	if (told->says == SAYS_ROW)
		return rules->ttl;
	if (told->says != SAYS_NOBODY)
		return 0;
	return rules->never_asks ? rules->ttl : rules->negative_ttl;
}

static bool
speaks(const struct told *told)
{
	return told->says == SAYS_ROW || told->says == SAYS_NOBODY;
}

/*
 * What counts of all that is said: the younger of list and single; when that
 * one is not fresh, the directory's answer; without one, a row that is merely
 * stale.
 */
static const struct told *
believed(const struct world *world, unsigned int place)
{
	const struct rules *rules = &world->rules;
	const struct told *api = &world->api[place];
	const struct told *list = &world->list[place];
	const struct told *single = &world->single[place];
	const struct told *best;

	best = list;
	if (speaks(single) && (!speaks(list) || single->age < list->age))
		best = single;
	if (best->age < lifetime(rules, best))
		return best;
	if (speaks(api))
		return api;
	if (best->says == SAYS_ROW && best->age < rules->ttl + rules->stale_ttl)
		return best;
	return NULL;
}

/* Locale C: strcasecmp folds ASCII alone. */
bool
oracle_own(const struct world *world, const struct og_record *row,
    const struct og_record *user)
{
	if (row->ambiguous)
		return false;
	if (world->kind == OG_SUBJECT_ID)
		return strcmp(row->id, world->subject) == 0;
	if (row->email[0] != '\0')
		return strcasecmp(row->email, world->subject) == 0;
	return user != NULL && user->id[0] != '\0' &&
	    strcmp(row->id, user->id) == 0;
}

static bool
has_role(const struct og_record *row, unsigned int roles)
{
	unsigned int i;

	for (i = 0; i < ROLE_WORDS; i++) {
		if ((roles & 1U << i) != 0 &&
		    strcmp(row->role, role_word[i]) == 0)
			return true;
	}
	return false;
}

static bool
member_suffices(const struct rules *rules, const struct og_record *user)
{
	return !user->disabled &&
	    (!user->service_account || rules->service_accounts) &&
	    (rules->role == 0 || has_role(user, rules->role));
}

static bool
project_suffices(const struct rules *rules, unsigned int place,
    const struct og_record *row)
{
	return place >= PLACE_GROUP || rules->project_role == 0 ||
	    has_role(row, rules->project_role);
}

static enum answer
judge_place(const struct world *world, unsigned int place,
    const struct og_record *user)
{
	const struct told *told;

	told = believed(world, place);
	if (told == NULL)
		return UNKNOWN;
	if (told->says == SAYS_NOBODY)
		return NO;
	if (!oracle_own(world, &told->row, user))
		return UNKNOWN;
	return project_suffices(&world->rules, place, &told->row) ? YES : NO;
}

/* Any of the line's places. */
static enum answer
judge_line(const struct world *world, unsigned int bits, unsigned int first,
    const struct og_record *user)
{
	enum answer best, one;
	unsigned int i;

	best = NO;
	for (i = 0; bits >> i != 0; i++) {
		if ((bits & 1U << i) == 0)
			continue;
		one = judge_place(world, first + i, user);
		if (one > best)
			best = one;
	}
	return best;
}

/* With owner_is_member an owner is in every project, and somebody whose row
 * is not known may be an owner. */
static enum answer
judge_projects(const struct world *world, unsigned int bits,
    const struct og_record *user)
{
	enum answer line;

	line = judge_line(world, bits, PLACE_PROJECT, user);
	if (!world->rules.owner_is_member)
		return line;
	if (user == NULL)
		return line == NO ? UNKNOWN : line;
	return strcmp(user->role, "owner") == 0 ? YES : line;
}

enum answer
oracle_judge(const struct world *world)
{
	const struct rules *rules = &world->rules;
	const struct og_record *user;
	const struct told *told;
	enum answer all, one;
	unsigned int i;

	told = believed(world, PLACE_USERS);
	if (!world->known || (told != NULL && told->says == SAYS_NOBODY))
		return NO;
	user = told != NULL && oracle_own(world, &told->row, NULL) ?
	    &told->row : NULL;
	if (user != NULL && !member_suffices(rules, user))
		return NO;
	all = user != NULL ? YES : UNKNOWN;
	for (i = 0; i < rules->project_lines; i++) {
		one = judge_projects(world, rules->project[i], user);
		all = one < all ? one : all;
	}
	for (i = 0; i < rules->group_lines; i++) {
		one = judge_line(world, rules->group[i], PLACE_GROUP, user);
		all = one < all ? one : all;
	}
	return all;
}

/* The rows that may be believed of a place, whatever else fails. */
static size_t
rows_of(const struct world *world, unsigned int place, int64_t slack,
    const struct og_record *row[3])
{
	const struct told *stored[2];
	size_t i, n;

	n = 0;
	stored[0] = &world->list[place];
	stored[1] = &world->single[place];
	for (i = 0; i < 2; i++) {
		if (stored[i]->says == SAYS_ROW && stored[i]->age - slack <
		    world->rules.ttl + world->rules.stale_ttl)
			row[n++] = &stored[i]->row;
	}
	if (world->api[place].says == SAYS_ROW)
		row[n++] = &world->api[place].row;
	return n;
}

static bool
possible_line(const struct world *world, int64_t slack, unsigned int bits,
    unsigned int first, const struct og_record *user)
{
	const struct og_record *row[3];
	unsigned int i;
	size_t j, n;

	for (i = 0; bits >> i != 0; i++) {
		if ((bits & 1U << i) == 0)
			continue;
		n = rows_of(world, first + i, slack, row);
		for (j = 0; j < n; j++) {
			if (oracle_own(world, row[j], user) &&
			    project_suffices(&world->rules, first + i, row[j]))
				return true;
		}
	}
	return false;
}

static bool
possible_for(const struct world *world, int64_t slack,
    const struct og_record *user)
{
	const struct rules *rules = &world->rules;
	unsigned int i;

	if (!oracle_own(world, user, NULL) || !member_suffices(rules, user))
		return false;
	for (i = 0; i < rules->project_lines; i++) {
		if (rules->owner_is_member && strcmp(user->role, "owner") == 0)
			break;
		if (!possible_line(world, slack, rules->project[i],
		    PLACE_PROJECT, user))
			return false;
	}
	for (i = 0; i < rules->group_lines; i++) {
		if (!possible_line(world, slack, rules->group[i], PLACE_GROUP,
		    user))
			return false;
	}
	return true;
}

bool
oracle_possible(const struct world *world, int64_t slack)
{
	const struct og_record *user[3];
	size_t i, n;

	if (!world->known)
		return false;
	n = rows_of(world, PLACE_USERS, slack, user);
	for (i = 0; i < n; i++) {
		if (possible_for(world, slack, user[i]))
			return true;
	}
	return false;
}

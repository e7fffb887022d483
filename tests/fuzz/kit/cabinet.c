#include "cabinet.h"

#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/store_private.h"
#include "value/wire.h"

#define FILE_MAX_SIZE	16384

/* What the store calls the files of no organization and the API itself. */
static struct og_print
own_print(void)
{
	/* The starts of SHA-256 of "https://api.openai.com/v1" and of "". */
	static const struct og_print print = {
		.endpoint = {
			0xd9, 0x61, 0x71, 0x35, 0xd6, 0xfd, 0xd0, 0xa2,
			0xcd, 0xe7, 0x22, 0xd6, 0x37, 0xa1, 0xdf, 0xcc,
		},
		.organization = {
			0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14,
			0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
		},
	};

	return print;
}

/* The row is filed under the person's own key. */
static bool
is_filed_right(const struct world *world, const struct og_record *row)
{
	if (world->kind == OG_SUBJECT_ID)
		return strcmp(row->id, world->subject) == 0;
	return strcasecmp(row->email, world->subject) == 0;
}

static void
forget(struct told *told)
{
	memset(told, 0, sizeof(*told));
}

void
cabinet_make(struct cabinet *cabinet, struct world *world, struct input *input)
{
	struct spoiled *spoiled;
	unsigned int bits, i;

	memset(cabinet, 0, sizeof(*cabinet));
	cabinet->world = world;
	for (i = 0; i < SPOILED; i++) {
		spoiled = &cabinet->spoiled[i];
		bits = take(input);
		spoiled->trouble = (enum trouble)(bits % TROUBLES);
		if (spoiled->trouble == TROUBLE_NONE)
			return;
		spoiled->list = (bits & 128) != 0;
		spoiled->place = (bits >> 3 & 15) % PLACES;
		spoiled->where = take(input) << 8 | take(input);
		spoiled->change = 1 + pick(input, 255);
	}
}

static const struct spoiled *
spoiled_file(const struct cabinet *cabinet, bool list, unsigned int place)
{
	const struct spoiled *spoiled;
	unsigned int i;

	for (i = 0; i < SPOILED; i++) {
		spoiled = &cabinet->spoiled[i];
		if (spoiled->trouble != TROUBLE_NONE &&
		    spoiled->list == list && spoiled->place == place)
			return spoiled;
	}
	return NULL;
}

void
cabinet_judge(struct cabinet *cabinet)
{
	const struct spoiled *spoiled;
	struct told *told;
	unsigned int i;
	int list;

	for (i = 0; i < 2 * PLACES; i++) {
		list = i < PLACES;
		told = list ? &cabinet->world->list[i] :
		    &cabinet->world->single[i - PLACES];
		spoiled = spoiled_file(cabinet, list, i % PLACES);
		if (spoiled != NULL && told->says != SAYS_NOTHING &&
		    list && spoiled->trouble == TROUBLE_BYTE)
			cabinet->vague = true;
		else if (spoiled != NULL || told->says == SAYS_FAILED ||
		    (told->says == SAYS_ROW &&
		    !is_filed_right(cabinet->world, &told->row)))
			forget(told);
	}
}

static void
write_single(struct og_buffer *file, const struct world *world,
    const struct told *told, const struct og_query *query,
    const struct og_print *print, int64_t age)
{
	struct og_single_head head;
	struct og_fact fact;

	(void)world;		/* the query says it all */
	memset(&fact, 0, sizeof(fact));
	fact.query = *query;
	fact.fetched_at = LIBC_WALL - age;
	fact.state = told->says == SAYS_ROW ? OG_FACT_FOUND :
	    told->says == SAYS_NOBODY ? OG_FACT_ABSENT : OG_FACT_FAILED;
	fact.failure = told->says == SAYS_FAILED ? OG_NETWORK : 0;
	fact.record = told->row;
	/* Of no known boot: the wall clock alone says how old it is. */
	head = (struct og_single_head){ *print, 0 };
	REQUIRE(og_single_encode(file, &head, &fact) == OG_OK);
}

static void
add_row(struct og_list_maker *maker, const char *list, const char *key,
    const struct og_record *record)
{
	struct og_buffer row;

	og_buffer_init(&row, OG_WIRE_ROW_MAX);
	REQUIRE(og_wire_put_row(&row, list, key, record) == OG_OK);
	REQUIRE(og_list_maker_add(maker, key, row.data, row.len) == OG_OK);
	og_buffer_free(&row);
}

/* With somebody else in it; a list that failed is a partial one. */
static void
write_list(struct og_buffer *file, const struct world *world,
    const struct told *told, const struct og_query *query,
    const struct og_print *print, int64_t age)
{
	static const struct og_record other = { .id = "user-9",
	    .email = "zoe@example.com", .role = "owner" };
	char key[OG_EMAIL_MAX + 2], bytes[FILE_MAX_SIZE];
	struct og_list_maker *maker;
	struct og_list_head head;
	struct og_query list;
	ssize_t len;
	int fd;

	memset(&head, 0, sizeof(head));
	list = og_query_list(query);
	og_query_text(&list, head.query);
	head.print = *print;
	head.fetched_at = LIBC_WALL - age;
	head.state = told->says == SAYS_FAILED ? OG_LIST_PARTIAL :
	    OG_LIST_COMPLETE;
	head.rows = 1;
	fd = memfd_create("list", MFD_CLOEXEC);
	REQUIRE(fd >= 0 && og_list_maker_new(&maker, fd) == OG_OK);
	add_row(maker, head.query, "ezoe@example.com", &other);
	if (told->says == SAYS_ROW) {
		snprintf(key, sizeof(key), "%c%s",
		    world->kind == OG_SUBJECT_EMAIL ? 'e' : 'i',
		    world->subject);
		add_row(maker, head.query, key, &told->row);
	}
	REQUIRE(og_list_maker_finish(maker, &head) == OG_OK);
	og_list_maker_free(maker);
	len = pread(fd, bytes, sizeof(bytes), 0);
	REQUIRE(len > 0 && len < (ssize_t)sizeof(bytes));
	close(fd);
	REQUIRE(og_buffer_add(file, bytes, (size_t)len) == OG_OK);
}

static void
spoil_bytes(struct og_buffer *bytes, const struct spoiled *spoiled)
{
	size_t at;

	at = spoiled->where % bytes->len;
	if (spoiled->trouble == TROUBLE_CUT)
		bytes->len = at;
	else if (spoiled->trouble == TROUBLE_BYTE)
		bytes->data[at] = (char)(bytes->data[at] ^
		    (char)spoiled->change);
}

static void
make_file(const struct cabinet *cabinet, bool list, unsigned int place,
    struct libc_file *file)
{
	static char kept[FILE_MAX_SIZE];
	const struct world *world = cabinet->world;
	const struct spoiled *spoiled;
	const struct told *told;
	struct og_buffer bytes;
	struct og_print print;
	struct og_query query;
	enum trouble trouble;
	int64_t age;

	told = list ? &world->list[place] : &world->single[place];
	spoiled = spoiled_file(cabinet, list, place);
	trouble = spoiled != NULL ? spoiled->trouble : TROUBLE_NONE;
	print = own_print();
	if (trouble == TROUBLE_ORGANIZATION)
		print.organization[spoiled->where % OG_PRINT_SIZE] ^= 1;
	query = world_query(world, trouble == TROUBLE_QUERY ?
	    (place + 1) % PLACES : place);
	age = trouble == TROUBLE_FUTURE ? -100 : told->age;
	og_buffer_init(&bytes, sizeof(kept));
	(list ? write_list : write_single)(&bytes, world, told, &query, &print,
	    age);
	if (spoiled != NULL)
		spoil_bytes(&bytes, spoiled);
	memset(file, 0, sizeof(*file));
	memcpy(kept, bytes.data, bytes.len);
	file->data = kept;
	file->len = bytes.len;
	file->uid = trouble == TROUBLE_OWNER ? 1000 : 0;
	file->mode = S_IFREG | (trouble == TROUBLE_MODE ? 0622 : 0600);
	og_buffer_free(&bytes);
}

bool
cabinet_open(struct cabinet *cabinet, const char *name, struct libc_file *file)
{
	char single[OG_STORE_NAME_MAX], listed[OG_STORE_NAME_MAX];
	char text[OG_QUERY_TEXT_MAX];
	struct og_query query, list;
	unsigned int i;

	for (i = 0; i < PLACES; i++) {
		query = world_query(cabinet->world, i);
		og_query_text(&query, text);
		og_store_name(single, OG_INNER_SINGLES, text);
		list = og_query_list(&query);
		og_query_text(&list, text);
		og_store_name(listed, OG_INNER_LISTS, text);
		if (strcmp(name, single) == 0 || strcmp(name, listed) == 0)
			break;
	}
	REQUIRE(i < PLACES);
	if ((name[0] == 'l' ? cabinet->world->list : cabinet->world->single)
	    [i].says == SAYS_NOTHING)
		return false;
	make_file(cabinet, name[0] == 'l', i, file);
	return true;
}

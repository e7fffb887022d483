/*
 * fill CONF PEOPLE [PROJECT]
 *
 * Fills the store of that configuration with PEOPLE readers, person0 to
 * personN at example.com, as members of the organization or of PROJECT, all
 * fetched just now, and makes its counters. Prints the bytes of the list's
 * file and the peak memory in kB.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/load.h"
#include "io/store_write.h"
#include "io/tally_write.h"
#include "value/clock.h"

struct sizes {
	uint64_t bytes;
	const char *query;
};

static void
size_of(void *arg, const struct og_store_entry *entry)
{
	char query[OG_QUERY_TEXT_MAX];
	struct sizes *sizes;

	sizes = arg;
	if (entry->trouble != NULL)
		return;
	og_query_text(&entry->fact->query, query);
	if (strcmp(query, sizes->query) == 0)
		sizes->bytes = entry->size;
}

/* getrusage(2) would count what the process was before its exec. */
static long
peak_memory(void)
{
	char line[128];
	FILE *file;
	long kb;

	kb = -1;
	file = fopen("/proc/self/status", "r");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "VmHWM:", 6) == 0)
			kb = strtol(line + 6, NULL, 10);
	}
	if (file != NULL)
		fclose(file);
	return kb;
}

static enum og_error
write_list(struct og_store *store, const struct og_query *query, long people)
{
	struct og_list_writer *writer;
	struct og_record record;
	enum og_error error;
	long i;

	error = og_list_begin(&writer, store, query);
	if (error != OG_OK)
		return error;
	for (i = 0; i < people && error == OG_OK; i++) {
		memset(&record, 0, sizeof(record));
		snprintf(record.id, sizeof(record.id), "user-%024ld", i);
		snprintf(record.email, sizeof(record.email),
		    "person%ld@example.com", i);
		snprintf(record.role, sizeof(record.role), "%s",
		    query->kind == OG_QUERY_USER ? "reader" : "member");
		error = og_list_add(writer, &record);
	}
	if (error != OG_OK) {
		og_list_abort(writer);
		return error;
	}
	return og_list_commit(writer, og_clock_wall(), og_clock_boot(),
	    OG_LIST_COMPLETE, 0);
}

static int
fill(const struct og_config *conf, const struct og_query *query, long people)
{
	char text[OG_QUERY_TEXT_MAX];
	struct og_message message;
	struct og_store *store;
	struct sizes sizes;
	enum og_error error;

	store = NULL;
	error = og_store_create(conf->directory, &message);
	if (error == OG_OK)
		error = og_store_open(&store, conf->directory, 0, conf, NULL,
		    &message);
	if (error != OG_OK) {
		fprintf(stderr, "fill: %s\n", message.text);
		return 1;
	}
	error = write_list(store, query, people);
	/* As on any machine, decisions are counted. */
	if (error == OG_OK)
		error = og_tally_write(store, conf, NULL);
	og_query_text(query, text);
	sizes.bytes = 0;
	sizes.query = text;
	if (error == OG_OK)
		error = og_store_visit(store, size_of, &sizes);
	og_store_free(store);
	if (error != OG_OK) {
		fprintf(stderr, "fill: %s\n", og_strerror(error));
		return 1;
	}
	printf("%" PRIu64 " %ld\n", sizes.bytes, peak_memory());
	return 0;
}

int
main(int argc, char **argv)
{
	struct og_message message;
	struct og_config *conf;
	struct og_query query;
	long people;
	int status;

	people = argc == 3 || argc == 4 ? strtol(argv[2], NULL, 10) : 0;
	if (people < 1) {
		fprintf(stderr, "usage: fill CONF PEOPLE [PROJECT]\n");
		return 64;
	}
	if (og_load_config(&conf, argv[1], &message) != OG_GO_ON) {
		fprintf(stderr, "fill: %s\n", message.text);
		return 1;
	}
	memset(&query, 0, sizeof(query));
	if (argc == 4) {
		query.kind = OG_QUERY_PROJECT_USER;
		snprintf(query.container, sizeof(query.container), "%s",
		    argv[3]);
	}
	status = fill(conf, &query, people);
	og_config_free(conf);
	return status;
}

/*
 * get URL KEY_FILE [CA_FILE]: one GET with libcurl, its answer thrown away.
 * Without CA_FILE, libcurl's own: the system's bundle.
 */
#include <stdio.h>
#include <string.h>

#include "io/http_model.h"

static size_t
drop(char *data, size_t size, size_t count, void *arg)
{
	(void)data;
	(void)arg;
	return size * count;
}

static struct curl_slist *
read_key(const char *path)
{
	char header[1024] = "Authorization: Bearer ";
	struct curl_slist *headers;
	size_t len;
	FILE *file;

	file = fopen(path, "r");
	if (file == NULL)
		return NULL;
	len = strlen(header);
	headers = NULL;
	if (fgets(header + len, (int)(sizeof(header) - len), file) != NULL) {
		header[strcspn(header, "\n")] = '\0';
		headers = curl_slist_append(NULL, header);
	}
	fclose(file);
	return headers;
}

int
main(int argc, char **argv)
{
	struct curl_slist *headers;
	CURLcode code;
	long status;
	CURL *easy;

	if (argc != 3 && argc != 4)
		return 64;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	easy = curl_easy_init();
	headers = read_key(argv[2]);
	if (easy == NULL || headers == NULL)
		return 1;
	curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
	if (argc == 4)
		curl_easy_setopt(easy, CURLOPT_CAINFO, argv[3]);
	code = curl_easy_perform(easy);
	status = 0;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK || status != 200)
		fprintf(stderr, "get: %s, status %ld\n",
		    curl_easy_strerror(code), status);
	curl_easy_cleanup(easy);
	curl_slist_free_all(headers);
	curl_global_cleanup();
	return code == CURLE_OK && status == 200 ? 0 : 1;
}

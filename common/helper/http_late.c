/*
 * io/http.h in the helper: what stands in openai-gate-http.so, loaded by the
 * first og_http_get. Until then there is no descriptor to watch and nothing to
 * run. Whether the file may be trusted has been looked at before. og_http_get
 * has errors more, and logs them: OG_ERR_UNSAFE, the file is not ours or of
 * another build; OG_ERR_SYSTEM, the linker cannot load it. That may be want of
 * memory or of descriptors, which whoever logs in can cause: what we remember
 * serves, and nobody is woken.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "helper/http_part.h"

struct og_http {
	const struct og_config *conf;
	const struct og_log *log;
	struct og_credentials credentials;	/* the key is ours until loaded */
	const struct og_http_part *part;	/* NULL: not loaded */
	struct og_http *loaded;
};

enum og_error
og_http_new(struct og_http **httpp, const struct og_config *conf,
    const struct og_credentials *credentials, const struct og_log *log)
{
	struct og_http *http;
	enum og_error error;

	*httpp = NULL;
	http = calloc(1, sizeof(*http));
	if (http == NULL)
		return OG_ERR_NOMEM;
	http->conf = conf;
	http->log = log;
	http->credentials = *credentials;
	og_buffer_init(&http->credentials.key, OG_KEY_MAX);
	error = og_buffer_add(&http->credentials.key, credentials->key.data,
	    credentials->key.len);
	if (error != OG_OK) {
		og_http_free(http);
		return error;
	}
	*httpp = http;
	return OG_OK;
}

void
og_http_free(struct og_http *http)
{
	if (http == NULL)
		return;
	if (http->loaded != NULL)
		http->part->free(http->loaded);
	og_buffer_free(&http->credentials.key);
	/* Never unloaded: OpenSSL leaves functions behind for exit(3). */
	free(http);
}

static enum og_error
load(const struct og_http_part **partp, const struct og_log *log)
{
	const struct og_http_part *part;
	void *object;

	/* Lazily, as libcurl is where a program is linked with it. */
	object = dlopen(OG_HTTP_PATH, RTLD_LAZY | RTLD_LOCAL);
	if (object == NULL) {
		og_log(log, LOG_ERR, "cannot load: %s; does the caller lack "
		    "memory? If not, install openai-gate again", dlerror());
		return OG_ERR_SYSTEM;
	}
	part = dlsym(object, OG_HTTP_PART);
	if (part == NULL) {
		og_log(log, LOG_ALERT, "%s; install openai-gate again",
		    dlerror());
		return OG_ERR_UNSAFE;
	}
	/* An upgrade under way has replaced one of us. */
	if (strcmp(part->headers, OG_HEADERS) != 0) {
		og_log(log, LOG_ALERT, "%s: of another build than "
		    "openai-gate-fetch; install openai-gate again",
		    OG_HTTP_PATH);
		return OG_ERR_UNSAFE;
	}
	*partp = part;
	return OG_OK;
}

static enum og_error
prepare(struct og_http *http)
{
	enum og_error error;

	if (http->loaded != NULL)
		return OG_OK;
	error = http->part == NULL ? load(&http->part, http->log) : OG_OK;
	if (error == OG_OK)
		error = http->part->make(&http->loaded, http->conf,
		    &http->credentials, http->log);
	if (error == OG_OK)
		og_buffer_free(&http->credentials.key);
	return error;
}

enum og_error
og_http_get(struct og_http *http, const char *path, int64_t deadline_ms,
    void (*done)(void *arg, const struct og_reply *), void *arg)
{
	enum og_error error;

	error = prepare(http);
	return error == OG_OK ? http->part->get(http->loaded, path,
	    deadline_ms, done, arg) : error;
}

int
og_http_fd(const struct og_http *http)
{
	return http->loaded != NULL ? http->part->fd(http->loaded) : -1;
}

int
og_http_timeout(const struct og_http *http)
{
	return http->loaded != NULL ? http->part->timeout(http->loaded) : -1;
}

void
og_http_run(struct og_http *http)
{
	if (http->loaded != NULL)
		http->part->run(http->loaded);
}

#include "client/key_expiry.h"

#include <string.h>

#include "io/pace.h"
#include "meaning/api.h"
#include "value/clock.h"

struct asking {
	const char *key;
	struct og_tally *tally;
	struct og_key_expiry expiry;
	bool finished;
};

/* The API has said something about keys, if only that it says nothing. */
static bool
is_told(const struct og_answer *answer)
{
	return answer->state != OG_FACT_FAILED ||
	    answer->failure == OG_CREDENTIAL;
}

static void
arrived(void *arg, const struct og_reply *reply)
{
	struct og_answer answer;
	struct asking *asking;

	asking = arg;
	asking->finished = true;
	og_api_read_keys(&answer, &asking->expiry.at, asking->key, reply);
	og_tally_fetched(asking->tally, OG_ENDPOINT_ADMIN_KEYS,
	    og_api_outcome(reply, &answer));
	asking->expiry.message = answer.message;
	if (is_told(&answer))
		og_tally_key_expires(asking->tally,
		    asking->expiry.at != 0 ? asking->expiry.at : -1);
}

struct og_key_expiry
og_key_expiry_ask(const struct og_config *conf, struct og_store *store,
    struct og_http *http, const struct og_credentials *credentials,
    struct og_tally *tally)
{
	struct asking asking;
	struct og_buffer path;
	enum og_reason why;
	enum og_error error;

	memset(&asking, 0, sizeof(asking));
	asking.key = credentials->key.data;
	asking.tally = tally;
	if (store != NULL)
		(void)og_pace_take(store, OG_ENDPOINT_ADMIN_KEYS,
		    conf->requests_per_minute, 0, &why);
	og_buffer_init(&path, OG_API_PATH_MAX);
	error = og_api_keys_path(&path);
	if (error == OG_OK)
		error = og_http_get(http, path.data,
		    og_clock_mono() + conf->timeout_ms, arrived, &asking);
	og_buffer_free(&path);
	if (error == OG_OK)
		og_http_wait(http, &asking.finished);
	else
		og_message_set(&asking.expiry.message, "%s",
		    og_strerror(error));
	return asking.expiry;
}

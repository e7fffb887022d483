/*
 * What is counted and known, as text in Prometheus' format 0.0.4: the same
 * metrics from the command line and from nginx. openai-gate(8), METRICS.
 *
 * A value that is not known has no sample, so that no rule takes a 0 for it;
 * its HELP and TYPE are there all the same.
 */
#ifndef OG_CLIENT_METRICS_H
#define OG_CLIENT_METRICS_H

#include "io/store.h"
#include "meaning/api.h"
#include "meaning/budget.h"
#include "meaning/config.h"
#include "value/buffer.h"
#include "value/tally.h"

struct og_metrics {
	const struct og_config *conf;	/* borrowed; NULL: none could be read */
	const struct og_tally *tally;	/* borrowed; may be changing */
	const enum og_door *door;	/* that count there; borrowed */
	size_t doors;
	int64_t now;			/* Unix seconds */
	int64_t boot_ms;		/* og_clock_boot, of the budgets */
	int64_t oldest;			/* Unix seconds; 0: no fact in use */

	/* Zeroed: nothing on record. */
	struct og_budget budget[OG_ENDPOINT_COUNT];
};

/* More than all of it can be. */
#define OG_METRICS_MAX (4 * 1024 * 1024)

/* Reads the budgets of the store (NULL: none), and boot_ms. */
void og_metrics_budgets(struct og_metrics *, struct og_store *);

/* Milliseconds for which that endpoint is not to be asked. */
int64_t og_metrics_backoff_ms(const struct og_metrics *, enum og_endpoint);

/* Appends. OG_ERR_NOMEM, OG_ERR_LIMIT. */
enum og_error og_metrics_print(struct og_buffer *, const struct og_metrics *);

#endif

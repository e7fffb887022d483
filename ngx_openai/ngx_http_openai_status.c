
/*
 * Counters of all workers, in shared memory, as text for Prometheus.
 */


#include <ngx_http_openai_module.h>

#include <client/metrics.h>


#define NGX_HTTP_OPENAI_TYPE  "text/plain; version=0.0.4"


static void ngx_http_openai_keep_policies(ngx_http_openai_main_conf_t *omcf);
static ngx_buf_t *ngx_http_openai_print(ngx_pool_t *pool,
    ngx_http_openai_main_conf_t *omcf);


ngx_int_t
ngx_http_openai_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_openai_main_conf_t *oomcf = data;

    ngx_slab_pool_t              *shpool;
    ngx_http_openai_main_conf_t  *omcf;

    omcf = shm_zone->data;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (oomcf) {

        /* a reload: counters must not go back */

        omcf->tally = oomcf->tally;

    } else if (shm_zone->shm.exists) {
        omcf->tally = shpool->data;

    } else {
        omcf->tally = ngx_slab_calloc(shpool, sizeof(struct og_tally));
        if (omcf->tally == NULL) {
            return NGX_ERROR;
        }

        og_tally_init(omcf->tally);
        shpool->data = omcf->tally;
    }

    ngx_http_openai_keep_policies(omcf);

    return NGX_OK;
}


static void
ngx_http_openai_keep_policies(ngx_http_openai_main_conf_t *omcf)
{
    ngx_uint_t                i;
    const char               *name[OG_TALLY_POLICIES];
    ngx_http_openai_gate_t  **gate;

    gate = omcf->gates.elts;

    for (i = 0; i < omcf->gates.nelts; i++) {
        name[i] = gate[i]->policy->name;
    }

    og_tally_keep(omcf->tally, name, omcf->gates.nelts);

    for (i = 0; i < omcf->gates.nelts; i++) {
        gate[i]->slot = og_tally_slot(omcf->tally, name[i]);
    }
}


ngx_int_t
ngx_http_openai_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_buf_t                    *b;
    ngx_chain_t                   out;
    ngx_http_openai_main_conf_t  *omcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    omcf = ngx_http_get_module_main_conf(r, ngx_http_openai_module);

    r->headers_out.content_type_len = sizeof(NGX_HTTP_OPENAI_TYPE) - 1;
    ngx_str_set(&r->headers_out.content_type, NGX_HTTP_OPENAI_TYPE);
    r->headers_out.content_type_lowcase = NULL;

    b = ngx_http_openai_print(r->pool, omcf);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = b->last - b->pos;

    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/* counters are those of all workers, the oldest fact is this one's */

static ngx_buf_t *
ngx_http_openai_print(ngx_pool_t *pool, ngx_http_openai_main_conf_t *omcf)
{
    ngx_buf_t                 *b;
    struct og_buffer           text;
    struct og_store           *store;
    struct og_metrics          metrics;
    ngx_http_openai_worker_t  *worker;

    static const enum og_door  door = OG_DOOR_NGINX;

    ngx_memzero(&metrics, sizeof(struct og_metrics));

    metrics.conf = omcf->conf;
    metrics.tally = omcf->tally;
    metrics.door = &door;
    metrics.doors = 1;
    metrics.now = og_clock_wall();

    worker = omcf->conf ? ngx_http_openai_worker(omcf) : NULL;
    store = worker ? worker->store : NULL;

    if (omcf->conf && store) {
        metrics.oldest = og_store_oldest(store, metrics.now,
                                         og_config_limit(omcf->conf));

        /* where nobody asks, nobody keeps a pace */

        og_metrics_budgets(&metrics, omcf->conf->base_url ? store : NULL);
    }

    b = NULL;

    og_buffer_init(&text, OG_METRICS_MAX);

    if (og_metrics_print(&text, &metrics) == OG_OK) {
        b = ngx_create_temp_buf(pool, text.len);

        if (b) {
            b->last = ngx_cpymem(b->last, text.data, text.len);
        }
    }

    og_buffer_free(&text);

    return b;
}

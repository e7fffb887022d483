
/*
 * Counters of all workers, in shared memory, as text for Prometheus.
 */


#include <ngx_http_openai_module.h>


#define NGX_HTTP_OPENAI_TYPE  "text/plain; version=0.0.4"


typedef struct {
    const char  *name;
    const char  *help;
    size_t       offset;
} ngx_http_openai_metric_t;


static u_char *ngx_http_openai_print(u_char *p, u_char *last,
    ngx_http_openai_counters_t *sh);


static ngx_http_openai_metric_t  ngx_http_openai_metrics[] = {

    { "openai_gate_api_requests_total",
      "Requests sent to the Administration API.",
      offsetof(ngx_http_openai_counters_t, requests) },

    { "openai_gate_api_failures_total",
      "Requests to the Administration API that failed.",
      offsetof(ngx_http_openai_counters_t, failures) },

    { "openai_gate_shared_total",
      "Answers taken from what another check or process had asked for.",
      offsetof(ngx_http_openai_counters_t, shared) },

    { NULL, NULL, 0 }
};


ngx_int_t
ngx_http_openai_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_slab_pool_t  *shpool;

    /* a reload: counters must not go back */

    if (data) {
        shm_zone->data = data;
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (shm_zone->shm.exists) {
        shm_zone->data = shpool->data;
        return NGX_OK;
    }

    shpool->data = ngx_slab_calloc(shpool, sizeof(ngx_http_openai_counters_t));
    if (shpool->data == NULL) {
        return NGX_ERROR;
    }

    shm_zone->data = shpool->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_openai_status_handler(ngx_http_request_t *r)
{
    size_t                        size;
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

    /* no line has more text than this around its number */

    size = (OG_REASON_COUNT + OG_CACHE_REFRESH + 1 + 3 * 5)
           * (160 + NGX_ATOMIC_T_LEN);

    b = ngx_create_temp_buf(r->pool, size);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = ngx_http_openai_print(b->last, b->end, omcf->shm_zone->data);

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


static u_char *
ngx_http_openai_print(u_char *p, u_char *last, ngx_http_openai_counters_t *sh)
{
    ngx_uint_t                 i, n;
    ngx_atomic_uint_t          sum;
    ngx_http_openai_metric_t  *m;

    p = ngx_slprintf(p, last,
                     "# HELP openai_gate_decisions_total "
                     "Decisions since nginx was started.\n"
                     "# TYPE openai_gate_decisions_total counter\n");

    for (i = 0; i < OG_REASON_COUNT; i++) {

        if (og_reason_verdict(i) == OG_EXEMPT) {
            continue;
        }

        sum = 0;

        for (n = 0; n < NGX_HTTP_OPENAI_CACHE_WORDS; n++) {
            sum += sh->decisions[i][n];
        }

        p = ngx_slprintf(p, last,
                         "openai_gate_decisions_total"
                         "{verdict=\"%s\",reason=\"%s\"} %uA\n",
                         og_verdict_word(og_reason_verdict(i)),
                         og_reason_word(i), sum);
    }

    p = ngx_slprintf(p, last,
                     "# HELP openai_gate_cache_total "
                     "Where the facts of a decision came from.\n"
                     "# TYPE openai_gate_cache_total counter\n");

    for (n = 0; n < NGX_HTTP_OPENAI_CACHE_WORDS - 1; n++) {
        sum = 0;

        for (i = 0; i < OG_REASON_COUNT; i++) {
            sum += sh->decisions[i][n];
        }

        p = ngx_slprintf(p, last,
                         "openai_gate_cache_total{cache=\"%s\"} %uA\n",
                         og_cache_word(n), sum);
    }

    for (m = ngx_http_openai_metrics; m->name; m++) {
        p = ngx_slprintf(p, last,
                         "# HELP %s %s\n"
                         "# TYPE %s counter\n"
                         "%s %uA\n",
                         m->name, m->help, m->name, m->name,
                         *(ngx_atomic_t *) ((char *) sh + m->offset));
    }

    return p;
}


/*
 * One request at the door: judged at once from the store, or put aside until
 * the directory has answered.
 */


#include <ngx_http_openai_module.h>


/* the fetcher keeps the deadline; so much later we no longer trust it to */
#define NGX_HTTP_OPENAI_GRACE     200


static ngx_int_t ngx_http_openai_decide(ngx_http_request_t *r,
    ngx_http_openai_loc_conf_t *olcf, ngx_http_openai_ctx_t *ctx);
static ngx_int_t ngx_http_openai_unproven(ngx_http_request_t *r,
    ngx_http_openai_ctx_t *ctx, ngx_int_t rc);
static ngx_int_t ngx_http_openai_check(ngx_http_request_t *r,
    ngx_http_openai_ctx_t *ctx, int64_t now);
static ngx_int_t ngx_http_openai_step(ngx_http_openai_ctx_t *ctx);
static ngx_int_t ngx_http_openai_wait(ngx_http_request_t *r,
    ngx_http_openai_ctx_t *ctx);
static void ngx_http_openai_answered(void *arg, const struct og_fact *answer,
    size_t count);
static void ngx_http_openai_resume(ngx_event_t *ev);
static ngx_int_t ngx_http_openai_finish(ngx_http_openai_ctx_t *ctx);
static void ngx_http_openai_refresh(ngx_http_openai_ctx_t *ctx, int64_t now);


ngx_int_t
ngx_http_openai_handler(ngx_http_request_t *r)
{
    ngx_str_t                    identity;
    ngx_http_openai_ctx_t       *ctx;
    ngx_http_openai_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_openai_module);

    if (olcf->gate == NULL) {
        return NGX_DECLINED;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "openai_gate handler: \"%V\"", &olcf->policy);

    ctx = ngx_http_get_module_ctx(r, ngx_http_openai_module);

    if (ctx) {
        return ctx->done ? ctx->rc : NGX_AGAIN;
    }

    if (ngx_http_openai_identify(r, olcf, &identity) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* after an internal redirect nginx has forgotten it, the pool has not */

    ctx = ngx_http_openai_get_ctx(r);

    if (ctx == NULL) {
        ctx = ngx_http_openai_create_ctx(r);
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    ngx_http_set_ctx(r, ctx, ngx_http_openai_module);

    if (ctx->judged
        && (ctx->gate != olcf->gate
            || identity.len != ctx->identity.len
            || ngx_memcmp(identity.data, ctx->identity.data, identity.len)
               != 0))
    {
        ctx->judged = 0;
    }

    ctx->gate = olcf->gate;
    ctx->identity = identity;
    ctx->done = 0;

    return ngx_http_openai_decide(r, olcf, ctx);
}


static ngx_int_t
ngx_http_openai_decide(ngx_http_request_t *r, ngx_http_openai_loc_conf_t *olcf,
    ngx_http_openai_ctx_t *ctx)
{
    int64_t  now;

    if (ctx->identity.len == 0) {
        return ngx_http_openai_unproven(r, ctx, NGX_HTTP_UNAUTHORIZED);
    }

    if (ngx_http_openai_is_refused(r, olcf)) {
        return ngx_http_openai_unproven(r, ctx, r->access_code
                                                ? (ngx_int_t) r->access_code
                                                : NGX_HTTP_UNAUTHORIZED);
    }

    /*
     * after a redirect: what has just been decided is not decided again, and
     * an outage stands for the rest of the request, since an error_page behind
     * the same gate must not wait once more for an API that is silent
     */

    now = og_clock_wall();

    if (ctx->judged
        && (og_reason_verdict(ctx->decision.reason) == OG_UNAVAILABLE
            || ctx->rc >= NGX_HTTP_INTERNAL_SERVER_ERROR
            || (ctx->made <= now && now - ctx->made <= 1)))
    {
        return ngx_http_openai_answer(r, ctx);
    }

    ctx->judged = 1;
    ctx->made = now;

    return ngx_http_openai_check(r, ctx, now);
}


static ngx_int_t
ngx_http_openai_unproven(ngx_http_request_t *r, ngx_http_openai_ctx_t *ctx,
    ngx_int_t rc)
{
    ngx_memzero(&ctx->decision, sizeof(ngx_http_openai_decision_t));

    if (ngx_http_openai_conclude(r, ctx, OG_NO_IDENTITY) != NGX_DECLINED) {
        ctx->rc = rc;
    }

    ctx->judged = 0;

    return ctx->rc;
}


static ngx_int_t
ngx_http_openai_check(ngx_http_request_t *r, ngx_http_openai_ctx_t *ctx,
    int64_t now)
{
    ngx_int_t                     rc;
    enum og_reason                reason;
    struct og_subject             subject;
    ngx_http_openai_worker_t     *worker;
    ngx_http_openai_main_conf_t  *omcf;

    ngx_memzero(&ctx->decision, sizeof(ngx_http_openai_decision_t));

    omcf = ctx->main_conf;
    worker = ngx_http_openai_worker(omcf);

    if (worker == NULL) {
        return ngx_http_openai_conclude(r, ctx, OG_NO_MEMORY);
    }

    if (worker->store
        && ngx_http_openai_memo_get(worker, ctx, now) == NGX_OK)
    {
        ctx->decision.cached = 1;
        ctx->decision.cache = OG_CACHE_HIT;

        return ngx_http_openai_conclude(r, ctx, ctx->decision.reason);
    }

    reason = og_identity_from_map(&subject, (char *) ctx->identity.data,
                                  ctx->identity.len, ctx->gate->email,
                                  ctx->gate->map);

    if (reason != OG_GO_ON) {
        return ngx_http_openai_conclude(r, ctx, reason);
    }

    if (worker->store == NULL) {
        return ngx_http_openai_conclude(r, ctx, worker->trouble);
    }

    if (og_check_new(&ctx->check, omcf->conf, ctx->gate->policy, &subject,
                     worker->store, &worker->log)
        != OG_OK)
    {
        return ngx_http_openai_conclude(r, ctx, OG_NO_MEMORY);
    }

    ctx->deadline = 0;

    rc = ngx_http_openai_step(ctx);

    return (rc == NGX_AGAIN) ? ngx_http_openai_wait(r, ctx) : rc;
}


/* NGX_AGAIN: the directory is being asked */

static ngx_int_t
ngx_http_openai_step(ngx_http_openai_ctx_t *ctx)
{
    enum og_reason             reason;
    ngx_http_openai_worker_t  *worker;

    worker = ctx->main_conf->worker;

    while (og_check_step(ctx->check, og_clock_wall()) == OG_STEP_WANT) {

        if (ctx->deadline == 0) {
            ctx->deadline = og_clock_mono() + ctx->main_conf->conf->timeout_ms;
        }

        reason = OG_NETWORK;

        if (worker->fetching) {
            ctx->ask = og_fetch_ask(worker->loop.fetch,
                                    og_check_facts(ctx->check), ctx->deadline,
                                    ngx_http_openai_answered, ctx);

            if (ctx->ask) {
                ngx_http_openai_loop_kick(&worker->loop);
                return NGX_AGAIN;
            }

            reason = OG_NO_MEMORY;
        }

        og_check_fail(ctx->check, reason);
    }

    return ngx_http_openai_finish(ctx);
}


static ngx_int_t
ngx_http_openai_wait(ngx_http_request_t *r, ngx_http_openai_ctx_t *ctx)
{
    ngx_http_cleanup_t  *cln;

    /*
     * the pool is destroyed too late: between the end of a request and that
     * of its pool an answer could still resume it
     */

    cln = ngx_http_cleanup_add(r, 0);

    if (ctx->event == NULL) {
        ctx->event = ngx_pcalloc(r->pool, sizeof(ngx_event_t));
    }

    if (cln == NULL || ctx->event == NULL) {
        ngx_http_openai_detach(ctx);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_openai_detach;
    cln->data = ctx;

    /* as ngx_http_limit_req_module does: the client may leave */

    if (r->connection->read->ready) {
        ngx_post_event(r->connection->read, &ngx_posted_events);

    } else {
        if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
            ngx_http_openai_detach(ctx);
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    ctx->event->handler = ngx_http_openai_resume;
    ctx->event->data = ctx;
    ctx->event->log = r->connection->log;

    /* not cancelable: a worker that shall quit stays until it has answered */

    ngx_add_timer(ctx->event, ctx->main_conf->timeout + NGX_HTTP_OPENAI_GRACE);

    return NGX_AGAIN;
}


/* inside the fetcher: no more than taking note is allowed here */

static void
ngx_http_openai_answered(void *arg, const struct og_fact *answer, size_t count)
{
    ngx_http_openai_ctx_t *ctx = arg;

    ctx->ask = NULL;

    og_check_answer(ctx->check, answer, count);

    ngx_post_event(ctx->event, &ngx_posted_events);
}


static void
ngx_http_openai_resume(ngx_event_t *ev)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    ngx_http_openai_ctx_t  *ctx;

    ctx = ev->data;
    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "openai_gate resume: \"%V\"", &r->uri);

    if (ev->posted) {
        ngx_delete_posted_event(ev);
    }

    if (ctx->ask) {

        /* the timer: the fetcher has not kept the deadline */

        og_ask_cancel(ctx->ask);
        ctx->ask = NULL;

        og_check_fail(ctx->check, OG_TIMEOUT);
    }

    rc = ngx_http_openai_step(ctx);

    if (rc == NGX_AGAIN) {

        /* one fact led to the next; the deadline stays */

        if (!ev->timer_set) {
            ngx_add_timer(ev, NGX_HTTP_OPENAI_GRACE);
        }

        return;
    }

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);

    } else {
        r->read_event_handler = ngx_http_block_reading;
        r->write_event_handler = ngx_http_core_run_phases;

        ngx_http_core_run_phases(r);
    }

    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_openai_finish(ngx_http_openai_ctx_t *ctx)
{
    int64_t         now;
    enum og_reason  reason;

    now = og_clock_wall();
    ctx->made = now;
    reason = og_check_decision(ctx->check)->reason;

    ctx->decision.cached = 1;
    ctx->decision.cache = og_check_cache(ctx->check);

    if (ngx_http_openai_note_user(ctx) == NGX_OK) {
        ngx_http_openai_memo_put(ctx->main_conf->worker, ctx, reason, now);

    } else {
        reason = OG_NO_MEMORY;
    }

    if (ctx->decision.cache == OG_CACHE_HIT) {
        ngx_http_openai_refresh(ctx, now);
    }

    og_check_free(ctx->check);
    ctx->check = NULL;

    return ngx_http_openai_conclude(ctx->request, ctx, reason);
}


/* ahead of need: nobody has to wait when the fact is too old */

static void
ngx_http_openai_refresh(ngx_http_openai_ctx_t *ctx, int64_t now)
{
    size_t                     i;
    const struct og_fact      *fact;
    const struct og_facts     *facts;
    const struct og_config    *conf;
    ngx_http_openai_worker_t  *worker;

    conf = ctx->main_conf->conf;
    worker = ctx->main_conf->worker;

    facts = og_check_facts(ctx->check);

    for (i = 0; i < facts->count; i++) {
        fact = &facts->item[i];

        if (fact->state != OG_FACT_FOUND
            || fact->source != OG_SOURCE_STORE
            || now - fact->fetched_at < ngx_http_openai_late(conf)
            || !worker->fetching)
        {
            continue;
        }

        og_fetch_refresh(worker->loop.fetch, &fact->query,
                         og_clock_mono() + conf->timeout_ms);

        ngx_http_openai_loop_kick(&worker->loop);
    }
}


/*
 * What a decision means for a request: status, header, log, counters, and the
 * text of the variables.
 */


#include <ngx_http_openai_module.h>


/* more of a name than the log shows, so that it is seen to be cut */
#define NGX_HTTP_OPENAI_LOG_NAME  128


static ngx_int_t ngx_http_openai_copy(ngx_pool_t *pool, ngx_str_t *dst,
    const char *src);
static ngx_uint_t ngx_http_openai_dry_level(enum og_reason reason);
static void ngx_http_openai_log(ngx_http_request_t *r,
    ngx_http_openai_ctx_t *ctx, ngx_uint_t level);
static ngx_int_t ngx_http_openai_retry_after(ngx_http_request_t *r,
    ngx_http_openai_ctx_t *ctx);


/* of the check, before it is freed */

ngx_int_t
ngx_http_openai_note_user(ngx_http_openai_ctx_t *ctx)
{
    ngx_pool_t                  *pool;
    const struct og_record      *user;
    ngx_http_openai_decision_t  *decision;

    pool = ctx->request->pool;
    decision = &ctx->decision;
    user = &og_check_decision(ctx->check)->user;

    if (ngx_http_openai_copy(pool, &decision->email, user->email) != NGX_OK
        || ngx_http_openai_copy(pool, &decision->user_id, user->id) != NGX_OK
        || ngx_http_openai_copy(pool, &decision->role, user->role) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_openai_copy(ngx_pool_t *pool, ngx_str_t *dst, const char *src)
{
    dst->len = ngx_strlen(src);

    if (dst->len == 0) {
        dst->data = (u_char *) "";
        return NGX_OK;
    }

    dst->data = ngx_pnalloc(pool, dst->len);
    if (dst->data == NULL) {
        dst->len = 0;
        return NGX_ERROR;
    }

    ngx_memcpy(dst->data, src, dst->len);

    return NGX_OK;
}


ngx_int_t
ngx_http_openai_conclude(ngx_http_request_t *r, ngx_http_openai_ctx_t *ctx,
    enum og_reason reason)
{
    ctx->decision.reason = reason;

    og_tally_decided(ctx->main_conf->tally, ctx->gate->slot, OG_DOOR_NGINX,
                     reason, ctx->decision.cached ? ctx->decision.cache
                                                  : OG_TALLY_NO_CACHE);

    if (ctx->gate->policy->dry_run) {

        /*
         * neither refuses nor, under "satisfy any", grants: what the others
         * have said stands
         */

        ngx_http_openai_log(r, ctx, ngx_http_openai_dry_level(reason));
        ctx->rc = NGX_DECLINED;

        return ngx_http_openai_answer(r, ctx);
    }

    ctx->rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

    switch (og_reason_verdict(reason)) {

    case OG_DENY:
        ngx_http_openai_log(r, ctx, NGX_LOG_ERR);
        ctx->rc = NGX_HTTP_FORBIDDEN;
        break;

    case OG_UNAVAILABLE:
        ngx_http_openai_log(r, ctx, NGX_LOG_ERR);

        if (ngx_http_openai_retry_after(r, ctx) == NGX_OK) {
            ctx->rc = NGX_HTTP_SERVICE_UNAVAILABLE;
        }

        break;

    case OG_MISCONFIGURED:
        ngx_http_openai_log(r, ctx, NGX_LOG_ALERT);
        break;

    case OG_OUT_OF_MEMORY:
        ngx_http_openai_log(r, ctx, NGX_LOG_CRIT);
        break;

    case OG_EXEMPT:

        /* not ours to judge does not exist here */

        ngx_http_openai_log(r, ctx, NGX_LOG_ALERT);
        break;

    case OG_ALLOW:
        ctx->rc = NGX_OK;
        break;
    }

    return ngx_http_openai_answer(r, ctx);
}


/* what has been decided, to the access phase */

ngx_int_t
ngx_http_openai_answer(ngx_http_request_t *r, ngx_http_openai_ctx_t *ctx)
{
    ctx->done = 1;

    if (ctx->rc >= NGX_HTTP_INTERNAL_SERVER_ERROR) {

        /*
         * this ends the request: what others have refused under "satisfy any"
         * must not follow it to its error page
         */

        r->access_code = 0;
    }

    return ctx->rc;
}


static ngx_uint_t
ngx_http_openai_dry_level(enum og_reason reason)
{
    switch (og_reason_verdict(reason)) {

    case OG_ALLOW:
        return NGX_LOG_INFO;

    case OG_DENY:
    case OG_UNAVAILABLE:
        return NGX_LOG_WARN;

    case OG_OUT_OF_MEMORY:
        return NGX_LOG_CRIT;

    case OG_MISCONFIGURED:
    case OG_EXEMPT:
        return NGX_LOG_ALERT;
    }

    return NGX_LOG_ALERT;
}


/* the line of pam_openai(8), where its grammar is */

static void
ngx_http_openai_log(ngx_http_request_t *r, ngx_http_openai_ctx_t *ctx,
    ngx_uint_t level)
{
    size_t  len;
    char    name[NGX_HTTP_OPENAI_LOG_NAME];
    char    user[OG_LOG_NAME_MAX];

    if (r->connection->log->log_level < level) {
        return;
    }

    len = ngx_min(ctx->identity.len, sizeof(name) - 1);

    ngx_memcpy(name, ctx->identity.data, len);
    name[len] = '\0';

    og_log_word(user, sizeof(user), name);

    ngx_log_error(level, r->connection->log, 0,
                  "openai_gate: %s%s %s: user=%s policy=%s cache=%s",
                  ctx->gate->policy->dry_run ? "not enforced: would be " : "",
                  og_verdict_word(og_reason_verdict(ctx->decision.reason)),
                  og_reason_word(ctx->decision.reason),
                  user, ctx->gate->policy->name,
                  ctx->decision.cached ? og_cache_word(ctx->decision.cache)
                                       : "-");
}


static ngx_int_t
ngx_http_openai_retry_after(ngx_http_request_t *r, ngx_http_openai_ctx_t *ctx)
{
    u_char           *p;
    ngx_table_elt_t  *h;

    if (ctx->retry_after) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif
    ngx_str_set(&h->key, "Retry-After");
    h->value.data = p;
    h->value.len = ngx_sprintf(p, "%ui", ctx->main_conf->retry_after) - p;

    ctx->retry_after = 1;

    return NGX_OK;
}

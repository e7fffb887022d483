
/*
 * What is remembered of a request, until its pool is destroyed: nginx forgets
 * a module's context at each internal redirect.
 */


#include <ngx_http_openai_module.h>


static void ngx_http_openai_pool_cleanup(void *data);


/* also from a subrequest, which shares the pool of its main request */

ngx_http_openai_ctx_t *
ngx_http_openai_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t     *cln;
    ngx_http_openai_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_openai_module);

    if (ctx || (!r->internal && !r->filter_finalize && r == r->main)) {
        return ctx;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_openai_pool_cleanup) {
            return cln->data;
        }
    }

    return NULL;
}


ngx_http_openai_ctx_t *
ngx_http_openai_create_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t     *cln;
    ngx_http_openai_ctx_t  *ctx;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_openai_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_openai_ctx_t));

    ctx->request = r;
    ctx->main_conf = ngx_http_get_module_main_conf(r, ngx_http_openai_module);

    cln->handler = ngx_http_openai_pool_cleanup;

    return ctx;
}


/* its address is what ngx_http_openai_get_ctx() looks for */

static void
ngx_http_openai_pool_cleanup(void *data)
{
    ngx_http_openai_detach(data);
}


/* the request is gone; what was begun goes on, and fills the store */

void
ngx_http_openai_detach(void *data)
{
    ngx_http_openai_ctx_t *ctx = data;

    if (ctx->ask) {
        og_ask_cancel(ctx->ask);
        ctx->ask = NULL;
    }

    if (ctx->event && ctx->event->timer_set) {
        ngx_del_timer(ctx->event);
    }

    if (ctx->event && ctx->event->posted) {
        ngx_delete_posted_event(ctx->event);
    }

    if (ctx->check) {
        og_check_free(ctx->check);
        ctx->check = NULL;
        ctx->judged = 0;
    }
}

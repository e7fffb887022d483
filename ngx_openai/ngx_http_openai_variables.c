
/*
 * $openai_gate_*: what was decided about the request, for the access log, the
 * page and the server behind. Not found where no gate has decided yet.
 */


#include <ngx_http_openai_module.h>


static ngx_int_t ngx_http_openai_verdict_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_openai_reason_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_openai_cache_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_openai_text_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_openai_set_word(ngx_http_variable_value_t *v,
    const char *word);


static ngx_http_variable_t  ngx_http_openai_vars[] = {

    { ngx_string("openai_gate_verdict"), NULL,
      ngx_http_openai_verdict_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("openai_gate_reason"), NULL,
      ngx_http_openai_reason_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("openai_gate_cache"), NULL,
      ngx_http_openai_cache_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("openai_gate_email"), NULL,
      ngx_http_openai_text_variable,
      offsetof(ngx_http_openai_decision_t, email),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("openai_gate_user_id"), NULL,
      ngx_http_openai_text_variable,
      offsetof(ngx_http_openai_decision_t, user_id),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("openai_gate_role"), NULL,
      ngx_http_openai_text_variable,
      offsetof(ngx_http_openai_decision_t, role),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_openai_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_openai_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_openai_verdict_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_openai_ctx_t  *ctx;

    ctx = ngx_http_openai_get_ctx(r);

    if (ctx == NULL || !ctx->done) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_openai_set_word(v,
                    og_verdict_word(og_reason_verdict(ctx->decision.reason)));

    return NGX_OK;
}


static ngx_int_t
ngx_http_openai_reason_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_openai_ctx_t  *ctx;

    ctx = ngx_http_openai_get_ctx(r);

    if (ctx == NULL || !ctx->done) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_openai_set_word(v, og_reason_word(ctx->decision.reason));

    return NGX_OK;
}


static ngx_int_t
ngx_http_openai_cache_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_openai_ctx_t  *ctx;

    ctx = ngx_http_openai_get_ctx(r);

    if (ctx == NULL || !ctx->done || !ctx->decision.cached) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_openai_set_word(v, og_cache_word(ctx->decision.cache));

    return NGX_OK;
}


static ngx_int_t
ngx_http_openai_text_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t              *text;
    ngx_http_openai_ctx_t  *ctx;

    ctx = ngx_http_openai_get_ctx(r);

    if (ctx == NULL || !ctx->done) {
        v->not_found = 1;
        return NGX_OK;
    }

    text = (ngx_str_t *) ((char *) &ctx->decision + data);

    if (text->len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->len = text->len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = text->data;

    return NGX_OK;
}


static void
ngx_http_openai_set_word(ngx_http_variable_value_t *v, const char *word)
{
    v->len = ngx_strlen(word);
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = (u_char *) word;
}

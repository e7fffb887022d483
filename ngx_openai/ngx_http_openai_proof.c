
/*
 * Who is asking, and whether that is proven.
 */


#include <ngx_http_openai_module.h>


static ngx_int_t ngx_http_openai_is_verified(ngx_http_request_t *r,
    ngx_http_openai_loc_conf_t *olcf);


/* nobody: "" */

ngx_int_t
ngx_http_openai_identify(ngx_http_request_t *r,
    ngx_http_openai_loc_conf_t *olcf, ngx_str_t *identity)
{
    ngx_int_t                   rc;
    ngx_http_variable_value_t  *vv;

    ngx_str_set(identity, "");

    rc = ngx_http_openai_is_verified(r, olcf);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    vv = ngx_http_get_flushed_variable(r, olcf->index);
    if (vv == NULL) {
        return NGX_ERROR;
    }

    if (!vv->not_found && vv->len) {
        identity->len = vv->len;
        identity->data = vv->data;
    }

    return NGX_OK;
}


/*
 * by "optional_no_ca", and on the error page of a bad certificate, nginx tells
 * the subject of one that anybody can make
 */

static ngx_int_t
ngx_http_openai_is_verified(ngx_http_request_t *r,
    ngx_http_openai_loc_conf_t *olcf)
{
    ngx_http_variable_value_t  *vv;

    if (olcf->verify == NGX_CONF_UNSET) {
        return NGX_OK;
    }

    vv = ngx_http_get_flushed_variable(r, olcf->verify);
    if (vv == NULL) {
        return NGX_ERROR;
    }

    if (vv->not_found
        || vv->len != sizeof("SUCCESS") - 1
        || ngx_strncmp(vv->data, "SUCCESS", vv->len) != 0)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/*
 * under "satisfy any" we are asked because none of the others has agreed: what
 * they were to prove is not proven, and the name is the client's word
 */

ngx_flag_t
ngx_http_openai_is_refused(ngx_http_request_t *r,
    ngx_http_openai_loc_conf_t *olcf)
{
    ngx_module_t                 *module;
    ngx_http_openai_main_conf_t  *omcf;

    if (olcf->satisfy != NGX_HTTP_SATISFY_ANY || olcf->independent) {
        return 0;
    }

    /*
     * auth_request refuses by 403 too, which may as well be an address's; but
     * where it has been asked at all, it has not agreed
     */

    omcf = ngx_http_get_module_main_conf(r, ngx_http_openai_module);
    module = omcf->auth_request;

    if (module && r->ctx[module->ctx_index]) {
        return 1;
    }

    /* whoever had checked the password of $remote_user would have agreed */

    return olcf->remote_user
           || olcf->password
           || r->access_code == NGX_HTTP_UNAUTHORIZED
           || r->access_code == NGX_HTTP_PROXY_AUTH_REQUIRED;
}

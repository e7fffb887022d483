
/*
 * Directives of the web door and their inheritance.
 */


#include <ngx_http_openai_module.h>


static void *ngx_http_openai_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_openai_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_openai_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_openai_config(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_openai_cache(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_openai_gate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_openai_identity(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_openai_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_openai_init(ngx_conf_t *cf);


static ngx_command_t  ngx_http_openai_commands[] = {

    { ngx_string("openai_gate_config"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_openai_config,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openai_gate_cache"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_openai_cache,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openai_gate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LMT_CONF
                        |NGX_CONF_TAKE1,
      ngx_http_openai_gate,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openai_gate_identity"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LMT_CONF
                        |NGX_CONF_TAKE1,
      ngx_http_openai_identity,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openai_gate_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_openai_status,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_openai_module_ctx = {
    ngx_http_openai_add_variables,         /* preconfiguration */
    ngx_http_openai_init,                  /* postconfiguration */

    ngx_http_openai_create_main_conf,      /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_openai_create_loc_conf,       /* create location configuration */
    ngx_http_openai_merge_loc_conf         /* merge location configuration */
};


ngx_module_t  ngx_http_openai_module = {
    NGX_MODULE_V1,
    &ngx_http_openai_module_ctx,           /* module context */
    ngx_http_openai_commands,              /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_openai_init_process,          /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_openai_exit_process,          /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_openai_create_main_conf(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t           *cln;
    ngx_http_openai_main_conf_t  *omcf;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    omcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_openai_main_conf_t));
    if (omcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     omcf->config = { 0, NULL };
     *     omcf->cache = NULL;
     *     omcf->shm_zone = NULL;
     *     omcf->status = 0;
     *     omcf->auth_request = NULL;
     *     omcf->conf = NULL;
     *     omcf->map = NULL;
     *     omcf->worker = NULL;
     */

    og_credentials_init(&omcf->credentials);

    if (ngx_array_init(&omcf->locations, cf->pool, 4,
                       sizeof(ngx_http_openai_location_t))
        != NGX_OK)
    {
        return NULL;
    }

    if (ngx_array_init(&omcf->gates, cf->pool, 4,
                       sizeof(ngx_http_openai_gate_t *))
        != NGX_OK)
    {
        return NULL;
    }

    cln->handler = ngx_http_openai_unload;
    cln->data = omcf;

    return omcf;
}


static void *
ngx_http_openai_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_openai_loc_conf_t  *olcf;

    olcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_openai_loc_conf_t));
    if (olcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     olcf->policy = { 0, NULL };
     *     olcf->variable = { 0, NULL };
     *     olcf->gate = NULL;
     */

    olcf->index = NGX_CONF_UNSET;
    olcf->verify = NGX_CONF_UNSET;
    olcf->independent = NGX_CONF_UNSET;

    return olcf;
}


static char *
ngx_http_openai_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_openai_loc_conf_t *prev = parent;
    ngx_http_openai_loc_conf_t *conf = child;

    ngx_http_openai_location_t   *location;
    ngx_http_openai_main_conf_t  *omcf;

    if (conf->policy.data == NULL) {
        conf->policy = prev->policy;
        conf->file = prev->file;
        conf->line = prev->line;
    }

    if (conf->index == NGX_CONF_UNSET) {
        conf->variable = prev->variable;
        conf->index = prev->index;
        conf->verify = prev->verify;
        conf->independent = prev->independent;
    }

    if (conf->policy.len == 0) {
        return NGX_CONF_OK;
    }

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_openai_module);

    location = ngx_array_push(&omcf->locations);
    if (location == NULL) {
        return NGX_CONF_ERROR;
    }

    /* judged after all modules have merged theirs */

    location->olcf = conf;
    location->loc_conf = ((ngx_http_conf_ctx_t *) cf->ctx)->loc_conf;

    return NGX_CONF_OK;
}


static char *
ngx_http_openai_config(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_openai_main_conf_t *omcf = conf;

    ngx_str_t  *value;

    if (omcf->config.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    omcf->config = value[1];

    if (ngx_conf_full_name(cf->cycle, &omcf->config, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_openai_cache(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_openai_main_conf_t *omcf = conf;

    ngx_str_t  *value, name;

    if (omcf->cache) {
        return "is duplicate";
    }

    value = cf->args->elts;
    name = value[1];

    while (name.len > 1 && name.data[name.len - 1] == '/') {
        name.data[--name.len] = '\0';
    }

    if (name.len == 0) {
        return "has an empty path";
    }

    if (ngx_conf_full_name(cf->cycle, &name, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    omcf->cache = ngx_pcalloc(cf->pool, sizeof(ngx_path_t));
    if (omcf->cache == NULL) {
        return NGX_CONF_ERROR;
    }

    omcf->cache->name = name;
    omcf->cache->conf_file = cf->conf_file->file.name.data;
    omcf->cache->line = cf->conf_file->line;

    return NGX_CONF_OK;
}


static char *
ngx_http_openai_gate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_openai_loc_conf_t *olcf = conf;

    ngx_str_t  *value;

    if (olcf->policy.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "needs the name of a policy, or \"off\"";
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {
        ngx_str_set(&olcf->policy, "");
        return NGX_CONF_OK;
    }

    olcf->policy = value[1];
    olcf->file = cf->conf_file->file.name.data;
    olcf->line = cf->conf_file->line;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_openai_prefixed(ngx_str_t *name, const char *prefix)
{
    size_t  len;

    len = ngx_strlen(prefix);

    return name->len > len && ngx_strncmp(name->data, prefix, len) == 0;
}


/* whose word a variable is, by its name */

static ngx_int_t
ngx_http_openai_weigh(ngx_conf_t *cf, ngx_http_openai_loc_conf_t *olcf,
    ngx_str_t *name)
{
    ngx_str_t  verify = ngx_string("ssl_client_verify");

    if (ngx_http_openai_prefixed(name, "ssl_client_")) {
        olcf->independent = 1;
        olcf->verify = ngx_http_get_variable_index(cf, &verify);

        return (olcf->verify == NGX_ERROR) ? NGX_ERROR : NGX_OK;
    }

    olcf->independent = ngx_http_openai_prefixed(name, "http_")
                        || ngx_http_openai_prefixed(name, "arg_")
                        || ngx_http_openai_prefixed(name, "cookie_");

    if (olcf->independent) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "the client itself writes \"$%V\": unless a "
                           "trusted proxy in front always sets it, use what "
                           "another module has proven, such as $remote_user "
                           "after auth_basic; \"openai_gate_identity\"", name);
    }

    return NGX_OK;
}


static char *
ngx_http_openai_identity(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_openai_loc_conf_t *olcf = conf;

    u_char      ch;
    ngx_str_t  *value, name;
    ngx_uint_t  i;

    if (olcf->index != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;
    name = value[1];

    if (name.len < 2 || name.data[0] != '$') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"openai_gate_identity\" must be one variable, "
                           "such as $remote_user, not \"%V\"", &name);
        return NGX_CONF_ERROR;
    }

    name.data++;
    name.len--;

    for (i = 0; i < name.len; i++) {
        ch = name.data[i];

        if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
            || (ch >= '0' && ch <= '9') || ch == '_')
        {
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"openai_gate_identity\" must be one variable and "
                           "nothing else, not \"$%V\"; what is to be added to "
                           "it belongs to \"email\" in gate.conf", &name);
        return NGX_CONF_ERROR;
    }

    /* nginx does not tell $Remote_User from $remote_user */

    ngx_strlow(name.data, name.data, name.len);

    if (ngx_http_openai_weigh(cf, olcf, &name) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    olcf->variable = name;

    olcf->index = ngx_http_get_variable_index(cf, &name);
    if (olcf->index == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_openai_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_openai_main_conf_t *omcf = conf;

    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_openai_status_handler;

    omcf->status = 1;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_openai_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt          *h;
    ngx_http_core_main_conf_t    *cmcf;
    ngx_http_openai_main_conf_t  *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_openai_module);

    if (ngx_http_openai_load(cf, omcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (omcf->locations.nelts == 0) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    /*
     * handlers run from the last to the first: put in front, ours comes after
     * all that prove the identity or refuse the address, also where the module
     * is linked statically and "ngx_module_order" has no say
     */

    h = cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers.elts;

    ngx_memmove(h + 1, h,
                (cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers.nelts - 1)
                * sizeof(ngx_http_handler_pt));

    *h = ngx_http_openai_handler;

    return NGX_OK;
}


/*
 * What the master does as root: reads gate.conf, the identity maps and the
 * key, and judges what nginx.conf asks of them. Workers inherit the result;
 * none of it is read again before a reload.
 */


#include <ngx_http_openai_module.h>


/* what the slab allocator needs of it, and what we do */

#define NGX_HTTP_OPENAI_ZONE_SIZE                                             \
    ngx_align(sizeof(struct og_tally) + 16 * ngx_pagesize, ngx_pagesize)


static ngx_int_t ngx_http_openai_read_config(ngx_conf_t *cf,
    ngx_http_openai_main_conf_t *omcf);
static ngx_int_t ngx_http_openai_read_map(ngx_conf_t *cf, struct og_map **map,
    const char *path);
static ngx_int_t ngx_http_openai_judge(ngx_conf_t *cf,
    ngx_http_openai_main_conf_t *omcf, ngx_http_openai_location_t *location);
static ngx_http_openai_gate_t *ngx_http_openai_get_gate(ngx_conf_t *cf,
    ngx_http_openai_main_conf_t *omcf, const struct og_policy *policy);
static ngx_flag_t ngx_http_openai_is_remote_user(ngx_str_t *name);
static void ngx_http_openai_warn(ngx_conf_t *cf,
    ngx_http_openai_loc_conf_t *olcf, ngx_str_t *where);
static ngx_module_t *ngx_http_openai_find_module(ngx_conf_t *cf,
    const char *name);
static ngx_flag_t ngx_http_openai_has_password(ngx_conf_t *cf,
    void **loc_conf);


ngx_int_t
ngx_http_openai_load(ngx_conf_t *cf, ngx_http_openai_main_conf_t *omcf)
{
    ngx_uint_t                   i;
    ngx_str_t                    name;
    ngx_http_openai_location_t  *location;

    if (omcf->locations.nelts == 0 && omcf->config.len == 0 && !omcf->status) {
        return NGX_OK;
    }

    ngx_str_set(&name, "openai_gate");

    omcf->shm_zone = ngx_shared_memory_add(cf, &name,
                                           NGX_HTTP_OPENAI_ZONE_SIZE,
                                           &ngx_http_openai_module);
    if (omcf->shm_zone == NULL) {
        return NGX_ERROR;
    }

    omcf->shm_zone->init = ngx_http_openai_init_zone;
    omcf->shm_zone->data = omcf;

    if (omcf->locations.nelts == 0 && omcf->config.len == 0) {
        return NGX_OK;
    }

    if (omcf->config.len == 0) {
        ngx_str_set(&omcf->config, OG_CONF_PATH);
    }

    if (ngx_http_openai_read_config(cf, omcf) != NGX_OK) {
        return NGX_ERROR;
    }

    omcf->auth_request = ngx_http_openai_find_module(cf,
                                               "ngx_http_auth_request_module");

    location = omcf->locations.elts;

    for (i = 0; i < omcf->locations.nelts; i++) {
        if (ngx_http_openai_judge(cf, omcf, &location[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (omcf->locations.nelts == 0) {
        return NGX_OK;
    }

    return ngx_http_openai_place(cf, omcf);
}


void
ngx_http_openai_unload(void *data)
{
    ngx_http_openai_main_conf_t *omcf = data;

    ngx_uint_t                i;
    ngx_http_openai_gate_t  **gate;

    ngx_http_openai_worker_done(omcf);

    gate = omcf->gates.elts;

    for (i = 0; i < omcf->gates.nelts; i++) {
        if (gate[i]->map != omcf->map) {
            og_map_free((struct og_map *) gate[i]->map);
        }
    }

    og_map_free(omcf->map);
    og_config_free(omcf->conf);
    og_credentials_free(&omcf->credentials);
}


static ngx_int_t
ngx_http_openai_read_config(ngx_conf_t *cf, ngx_http_openai_main_conf_t *omcf)
{
    enum og_reason     reason;
    struct og_message  message;

    reason = og_load_config(&omcf->conf, (char *) omcf->config.data, &message);

    if (reason != OG_GO_ON) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "openai_gate: %s",
                      message.text);
        return NGX_ERROR;
    }

    omcf->timeout = (ngx_msec_t) omcf->conf->timeout_ms;

    /* the time in which our own pace earns one more request */

    omcf->retry_after = 60;

    if (omcf->conf->requests_per_minute > 0) {
        omcf->retry_after = (60 + omcf->conf->requests_per_minute - 1)
                            / omcf->conf->requests_per_minute;
    }

    if (omcf->conf->map_file
        && ngx_http_openai_read_map(cf, &omcf->map, omcf->conf->map_file)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* now, as root: the workers may read none of these files */

    reason = og_load_credentials(&omcf->credentials, omcf->conf, &message);

    if (reason != OG_GO_ON) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "openai_gate: %s",
                      message.text);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_openai_read_map(ngx_conf_t *cf, struct og_map **map, const char *path)
{
    enum og_error      error;
    enum og_reason     reason;
    struct og_buffer   text;
    struct og_message  message;

    reason = og_load_map(&text, path, &message);

    if (reason != OG_GO_ON) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "openai_gate: %s",
                      message.text);
        og_buffer_free(&text);
        return NGX_ERROR;
    }

    error = og_map_parse(map, path, text.data, text.len, &message);

    og_buffer_free(&text);

    if (error != OG_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "openai_gate: %s",
                      message.text);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_openai_judge(ngx_conf_t *cf, ngx_http_openai_main_conf_t *omcf,
    ngx_http_openai_location_t *location)
{
    ngx_str_t                    where;
    const struct og_policy      *policy;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_openai_loc_conf_t  *olcf;

    olcf = location->olcf;

    clcf = location->loc_conf[ngx_http_core_module.ctx_index];
    where = clcf->name;

    if (where.len == 0) {
        ngx_str_set(&where, "the server itself");
    }

    if (olcf->index == NGX_CONF_UNSET) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"openai_gate %V\" in %s:%ui does not know who is "
                      "asking at %V: add \"openai_gate_identity\" with a "
                      "variable that another module has proven, such as "
                      "$remote_user after auth_basic",
                      &olcf->policy, olcf->file, olcf->line, &where);
        return NGX_ERROR;
    }

    policy = og_config_policy(omcf->conf, (char *) olcf->policy.data);

    if (policy == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"openai_gate %V\" in %s:%ui: %V has no section "
                      "[policy %V]; add it or name another policy",
                      &olcf->policy, olcf->file, olcf->line, &omcf->config,
                      &olcf->policy);
        return NGX_ERROR;
    }

    olcf->gate = ngx_http_openai_get_gate(cf, omcf, policy);
    if (olcf->gate == NULL) {
        return NGX_ERROR;
    }

    olcf->satisfy = clcf->satisfy;
    olcf->remote_user = ngx_http_openai_is_remote_user(&olcf->variable);
    olcf->password = ngx_http_openai_has_password(cf, location->loc_conf);

    ngx_http_openai_warn(cf, olcf, &where);

    return NGX_OK;
}


static ngx_http_openai_gate_t *
ngx_http_openai_get_gate(ngx_conf_t *cf, ngx_http_openai_main_conf_t *omcf,
    const struct og_policy *policy)
{
    ngx_uint_t                i;
    struct og_map            *map;
    ngx_http_openai_gate_t  **gate;

    gate = omcf->gates.elts;

    for (i = 0; i < omcf->gates.nelts; i++) {
        if (gate[i]->policy == policy) {
            return gate[i];
        }
    }

    gate = ngx_array_push(&omcf->gates);
    if (gate == NULL) {
        return NULL;
    }

    *gate = ngx_pcalloc(cf->pool, sizeof(ngx_http_openai_gate_t));
    if (*gate == NULL) {
        omcf->gates.nelts--;
        return NULL;
    }

    (*gate)->policy = policy;
    (*gate)->email = policy->email ? policy->email : omcf->conf->email;
    (*gate)->map = omcf->map;

    if (policy->dry_run) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "openai_gate: %V:%d: [policy %s] is NOT ENFORCED "
                      "(enforce = no): it refuses nobody",
                      &omcf->config, policy->line, policy->name);
    }

    if (policy->map_file) {
        if (ngx_http_openai_read_map(cf, &map, policy->map_file) != NGX_OK) {
            return NULL;
        }

        (*gate)->map = map;
    }

    return *gate;
}


static ngx_flag_t
ngx_http_openai_is_remote_user(ngx_str_t *name)
{
    return name->len == sizeof("remote_user") - 1
           && ngx_strncmp(name->data, "remote_user", name->len) == 0;
}


static void
ngx_http_openai_warn(ngx_conf_t *cf, ngx_http_openai_loc_conf_t *olcf,
    ngx_str_t *where)
{
    if (!olcf->remote_user) {
        return;
    }

    if (olcf->satisfy == NGX_HTTP_SATISFY_ANY) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"openai_gate %V\" in %s:%ui takes $remote_user under "
                      "\"satisfy any\" at %V: it grants nothing to a name "
                      "whose password was not accepted; use \"satisfy all\" "
                      "to require both",
                      &olcf->policy, olcf->file, olcf->line, where);

    } else if (!olcf->password) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"openai_gate %V\" in %s:%ui takes $remote_user at %V "
                      "where no \"auth_basic\" is in force: it is the "
                      "client's own word, unless another module checks the "
                      "password",
                      &olcf->policy, olcf->file, olcf->line, where);
    }
}


static ngx_module_t *
ngx_http_openai_find_module(ngx_conf_t *cf, const char *name)
{
    ngx_uint_t     i;
    ngx_module_t  *module;

    for (i = 0; cf->cycle->modules[i]; i++) {
        module = cf->cycle->modules[i];

        if (module->type == NGX_HTTP_MODULE
            && ngx_strcmp(module->name, name) == 0)
        {
            return module;
        }
    }

    return NULL;
}


/*
 * What another module keeps in its configuration is its own affair, but where
 * a directive is set by a slot handler, its command says where the value is.
 */

static ngx_flag_t
ngx_http_openai_has_password(ngx_conf_t *cf, void **loc_conf)
{
    char                      *conf;
    ngx_command_t             *cmd;
    ngx_module_t              *module;
    ngx_http_complex_value_t  *realm;

    module = ngx_http_openai_find_module(cf, "ngx_http_auth_basic_module");

    if (module == NULL) {
        return 0;
    }

    for (cmd = module->commands; cmd && cmd->name.len; cmd++) {

        if (ngx_strcmp(cmd->name.data, "auth_basic") != 0) {
            continue;
        }

        if (cmd->set != ngx_http_set_complex_value_slot) {
            break;
        }

        conf = loc_conf[module->ctx_index];
        realm = *(ngx_http_complex_value_t **) (conf + cmd->offset);

        if (realm == NULL || realm == NGX_CONF_UNSET_PTR) {
            return 0;
        }

        return realm->value.len != 3
               || ngx_strncmp(realm->value.data, "off", 3) != 0;
    }

    /* not to be seen */

    return 1;
}

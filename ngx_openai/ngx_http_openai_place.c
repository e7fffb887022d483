
/*
 * Where the workers' store is, and that it is theirs alone.
 */


#include <ngx_http_openai_module.h>


static ngx_int_t ngx_http_openai_default_cache(ngx_conf_t *cf,
    ngx_http_openai_main_conf_t *omcf);


/*
 * nginx makes a path that is not there, and hands one that is there over to
 * the workers. The first is what we want; the second would give them the store
 * of sudo, should its path ever be written here.
 */

ngx_int_t
ngx_http_openai_place(ngx_conf_t *cf, ngx_http_openai_main_conf_t *omcf)
{
    char             *directory;
    u_char           *name;
    ngx_flag_t        exists;
    ngx_file_info_t   fi, other;

    if (omcf->cache == NULL
        && ngx_http_openai_default_cache(cf, omcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    name = omcf->cache->name.data;
    directory = omcf->conf->directory;

    exists = ngx_file_info(name, &fi) != NGX_FILE_ERROR;

    if (!exists && omcf->conf->base_url == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, ngx_errno,
                      "\"openai_gate_cache\" %s cannot be read, and %V says "
                      "\"base_url = none\": name a store that somebody else "
                      "fills",
                      name, &omcf->config);
        return NGX_ERROR;
    }

    if (omcf->conf->base_url
        && directory
        && (ngx_strcmp(name, directory) == 0
            || (exists
                && ngx_file_info(directory, &other) != NGX_FILE_ERROR
                && fi.st_dev == other.st_dev
                && fi.st_ino == other.st_ino)))
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"openai_gate_cache\" %s is also the store of PAM, "
                      "which workers must not write to: name a directory of "
                      "their own",
                      name);
        return NGX_ERROR;
    }

    return exists ? NGX_OK : ngx_add_path(cf, &omcf->cache);
}


/*
 * Beside nginx's own temporary directories: Debian's /var/lib/nginx/body has
 * /var/lib/nginx/openai_gate for a neighbour.
 */

static ngx_int_t
ngx_http_openai_default_cache(ngx_conf_t *cf,
    ngx_http_openai_main_conf_t *omcf)
{
    u_char     *p, *last;
    size_t      len;
    ngx_str_t   name, body;

    ngx_str_set(&body, NGX_HTTP_CLIENT_TEMP_PATH);

    for (last = body.data + body.len; last > body.data; last--) {
        if (last[-1] == '/') {
            break;
        }
    }

    len = last - body.data;

    name.len = len + sizeof("openai_gate") - 1;
    name.data = ngx_pnalloc(cf->pool, name.len + 1);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(name.data, body.data, len);
    ngx_memcpy(p, "openai_gate", sizeof("openai_gate"));

    if (ngx_conf_full_name(cf->cycle, &name, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    omcf->cache = ngx_pcalloc(cf->pool, sizeof(ngx_path_t));
    if (omcf->cache == NULL) {
        return NGX_ERROR;
    }

    omcf->cache->name = name;

    return NGX_OK;
}


/*
 * Where the workers' store is, and that it is theirs alone.
 */


#include <ngx_http_openai_module.h>


static ngx_int_t ngx_http_openai_default_cache(ngx_conf_t *cf,
    ngx_http_openai_main_conf_t *omcf);
static ngx_flag_t ngx_http_openai_is_same(u_char *one, u_char *other);
static ngx_int_t ngx_http_openai_split(u_char *path, ngx_str_t *name,
    ngx_file_info_t *fi);


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
    ngx_file_info_t   fi;

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
        && ngx_http_openai_is_same(name, (u_char *) directory))
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


/* also where neither is there yet: one name in one directory */

static ngx_flag_t
ngx_http_openai_is_same(u_char *one, u_char *other)
{
    ngx_str_t        name, name2;
    ngx_file_info_t  fi, fi2;

    if (ngx_file_info(one, &fi) == NGX_FILE_ERROR
        || ngx_file_info(other, &fi2) == NGX_FILE_ERROR)
    {
        if (ngx_http_openai_split(one, &name, &fi) != NGX_OK
            || ngx_http_openai_split(other, &name2, &fi2) != NGX_OK
            || name.len != name2.len
            || ngx_memcmp(name.data, name2.data, name.len) != 0)
        {
            return 0;
        }
    }

    return fi.st_dev == fi2.st_dev && fi.st_ino == fi2.st_ino;
}


/* the last part of a path, and the directory in which it is */

static ngx_int_t
ngx_http_openai_split(u_char *path, ngx_str_t *name, ngx_file_info_t *fi)
{
    u_char  *first, *last;
    u_char   directory[NGX_MAX_PATH];

    for (last = path + ngx_strlen(path); last > path; last--) {
        if (last[-1] != '/') {
            break;
        }
    }

    for (first = last; first > path; first--) {
        if (first[-1] == '/') {
            break;
        }
    }

    name->data = first;
    name->len = last - first;

    if ((size_t) (first - path) >= sizeof(directory)) {
        return NGX_ERROR;
    }

    *ngx_cpymem(directory, path, first - path) = '\0';

    return (ngx_file_info(directory, fi) == NGX_FILE_ERROR) ? NGX_ERROR
                                                            : NGX_OK;
}

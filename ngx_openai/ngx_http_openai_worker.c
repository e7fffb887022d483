
/*
 * What a worker owns: the store, the fetcher, the log of the core.
 */


#include <ngx_http_openai_module.h>

#include <syslog.h>


static void ngx_http_openai_keep_memory(ngx_cycle_t *cycle,
    ngx_http_openai_main_conf_t *omcf);
static ngx_http_openai_worker_t *ngx_http_openai_worker_create(
    ngx_http_openai_main_conf_t *omcf);
static void ngx_http_openai_open_store(ngx_http_openai_main_conf_t *omcf,
    ngx_http_openai_worker_t *worker);
static void ngx_http_openai_open_fetch(ngx_http_openai_main_conf_t *omcf,
    ngx_http_openai_worker_t *worker);
static void ngx_http_openai_emit(void *arg, int level, const char *line);


ngx_int_t
ngx_http_openai_init_process(ngx_cycle_t *cycle)
{
    ngx_http_openai_main_conf_t  *omcf;

    /* cache manager and cache loader come here too */

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    omcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_openai_module);

    if (omcf == NULL) {
        return NGX_OK;
    }

    ngx_http_openai_keep_memory(cycle, omcf);

    if (omcf->locations.nelts == 0) {
        return NGX_OK;
    }

    /* nginx would never start again a worker whose initialization fails */

    omcf->worker = ngx_http_openai_worker_create(omcf);

    return NGX_OK;
}


/*
 * nginx lets its workers dump core, and with it everything that runs as their
 * user (a CGI, an application server) look into their memory, where the key
 * is.  Who wants cores says so by "worker_rlimit_core".
 */

static void
ngx_http_openai_keep_memory(ngx_cycle_t *cycle,
    ngx_http_openai_main_conf_t *omcf)
{
#if (NGX_HAVE_PR_SET_DUMPABLE)

    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (omcf->credentials.key.len == 0 || ccf->rlimit_core != NGX_CONF_UNSET) {
        return;
    }

    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1) {
        ngx_log_error(NGX_LOG_CRIT, cycle->log, ngx_errno,
                      "openai_gate: prctl(PR_SET_DUMPABLE) failed");
    }

#endif
}


void
ngx_http_openai_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_openai_main_conf_t  *omcf;

    omcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_openai_module);

    if (omcf) {
        ngx_http_openai_worker_done(omcf);
    }
}


/* the worker, trying once more for a store that could not be opened */

ngx_http_openai_worker_t *
ngx_http_openai_worker(ngx_http_openai_main_conf_t *omcf)
{
    ngx_http_openai_worker_t  *worker;

    worker = omcf->worker;

    if (worker && worker->store == NULL && ngx_time() >= worker->retry) {
        ngx_http_openai_open_store(omcf, worker);
    }

    return worker;
}


void
ngx_http_openai_worker_done(ngx_http_openai_main_conf_t *omcf)
{
    ngx_http_openai_worker_t  *worker;

    worker = omcf->worker;

    if (worker == NULL) {
        return;
    }

    omcf->worker = NULL;

    ngx_http_openai_loop_done(&worker->loop);
    og_store_free(worker->store);
    ngx_http_openai_memo_destroy(worker->memo);

    ngx_free(worker);
}


static ngx_http_openai_worker_t *
ngx_http_openai_worker_create(ngx_http_openai_main_conf_t *omcf)
{
    ngx_log_t                 *log;
    ngx_http_openai_worker_t  *worker;

    log = ngx_cycle->log;

    worker = ngx_calloc(sizeof(ngx_http_openai_worker_t), log);
    if (worker == NULL) {
        return NULL;
    }

    worker->log.emit = ngx_http_openai_emit;
    worker->log.arg = log;
    worker->log.max_level = (log->log_level & NGX_LOG_DEBUG_HTTP)
                            ? LOG_DEBUG : LOG_INFO;

    worker->memo = ngx_http_openai_memo_create();

    ngx_http_openai_open_store(omcf, worker);

    return worker;
}


static void
ngx_http_openai_open_store(ngx_http_openai_main_conf_t *omcf,
    ngx_http_openai_worker_t *worker)
{
    char               *path;
    enum og_error       error;
    struct og_message   message;

    path = (char *) omcf->cache->name.data;

    message.text[0] = '\0';

    error = OG_OK;

    /* where nobody asks, somebody else keeps the store */

    if (omcf->conf->base_url) {
        error = og_store_create(path, &message);

        if (error == OG_ERR_SYSTEM) {

            /* a full disk: what is there can be read, and the API be asked */

            ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                          "openai_gate: nothing may be kept in "
                          "\"openai_gate_cache\": %s", message.text);
            error = OG_OK;
        }
    }

    if (error == OG_OK) {
        error = og_store_open(&worker->store, path, geteuid(), omcf->conf,
                              &worker->log, &message);
    }

    if (error != OG_OK) {
        worker->trouble = (error == OG_ERR_UNSAFE) ? OG_UNSAFE_FILE : OG_STORE;
        worker->retry = ngx_time() + 1;

        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                      "openai_gate: cannot use \"openai_gate_cache\": %s; "
                      "it must belong to uid %d, as the workers do",
                      message.text[0] ? message.text : og_strerror(error),
                      (int) geteuid());
        return;
    }

    og_store_hold(worker->store);
    og_store_no_sync(worker->store);

    ngx_http_openai_open_fetch(omcf, worker);
}


static void
ngx_http_openai_open_fetch(ngx_http_openai_main_conf_t *omcf,
    ngx_http_openai_worker_t *worker)
{
    enum og_error  error;

    error = og_fetch_new(&worker->loop.fetch, omcf->conf, worker->store,
                         &omcf->credentials, omcf->tally, &worker->log);

    if (error != OG_OK) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                      "openai_gate: this worker cannot ask the directory: %s",
                      og_strerror(error));
        return;
    }

    if (ngx_http_openai_loop_init(&worker->loop, (ngx_cycle_t *) ngx_cycle)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                      "openai_gate: this worker cannot ask the directory: "
                      "no connection is left for it; "
                      "raise \"worker_connections\"");
        return;
    }

    worker->fetching = 1;
}


static void
ngx_http_openai_emit(void *arg, int level, const char *line)
{
    ngx_log_t *log = arg;

    ngx_uint_t  n;

    /* both count from emerg to debug, nginx from 1 and syslog from 0 */

    n = (level >= LOG_DEBUG) ? NGX_LOG_DEBUG : (ngx_uint_t) level + 1;

    if (n == NGX_LOG_DEBUG) {
        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, log, 0, "openai_gate: %s", line);
        return;
    }

    ngx_log_error(n, log, 0, "openai_gate: %s", line);
}


/*
 * The fetcher of the core on nginx's event loop: one descriptor, one timer.
 *
 * Its callbacks come from ngx_http_openai_loop_run() alone, and what they
 * begin (a resumed request, the next check of a pipelined one) is posted, so
 * that the library is never entered twice.
 */


#include <ngx_http_openai_module.h>


static void ngx_http_openai_loop_read(ngx_event_t *rev);
static void ngx_http_openai_loop_event(ngx_event_t *ev);
static void ngx_http_openai_loop_run(ngx_http_openai_loop_t *loop);
static void ngx_http_openai_loop_close(ngx_http_openai_loop_t *loop);
static void ngx_http_openai_loop_write(ngx_event_t *wev);


/*
 * Once in a worker's life: the connection is taken while there are some left,
 * and kept.
 */

ngx_int_t
ngx_http_openai_loop_init(ngx_http_openai_loop_t *loop, ngx_cycle_t *cycle)
{
    int                fd;
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    loop->timer.handler = ngx_http_openai_loop_event;
    loop->timer.data = loop;
    loop->timer.log = cycle->log;

    /* what nobody waits for does not hold back a worker that shall quit */

    loop->timer.cancelable = 1;

    loop->kick.handler = ngx_http_openai_loop_event;
    loop->kick.data = loop;
    loop->kick.log = cycle->log;

    fd = og_fetch_fd(loop->fetch);

    if (fd == -1) {
        return NGX_OK;
    }

    c = ngx_get_connection(fd, cycle->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->data = loop;

    rev = c->read;
    rev->handler = ngx_http_openai_loop_read;
    rev->log = cycle->log;

    c->write->handler = ngx_http_openai_loop_write;
    c->write->log = cycle->log;

    /*
     * the descriptor is libcurl's own epoll: it is read by others, and so
     * stays readable until they have; ngx_handle_read_event() would make it
     * edge-triggered
     */

    if (ngx_add_event(rev, NGX_READ_EVENT, NGX_LEVEL_EVENT) != NGX_OK) {
        ngx_free_connection(c);
        c->fd = (ngx_socket_t) -1;
        return NGX_ERROR;
    }

    loop->connection = c;

    return NGX_OK;
}


void
ngx_http_openai_loop_done(ngx_http_openai_loop_t *loop)
{
    ngx_http_openai_loop_close(loop);

    if (loop->timer.timer_set) {
        ngx_del_timer(&loop->timer);
    }

    if (loop->kick.posted) {
        ngx_delete_posted_event(&loop->kick);
    }

    og_fetch_free(loop->fetch);
    loop->fetch = NULL;
}


/* something was asked */

void
ngx_http_openai_loop_kick(ngx_http_openai_loop_t *loop)
{
    ngx_post_event(&loop->kick, &ngx_posted_events);
}


static void
ngx_http_openai_loop_read(ngx_event_t *rev)
{
    ngx_connection_t        *c;
    ngx_http_openai_loop_t  *loop;

    c = rev->data;
    loop = c->data;

    /* worker_shutdown_timeout is over */

    if (c->close) {
        ngx_http_openai_loop_close(loop);
        return;
    }

    ngx_http_openai_loop_run(loop);
}


static void
ngx_http_openai_loop_event(ngx_event_t *ev)
{
    ngx_http_openai_loop_run(ev->data);
}


static void
ngx_http_openai_loop_run(ngx_http_openai_loop_t *loop)
{
    int  wait;

    og_fetch_run(loop->fetch);

    wait = og_fetch_timeout(loop->fetch);

    /* ngx_add_timer() alone would keep an old timer that is 300 ms off */

    if (loop->timer.timer_set) {
        ngx_del_timer(&loop->timer);
    }

    if (wait >= 0) {
        ngx_add_timer(&loop->timer, ngx_max((ngx_msec_t) wait, 1));
    }
}


static void
ngx_http_openai_loop_close(ngx_http_openai_loop_t *loop)
{
    ngx_connection_t  *c;

    c = loop->connection;

    if (c == NULL) {
        return;
    }

    loop->connection = NULL;

    /* the descriptor itself is libcurl's to close */

    if (c->read->active) {
        ngx_del_event(c->read, NGX_READ_EVENT, 0);
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;
}


static void
ngx_http_openai_loop_write(ngx_event_t *wev)
{
    ngx_log_debug0(NGX_LOG_DEBUG_EVENT, wev->log, 0,
                   "openai_gate write event");
}

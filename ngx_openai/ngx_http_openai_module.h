
/*
 * The web door: gates locations by the policies of gate.conf.
 *
 *     ngx_http_openai_module.c     directives, their inheritance
 *     ngx_http_openai_init.c       reads gate.conf and key, judges nginx.conf
 *     ngx_http_openai_place.c      where the workers' store is
 *     ngx_http_openai_worker.c     what a worker owns: store, fetcher, log
 *     ngx_http_openai_loop.c       the fetcher on the worker's event loop
 *     ngx_http_openai_handler.c    one request: judged, put aside, resumed
 *     ngx_http_openai_proof.c      who is asking, and whether that is proven
 *     ngx_http_openai_ctx.c        what is remembered of a request
 *     ngx_http_openai_decision.c   what a decision means for the request
 *     ngx_http_openai_memo.c       decisions that a worker remembers
 *     ngx_http_openai_variables.c  $openai_gate_*
 *     ngx_http_openai_status.c     counters, shared by all workers
 *
 * Everything that is decided is decided by the core, in ../common.
 */


#ifndef _NGX_HTTP_OPENAI_MODULE_H_INCLUDED_
#define _NGX_HTTP_OPENAI_MODULE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include <client/check.h>
#include <client/fetch.h>
#include <client/lookup.h>
#include <io/load.h>
#include <io/store_write.h>
#include <meaning/config.h>
#include <meaning/identity.h>
#include <meaning/policy.h>
#include <value/clock.h>
#include <value/log.h>
#include <value/reason.h>
#include <value/tally.h>


/* nginx has it since 1.29 */

#ifndef NGX_HTTP_PROXY_AUTH_REQUIRED
#define NGX_HTTP_PROXY_AUTH_REQUIRED  407
#endif


typedef struct ngx_http_openai_main_conf_s  ngx_http_openai_main_conf_t;
typedef struct ngx_http_openai_ctx_s        ngx_http_openai_ctx_t;
typedef struct ngx_http_openai_memo_s       ngx_http_openai_memo_t;


/* a policy of gate.conf with the identity map that is in force for it */

typedef struct {
    const struct og_policy       *policy;
    const char                   *email;
    const struct og_map          *map;
    size_t                        slot;        /* of its counters */
} ngx_http_openai_gate_t;


typedef struct {
    ngx_str_t                     policy;      /* len 0: off */
    u_char                       *file;        /* of the directive */
    ngx_uint_t                    line;

    ngx_str_t                     variable;    /* without the dollar sign */
    ngx_int_t                     index;
    ngx_int_t                     verify;      /* $ssl_client_verify */

    /*
     * the identity cannot come from a password or from a subrequest, and so
     * still counts when these have been refused
     */
    ngx_flag_t                    independent;

    ngx_http_openai_gate_t       *gate;        /* NULL: off */
    ngx_uint_t                    satisfy;
    ngx_flag_t                    remote_user; /* is the variable */
    ngx_flag_t                    password;    /* auth_basic is in force */
} ngx_http_openai_loc_conf_t;


/* the configuration of one location, as it was merged */

typedef struct {
    ngx_http_openai_loc_conf_t   *olcf;
    void                        **loc_conf;
} ngx_http_openai_location_t;


typedef struct {
    struct og_fetch              *fetch;
    ngx_connection_t             *connection;  /* of og_fetch_fd() */
    ngx_event_t                   timer;
    ngx_event_t                   kick;
} ngx_http_openai_loop_t;


typedef struct {
    struct og_store              *store;
    struct og_log                 log;
    enum og_reason                trouble;     /* why there is no store */
    time_t                        retry;       /* to open it, not before */
    ngx_uint_t                    fetching;    /* loop can be asked */
    ngx_http_openai_loop_t        loop;
    ngx_http_openai_memo_t       *memo;        /* NULL: no memory for it */
} ngx_http_openai_worker_t;


struct ngx_http_openai_main_conf_s {
    ngx_str_t                     config;
    ngx_path_t                   *cache;
    ngx_shm_zone_t               *shm_zone;
    struct og_tally              *tally;       /* there; outlives a reload */
    ngx_flag_t                    status;
    ngx_array_t                   locations;   /* ngx_http_openai_location_t */

    ngx_module_t                 *auth_request; /* NULL: not there */

    struct og_config             *conf;
    ngx_array_t                   gates;       /* ngx_http_openai_gate_t * */
    struct og_map                *map;         /* of [identity] */
    struct og_credentials         credentials; /* secrets */
    ngx_msec_t                    timeout;
    ngx_uint_t                    retry_after; /* seconds */

    ngx_http_openai_worker_t     *worker;      /* NULL in the master */
};


/* what the variables say; text is in the request's pool */

typedef struct {
    enum og_reason                reason;
    enum og_cache                 cache;
    ngx_uint_t                    cached;      /* cache is meant */
    ngx_str_t                     email;
    ngx_str_t                     user_id;
    ngx_str_t                     role;
} ngx_http_openai_decision_t;


struct ngx_http_openai_ctx_s {
    ngx_http_request_t           *request;
    ngx_http_openai_main_conf_t  *main_conf;
    ngx_http_openai_gate_t       *gate;
    ngx_str_t                     identity;

    ngx_http_openai_decision_t    decision;
    ngx_int_t                     rc;          /* for the access phase */
    int64_t                       made;        /* Unix time */

    uint64_t                      generation;  /* of the store, at the start */
    struct og_check              *check;       /* while it is being made */
    struct og_ask                *ask;
    int64_t                       deadline;    /* monotonic milliseconds */
    ngx_event_t                  *event;       /* NULL: has never waited */

    unsigned                      done:1;
    unsigned                      judged:1;    /* this identity, this gate */
    unsigned                      retry_after:1;
};


/* the age from which a fact is refreshed ahead of need, in seconds */

#define ngx_http_openai_late(conf)  ((conf)->ttl - (conf)->ttl / 4)


/* ngx_http_openai_init.c */
ngx_int_t ngx_http_openai_load(ngx_conf_t *cf,
    ngx_http_openai_main_conf_t *omcf);
void ngx_http_openai_unload(void *data);

/* ngx_http_openai_place.c */
ngx_int_t ngx_http_openai_place(ngx_conf_t *cf,
    ngx_http_openai_main_conf_t *omcf);

/* ngx_http_openai_worker.c */
ngx_int_t ngx_http_openai_init_process(ngx_cycle_t *cycle);
void ngx_http_openai_exit_process(ngx_cycle_t *cycle);
ngx_http_openai_worker_t *ngx_http_openai_worker(
    ngx_http_openai_main_conf_t *omcf);
void ngx_http_openai_worker_done(ngx_http_openai_main_conf_t *omcf);

/* ngx_http_openai_loop.c */
ngx_int_t ngx_http_openai_loop_init(ngx_http_openai_loop_t *loop,
    ngx_cycle_t *cycle);
void ngx_http_openai_loop_done(ngx_http_openai_loop_t *loop);
void ngx_http_openai_loop_kick(ngx_http_openai_loop_t *loop);

/* ngx_http_openai_handler.c */
ngx_int_t ngx_http_openai_handler(ngx_http_request_t *r);

/* ngx_http_openai_proof.c */
ngx_int_t ngx_http_openai_identify(ngx_http_request_t *r,
    ngx_http_openai_loc_conf_t *olcf, ngx_str_t *identity);
ngx_flag_t ngx_http_openai_is_refused(ngx_http_request_t *r,
    ngx_http_openai_loc_conf_t *olcf);

/* ngx_http_openai_ctx.c */
ngx_http_openai_ctx_t *ngx_http_openai_get_ctx(ngx_http_request_t *r);
ngx_http_openai_ctx_t *ngx_http_openai_create_ctx(ngx_http_request_t *r);
void ngx_http_openai_detach(void *data);

/* ngx_http_openai_memo.c */
ngx_http_openai_memo_t *ngx_http_openai_memo_create(void);
void ngx_http_openai_memo_destroy(ngx_http_openai_memo_t *memo);
ngx_int_t ngx_http_openai_memo_get(ngx_http_openai_worker_t *worker,
    ngx_http_openai_ctx_t *ctx, int64_t now);
void ngx_http_openai_memo_put(ngx_http_openai_worker_t *worker,
    ngx_http_openai_ctx_t *ctx, enum og_reason reason, int64_t now);

/* ngx_http_openai_decision.c */
ngx_int_t ngx_http_openai_note_user(ngx_http_openai_ctx_t *ctx);
ngx_int_t ngx_http_openai_conclude(ngx_http_request_t *r,
    ngx_http_openai_ctx_t *ctx, enum og_reason reason);
ngx_int_t ngx_http_openai_answer(ngx_http_request_t *r,
    ngx_http_openai_ctx_t *ctx);

/* ngx_http_openai_variables.c */
ngx_int_t ngx_http_openai_add_variables(ngx_conf_t *cf);

/* ngx_http_openai_status.c */
ngx_int_t ngx_http_openai_init_zone(ngx_shm_zone_t *shm_zone, void *data);
ngx_int_t ngx_http_openai_status_handler(ngx_http_request_t *r);


extern ngx_module_t  ngx_http_openai_module;


#endif /* _NGX_HTTP_OPENAI_MODULE_H_INCLUDED_ */

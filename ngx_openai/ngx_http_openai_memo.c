
/*
 * Decisions that this worker has made, so that a person's next request is
 * answered by one look in a table. A decision is good while all facts that it
 * rests on are fresh and no file of the store has come or gone; the table has
 * a fixed size, and who finds no place in it is judged anew.
 */


#include <ngx_http_openai_module.h>

#include <sys/mman.h>


#define NGX_HTTP_OPENAI_MEMO_SIZE       32768
#define NGX_HTTP_OPENAI_MEMO_WAYS       4
#define NGX_HTTP_OPENAI_MEMO_TEXT       87

#define NGX_HTTP_OPENAI_MEMO_ALIGNMENT  (2 * 1024 * 1024)
#define NGX_HTTP_OPENAI_MEMO_MAP        (sizeof(ngx_http_openai_memo_t)       \
                                         + NGX_HTTP_OPENAI_MEMO_ALIGNMENT)


/*
 * Two cache lines, since with many people it is they that cost, and found in
 * the place that the hash says or in one of the next. "made" tells that the
 * clock was set back.
 */

typedef struct {
    ngx_http_openai_gate_t       *gate;        /* NULL: free */
    uint64_t                      generation;  /* of the store */
    int64_t                       made;        /* Unix time */
    int64_t                       until;
    uint32_t                      hash;
    uint8_t                       reason;
    uint8_t                       identity;    /* lengths */
    uint8_t                       email;
    uint8_t                       user_id;
    uint8_t                       role;
    u_char                        text[NGX_HTTP_OPENAI_MEMO_TEXT];
} ngx_http_openai_memo_entry_t;


struct ngx_http_openai_memo_s {
    ngx_http_openai_memo_entry_t  entry[NGX_HTTP_OPENAI_MEMO_SIZE];
    ngx_uint_t                    next;
    void                         *map;
};


static uint32_t ngx_http_openai_memo_hash(ngx_http_openai_ctx_t *ctx);
static ngx_int_t ngx_http_openai_memo_load(ngx_http_openai_ctx_t *ctx,
    ngx_http_openai_memo_entry_t *entry);
static int64_t ngx_http_openai_memo_until(ngx_http_openai_ctx_t *ctx);


/*
 * 4M of a worker's memory, in huge pages where the kernel has them: with small
 * ones the processor spends as long to find a page as we in it.
 */

ngx_http_openai_memo_t *
ngx_http_openai_memo_create(void)
{
    void                    *p;
    ngx_http_openai_memo_t  *memo;

    p = mmap(NULL, NGX_HTTP_OPENAI_MEMO_MAP, PROT_READ|PROT_WRITE,
             MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) {
        return NULL;
    }

    memo = (ngx_http_openai_memo_t *)
                              ngx_align_ptr(p, NGX_HTTP_OPENAI_MEMO_ALIGNMENT);

    (void) madvise(memo, sizeof(ngx_http_openai_memo_t), MADV_HUGEPAGE);

    memo->map = p;

    return memo;
}


void
ngx_http_openai_memo_destroy(ngx_http_openai_memo_t *memo)
{
    if (memo) {
        (void) munmap(memo->map, NGX_HTTP_OPENAI_MEMO_MAP);
    }
}


/* NGX_OK: the decision is set; NGX_DECLINED: nothing is remembered */

ngx_int_t
ngx_http_openai_memo_get(ngx_http_openai_worker_t *worker,
    ngx_http_openai_ctx_t *ctx, int64_t now)
{
    uint32_t                       hash;
    ngx_uint_t                     n;
    ngx_http_openai_memo_t        *memo;
    ngx_http_openai_memo_entry_t  *entry;

    memo = worker->memo;

    if (memo == NULL) {
        return NGX_DECLINED;
    }

    /* as of now, also for the answer: files may change while we wait for it */

    ctx->generation = og_store_generation(worker->store, now);

    hash = ngx_http_openai_memo_hash(ctx);

    for (n = 0; n < NGX_HTTP_OPENAI_MEMO_WAYS; n++) {
        entry = &memo->entry[(hash + n) % NGX_HTTP_OPENAI_MEMO_SIZE];

        if (entry->hash == hash
            && entry->gate == ctx->gate
            && entry->generation == ctx->generation
            && entry->made <= now
            && entry->until > now
            && entry->identity == ctx->identity.len
            && ngx_memcmp(entry->text, ctx->identity.data, ctx->identity.len)
               == 0)
        {
            return ngx_http_openai_memo_load(ctx, entry);
        }
    }

    return NGX_DECLINED;
}


/* of the check, before it is freed */

void
ngx_http_openai_memo_put(ngx_http_openai_worker_t *worker,
    ngx_http_openai_ctx_t *ctx, enum og_reason reason, int64_t now)
{
    u_char                        *p;
    int64_t                        until;
    uint32_t                       hash;
    ngx_uint_t                     n, way;
    ngx_http_openai_memo_t        *memo;
    ngx_http_openai_decision_t    *decision;
    ngx_http_openai_memo_entry_t  *entry;

    memo = worker->memo;
    decision = &ctx->decision;

    if (memo == NULL
        || ctx->identity.len + decision->email.len + decision->user_id.len
           + decision->role.len > NGX_HTTP_OPENAI_MEMO_TEXT)
    {
        return;
    }

    until = ngx_http_openai_memo_until(ctx);

    if (until <= now) {
        return;
    }

    /*
     * an answer that has just been written is a file that has come: were that
     * not seen now, neither would be that it goes
     */

    if (decision->cache != OG_CACHE_HIT) {
        og_store_look_again(worker->store);

        if (og_store_generation(worker->store, now) != ctx->generation) {
            return;
        }
    }

    hash = ngx_http_openai_memo_hash(ctx);

    way = memo->next++ % NGX_HTTP_OPENAI_MEMO_WAYS;

    for (n = 0; n < NGX_HTTP_OPENAI_MEMO_WAYS; n++) {
        entry = &memo->entry[(hash + n) % NGX_HTTP_OPENAI_MEMO_SIZE];

        if (entry->hash == hash
            || entry->gate == NULL
            || entry->generation != ctx->generation
            || entry->until <= now)
        {
            way = n;
            break;
        }
    }

    entry = &memo->entry[(hash + way) % NGX_HTTP_OPENAI_MEMO_SIZE];

    entry->hash = hash;
    entry->gate = ctx->gate;
    entry->generation = ctx->generation;
    entry->made = now;
    entry->until = until;
    entry->reason = (uint8_t) reason;
    entry->identity = (uint8_t) ctx->identity.len;
    entry->email = (uint8_t) decision->email.len;
    entry->user_id = (uint8_t) decision->user_id.len;
    entry->role = (uint8_t) decision->role.len;

    p = ngx_cpymem(entry->text, ctx->identity.data, ctx->identity.len);
    p = ngx_cpymem(p, decision->email.data, decision->email.len);
    p = ngx_cpymem(p, decision->user_id.data, decision->user_id.len);
    ngx_memcpy(p, decision->role.data, decision->role.len);
}


static uint32_t
ngx_http_openai_memo_hash(ngx_http_openai_ctx_t *ctx)
{
    return ngx_murmur_hash2(ctx->identity.data, ctx->identity.len)
           ^ ngx_murmur_hash2((u_char *) &ctx->gate, sizeof(ctx->gate));
}


/* copied, since the entry may be another's before the request is over */

static ngx_int_t
ngx_http_openai_memo_load(ngx_http_openai_ctx_t *ctx,
    ngx_http_openai_memo_entry_t *entry)
{
    u_char                      *p;
    size_t                       len;
    ngx_http_openai_decision_t  *decision;

    len = entry->email + entry->user_id + entry->role;

    p = ngx_pnalloc(ctx->request->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, entry->text + entry->identity, len);

    decision = &ctx->decision;

    decision->reason = entry->reason;
    decision->email.len = entry->email;
    decision->email.data = p;
    decision->user_id.len = entry->user_id;
    decision->user_id.data = p + entry->email;
    decision->role.len = entry->role;
    decision->role.data = p + entry->email + entry->user_id;

    return NGX_OK;
}


/*
 * Until one of the facts is due for a refresh or too old. 0: not to be
 * remembered, since something is not known for certain.
 */

static int64_t
ngx_http_openai_memo_until(ngx_http_openai_ctx_t *ctx)
{
    size_t                   i;
    int64_t                  until, end;
    const struct og_fact    *fact;
    const struct og_facts   *facts;
    const struct og_config  *conf;

    conf = ctx->main_conf->conf;
    facts = og_check_facts(ctx->check);

    until = 0;

    for (i = 0; i < facts->count; i++) {
        fact = &facts->item[i];

        if (fact->stale) {
            return 0;
        }

        switch (fact->state) {

        case OG_FACT_FOUND:
            end = fact->fetched_at + ngx_http_openai_late(conf);
            break;

        case OG_FACT_ABSENT:
            end = fact->fetched_at + og_negative_ttl(conf);
            break;

        default:
            return 0;
        }

        if (i == 0 || end < until) {
            until = end;
        }
    }

    return until;
}

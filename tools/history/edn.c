/* edn.c -- operations as Jepsen's checkers read them: an invocation and a completion each.
 *
 *   w        {:type :invoke, :f :send, :value [[:send KEY VALUE]]}
 *   a        {:type :ok,     :f :send, :value [[:send KEY [OFFSET VALUE]]]}
 *   e        {:type :fail or :info, ...}; no line at all leaves the invocation open
 *   r, x     {:type :invoke, :f :poll, :value [[:poll]]}, and once the reader pauses
 *            {:type :ok,     :f :poll, :value [[:poll {KEY [[OFFSET VALUE] ...]}]]}
 *   !        {:type :info, :process :nemesis, :f :begin or :end, :value [ID NAME DETAIL]}
 *
 * Source  jepsen.tests.kafka (jepsen-io/jepsen). */
#include "edn.h"

#include <errno.h>
#include <stdio.h>

#include "client_kind.h"
#include "outcome.h"

static const int64_t values_of_writer = INT64_C(1000000000000);

struct polled {
    uint32_t partition;
    int64_t offset;
    int64_t value;
};

struct edn_client {
    const struct client_kind *kind; /* NULL: not declared. */
    uint32_t process;               /* A reader's. */
    bool *has_read;                 /* By partition, since it took this process. */
    uint32_t polled_count;
    int64_t polled_since;
    struct polled *polled; /* EDN_POLL_MAX of them, for a reader. */
};

/* Its key, so without padding. */
struct write_key {
    uint64_t client;
    int64_t value;
};

struct open_write {
    uint32_t process;
    uint32_t partition;
};

struct edn {
    FILE *out;
    uint32_t partitions;
    uint64_t index;
    uint32_t next_process;
    uint32_t free_count, free_capacity;
    uint32_t *free;  /* Processes whose write has ended. */
    struct map open; /* struct open_write by struct write_key. */
    uint32_t client_count, client_capacity;
    struct edn_client *clients; /* By number. */
};

/* ---- Processes. */

static uint32_t take_process(struct edn *edn)
{
    return edn->free_count ? edn->free[--edn->free_count] : edn->next_process++;
}

static void give_process(struct edn *edn, uint32_t process)
{
    mem_grow(edn->free, edn->free_count, &edn->free_capacity);
    edn->free[edn->free_count++] = process;
}

static struct edn_client *find_client(struct edn *edn, uint32_t number)
{
    bool is_there = number < edn->client_count && edn->clients[number].kind;
    return is_there ? &edn->clients[number] : NULL;
}

static void take_client(struct edn *edn, const struct history_line *line)
{
    while (edn->client_count <= line->client) {
        mem_grow(edn->clients, edn->client_count, &edn->client_capacity);
        edn->clients[edn->client_count++] = (struct edn_client){0};
    }
    struct edn_client *client = &edn->clients[line->client];
    client->kind = client_kind_find(line->words[0]);
    if (client->kind && (client->kind->commits || client->kind->by_key || client->kind->is_member))
        client->kind = NULL; /* Jepsen's workload has no word for it. */
    if (!client->kind || !client->kind->is_reader)
        return;
    client->process = edn->next_process++;
    client->has_read = mem_zalloc(edn->partitions * sizeof *client->has_read);
    client->polled = mem_alloc(EDN_POLL_MAX * sizeof *client->polled);
}

/* ---- Lines. */

static void begin_operation(struct edn *edn, const char *type, uint32_t process, int64_t time)
{
    fprintf(edn->out, "{:index %llu, :time %lld, :type :%s, :process %u, ",
            (unsigned long long)edn->index++, (long long)time, type, process);
}

static int64_t value_of(uint32_t writer, int64_t number)
{
    return writer * values_of_writer + number;
}

/* As a string of EDN. */
static void put_string(FILE *out, struct str text)
{
    char *copy = history_copy(text);
    fputc('"', out);
    for (const char *at = copy; *at; at++) {
        if (*at == '"' || *at == '\\')
            fputc('\\', out);
        fputc(*at, out);
    }
    fputc('"', out);
    mem_free(copy);
}

static void put_send(struct edn *edn, const struct history_line *line, uint32_t partition)
{
    fprintf(edn->out, ":f :send, :value [[:send %u %lld]]", partition,
            (long long)value_of(line->client, line->value));
}

static void take_begin(struct edn *edn, const struct history_line *line)
{
    struct write_key key = {.client = line->client, .value = line->value};
    struct open_write *write = mem_alloc(sizeof *write);
    *write = (struct open_write){.process = take_process(edn), .partition = line->partition};
    mem_free(map_put(&edn->open, &key, write));
    begin_operation(edn, "invoke", write->process, line->time);
    put_send(edn, line, line->partition);
    fputs("}\n", edn->out);
}

static void take_end(struct edn *edn, const struct history_line *line)
{
    struct write_key key = {.client = line->client, .value = line->value};
    struct open_write *write = map_remove(&edn->open, &key);
    const struct edn_client *client = find_client(edn, line->client);
    if (!write || !client) {
        mem_free(write);
        return;
    }
    bool is_failure =
        line->kind == 'e' && outcome_is_failure(line->words[0], client->kind->tried_once);
    if (line->kind == 'a') {
        begin_operation(edn, "ok", write->process, line->time);
        fprintf(edn->out, ":f :send, :value [[:send %u [", write->partition);
        if (line->offset >= 0)
            fprintf(edn->out, "%lld", (long long)line->offset);
        else
            fputs("nil", edn->out);
        fprintf(edn->out, " %lld]]]", (long long)value_of(line->client, line->value));
    } else {
        begin_operation(edn, is_failure ? "fail" : "info", write->process, line->time);
        put_send(edn, line, write->partition);
        fputs(", :error ", edn->out);
        put_string(edn->out, line->words[0]);
    }
    fputs("}\n", edn->out);
    if (line->kind == 'a' || is_failure)
        give_process(edn, write->process);
    mem_free(write);
}

/* ---- Polls. */

static bool is_first_of(const struct edn_client *client, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++)
        if (client->polled[i].partition == client->polled[at].partition)
            return false;
    return true;
}

static void end_poll(struct edn *edn, struct edn_client *client, int64_t time)
{
    if (!client->polled_count)
        return;
    begin_operation(edn, "ok", client->process, time);
    fputs(":f :poll, :value [[:poll {", edn->out);
    const char *comma = "";
    for (uint32_t i = 0; i < client->polled_count; i++) {
        if (!is_first_of(client, i))
            continue;
        fprintf(edn->out, "%s%u [", comma, client->polled[i].partition);
        for (uint32_t j = i; j < client->polled_count; j++)
            if (client->polled[j].partition == client->polled[i].partition)
                fprintf(edn->out, "%s[%lld %lld]", j > i ? " " : "",
                        (long long)client->polled[j].offset, (long long)client->polled[j].value);
        fputc(']', edn->out);
        comma = ", ";
    }
    fputs("}]]}\n", edn->out);
    client->polled_count = 0;
}

static void take_read(struct edn *edn, const struct history_line *line)
{
    struct edn_client *client = find_client(edn, line->client);
    if (!client || !client->polled)
        return;
    if (client->polled_count == EDN_POLL_MAX ||
        (client->polled_count && line->time - client->polled_since > EDN_POLL_NS))
        end_poll(edn, client, line->time);
    if (!client->polled_count) {
        begin_operation(edn, "invoke", client->process, line->time);
        fputs(":f :poll, :value [[:poll]]}\n", edn->out);
        client->polled_since = line->time;
    }
    client->has_read[line->partition] = true;
    client->polled[client->polled_count++] = (struct polled){
        .partition = line->partition,
        .offset = line->offset,
        .value = line->kind == 'r' ? value_of(line->writer, line->value) : -1 - line->offset};
}

/* What it has read before is no bound for what it reads now. */
static void take_position(struct edn *edn, const struct history_line *line)
{
    struct edn_client *client = find_client(edn, line->client);
    if (!client || !client->polled)
        return;
    end_poll(edn, client, line->time);
    if (!client->has_read[line->partition])
        return;
    client->process = edn->next_process++;
    memset(client->has_read, 0, edn->partitions * sizeof *client->has_read);
}

static void take_mark(struct edn *edn, const struct history_line *line)
{
    fprintf(edn->out, "{:index %llu, :time %lld, :type :info, :process :nemesis, :f :%s, :value [",
            (unsigned long long)edn->index++, (long long)line->time,
            line->begins ? "begin" : "end");
    for (int i = 0; i < 3; i++) {
        if (i)
            fputc(' ', edn->out);
        put_string(edn->out, line->words[i]);
    }
    fputs("]}\n", edn->out);
}

/* ---- The whole. */

static void take_line(struct edn *edn, const struct history_line *line)
{
    switch (line->kind) {
    case 'c':
        take_client(edn, line);
        break;
    case 'w':
        if (line->partition < edn->partitions) /* Not metadata's. */
            take_begin(edn, line);
        break;
    case 'a':
    case 'e':
        take_end(edn, line);
        break;
    case 'r':
    case 'x':
        take_read(edn, line);
        break;
    case 's':
        take_position(edn, line);
        break;
    case '!':
        take_mark(edn, line);
        break;
    default:
        break;
    }
}

static void close_edn(struct edn *edn)
{
    uint32_t cursor = 0;
    void *write;
    while (map_next(&edn->open, &cursor, &write))
        mem_free(write);
    map_free(&edn->open);
    for (uint32_t i = 0; i < edn->client_count; i++) {
        mem_free(edn->clients[i].has_read);
        mem_free(edn->clients[i].polled);
    }
    mem_free(edn->clients);
    mem_free(edn->free);
}

static void write_all(struct edn *edn, struct merge *merge)
{
    struct history_line line;
    uint32_t file;
    int64_t time = 0;
    map_init(&edn->open, sizeof(struct write_key));
    edn->partitions = merge_head(merge)->partitions;
    while (merge_next(merge, &line, &file) == HISTORY_LINE) {
        take_line(edn, &line);
        if (line.kind != '!' && line.kind != 'g')
            time = line.time;
    }
    for (uint32_t i = 0; i < edn->client_count; i++)
        end_poll(edn, &edn->clients[i], time);
    close_edn(edn);
}

bool edn_write(const char *path, const struct history_source *sources, uint32_t count,
               char *problem, size_t problem_size)
{
    struct merge *merge;
    struct edn edn = {.out = fopen(path, "we")};
    bool ok = edn.out != NULL;
    int error = errno;
    if (!ok) {
        snprintf(problem, problem_size, "%s: %s", path, strerror(error));
        return false;
    }
    ok = merge_open(&merge, sources, count);
    if (ok)
        write_all(&edn, merge);
    else
        snprintf(problem, problem_size, "%s", merge_problem(merge));
    merge_close(merge);
    bool has_failed = ferror(edn.out) != 0;
    if ((fclose(edn.out) != 0 || has_failed) && ok) {
        snprintf(problem, problem_size, "%s: %s", path, strerror(errno));
        ok = false;
    }
    return ok;
}

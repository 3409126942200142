/* fuzz_config.c -- any bytes, as a server.properties and what --set adds to it.
 *
 * A byte of zero ends the file and begins a --set. Whatever it is: what .properties says is
 * the same after it was written out and read again; each key has its place in the table
 * and its remark; a setting that comes later wins; no secret is shown; memory stays in
 * proportion; and a configuration that is let through keeps every limit. */
#include <string.h>

#include "config_parts.h"

enum {
    MEMORY_SPARE = 1024 * 1024,
    MEMORY_FACTOR = 256,
    SECRET_SIZE_MIN = 12,
    SIZE_MAX_HERE = 4096
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- Properties. */

static uint32_t escape(struct str text, char *out)
{
    static const char plain[] = "\t\n\r\f", letters[] = "tnrf";
    uint32_t size = 0;
    for (uint32_t i = 0; i < text.size; i++) {
        const char *special = memchr(plain, text.data[i], sizeof plain - 1);
        out[size++] = '\\';
        if (special)
            out[size++] = letters[special - plain];
        else if (text.data[i] == 't' || text.data[i] == 'n' || text.data[i] == 'r' ||
                 text.data[i] == 'f' || text.data[i] == 'u')
            out[size - 1] = text.data[i]; /* A letter that an escape would turn. */
        else
            out[size++] = text.data[i];
    }
    return size;
}

static void check_same_again(const struct property *property, struct arena *arena)
{
    char *line = arena_alloc(arena, 2 * ((size_t)property->key.size + property->value.size) + 2);
    struct property again;
    uint32_t size = escape(property->key, line);
    line[size++] = '=';
    size += escape(property->value, line + size);
    struct str rest = {.data = line, .size = size};

    check(next_property(&rest, arena, &again));
    check(str_equal(again.key, property->key));
    check(str_equal(again.value, property->value));
    check(!next_property(&rest, arena, &again));
}

/* ---- Keys and remarks. */

static const struct config_remark *find_remark(const struct config_remark *remark,
                                               struct str begins)
{
    while (remark && (strlen(remark->text) < begins.size ||
                      memcmp(remark->text, begins.data, begins.size) != 0))
        remark = remark->next;
    return remark;
}

/* No remark that begins with the key repeats what the key keeps. */
static void check_secret(const struct property *property, const struct config_remark *remark)
{
    if (!key_is_secret(property->key) || property->value.size < SECRET_SIZE_MIN ||
        memmem(property->key.data, property->key.size, property->value.data, property->value.size))
        return;
    for (; (remark = find_remark(remark, property->key)); remark = remark->next)
        check(!memmem(remark->text, strlen(remark->text), property->value.data,
                      property->value.size));
}

static void check_key(const struct property *property, enum err result,
                      const struct config_remark *remarks)
{
    const struct key *key = key_find(property->key);
    const char *near = key ? NULL : key_suggest(property->key);
    bool is_readable =
        property->key.size < KEY_SIZE_MAX && !memchr(property->key.data, 0, property->key.size);

    if (is_readable && !key)
        check(find_remark(remarks, property->key) != NULL);
    if (near)
        check(result == ERR_INVALID_CONFIG);
    if (key && key->kind == KEY_SECURITY && property->value.size > 0)
        check(result == ERR_INVALID_CONFIG);
    check_secret(property, remarks);
}

static void check_remarks(enum err result, const struct config_remark *remark)
{
    bool fatal = false;
    for (; remark; remark = remark->next) {
        check(remark->text[0] != '\0');
        check(!(remark->fatal && remark->note));
        fatal |= remark->fatal;
    }
    check(result == ERR_NONE || result == ERR_INVALID_CONFIG);
    check(fatal == (result == ERR_INVALID_CONFIG));
}

/* ---- What is let through. */

static void check_listeners(const struct config *config)
{
    uint32_t internal = 0;
    check(config->listener_count >= 1);
    check(config->listener_count <= CONFIG_LISTENERS_MAX);
    for (uint32_t i = 0; i < config->listener_count; i++) {
        const struct config_listener *listener = &config->listeners[i];
        check(memchr(listener->name, 0, sizeof listener->name) != NULL);
        check(listener->name[0] != '\0');
        check(memchr(listener->bind.host, 0, sizeof listener->bind.host) != NULL);
        check(listener->advertised.host[0] != '\0');
        for (uint32_t j = 0; j < i; j++)
            check(strcmp(config->listeners[j].name, listener->name) != 0);
        internal += listener->internal;
    }
    check(internal == 1);
}

static void check_voters(const struct config *config)
{
    check(config->voter_count >= 1);
    check(config->voter_count <= CONFIG_VOTERS_MAX);
    for (uint32_t i = 0; i < config->voter_count; i++) {
        check(config->voters[i].id >= 0);
        check(i == 0 || config->voters[i].id > config->voters[i - 1].id);
        check(config->voters[i].address.host[0] != '\0');
    }
}

static void check_config(const struct config *config)
{
    check(config->node_id >= 0);
    check(config->log_dir[0] != '\0');
    check(memchr(config->log_dir, 0, sizeof config->log_dir) != NULL);
    check(config->heartbeat_interval_ms > 0);
    check(config->heartbeat_interval_ms < config->session_timeout_ms);
    check(config->message_size_max <= config->request_size_max);
    check(config->inflight_size_max >= 0);
    check(config->connections_max > 0);
    check(config->partitions_default > 0);
    check(config->segment_size > 0);
    check(config->flush_messages > 0);
    check(config->trace_level >= TRACE_DEBUG);
    check(config->trace_level <= TRACE_ERROR);
    check_listeners(config);
    check_voters(config);
}

/* ---- One input. */

static enum err read_all(struct config *config, struct str text, struct arena *arena,
                         struct config_remark **remarks)
{
    enum err result = ERR_NONE;
    config_init(config);
    while (true) {
        const char *end = text.size ? memchr(text.data, 0, text.size) : NULL;
        uint32_t size = end ? (uint32_t)(end - text.data) : text.size;
        struct str part = {.data = text.data, .size = size};
        if (config_read(config, part, arena, remarks) != ERR_NONE)
            result = ERR_INVALID_CONFIG;
        if (!end)
            break;
        text.data += size + 1;
        text.size -= size + 1;
    }
    return result;
}

static void check_properties(struct str text, enum err result, const struct config_remark *remarks)
{
    struct arena arena = {0};
    struct property property;
    const char *end = text.size ? memchr(text.data, 0, text.size) : NULL;
    struct str rest = {.data = text.data, .size = end ? (uint32_t)(end - text.data) : text.size};
    while (next_property(&rest, &arena, &property)) {
        check_same_again(&property, &arena);
        check_key(&property, result, remarks);
    }
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct config_remark *remarks = NULL;
    struct config config;
    if (size > SIZE_MAX_HERE)
        return 0;
    struct str text = {.data = (const char *)data, .size = (uint32_t)size};

    enum err result = read_all(&config, text, &arena, &remarks);
    check_properties(text, result, remarks);
    check(config_read(&config, STR("node.id=7"), &arena, &remarks) == ERR_NONE);
    check(config.node_id == 7); /* What comes later wins. */
    if (config_finish(&config, &arena, &remarks) != ERR_NONE)
        result = ERR_INVALID_CONFIG;
    check_remarks(result, remarks);
    if (result == ERR_NONE)
        check_config(&config);
    check(arena.total <= MEMORY_SPARE + (size_t)MEMORY_FACTOR * size);
    arena_free(&arena);
    return 0;
}

/* fuzz_subscription.c -- any bytes as what a consumer says that it reads.
 *
 * The first byte chooses: what a consumer of the classic protocol says in its own bytes, what its
 * leader assigns, or a regular expression. Names that are read lie within the bytes, memory stays
 * in proportion to them, an assignment that was read is written and read again as the same, and
 * an expression gives some of the topics, in their order, the same again, or is refused. That it
 * comes back soon is libFuzzer's -timeout. */
#include "embedded.h"
#include "regex.h"

enum {
    MEMORY_FACTOR = 32, /* Bytes of memory for one that was said, at most, */
    MEMORY_LEAST = 4096,
    TOPICS = 64,
    NAME_SIZE = 249,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct bytes bytes, struct str name)
{
    check(name.data != NULL);
    check((const uint8_t *)name.data >= bytes.data);
    check((const uint8_t *)name.data + name.size <= bytes.data + bytes.size);
}

static void check_topics(struct bytes bytes, uint32_t count,
                         const struct group_topic_partitions *topics)
{
    for (uint32_t i = 0; i < count; i++) {
        check_within(bytes, topics[i].topic);
        check(topics[i].partition_count <= bytes.size / sizeof(int32_t));
    }
}

static void check_memory(const struct arena *arena, struct bytes bytes)
{
    check(arena->total <= MEMORY_LEAST + MEMORY_FACTOR * (size_t)bytes.size);
}

static void read_subscription(struct bytes bytes)
{
    struct arena arena = {0};
    struct embedded_subscription said;
    if (embedded_read_subscription(bytes, &arena, &said)) {
        check(said.version >= 0);
        for (uint32_t i = 0; i < said.topic_count; i++)
            check_within(bytes, said.topics[i]);
        check_topics(bytes, said.owned_count, said.owned);
        if (said.rack_id.data != NULL)
            check_within(bytes, said.rack_id);
    }
    check_memory(&arena, bytes);
    arena_free(&arena);
}

static void check_again(const struct embedded_assignment *read)
{
    struct arena arena = {0};
    struct embedded_assignment again;
    struct bytes written = embedded_write_assignment(&arena, 0, read->topic_count, read->topics);
    check(embedded_read_assignment(written, &arena, &again));
    check(again.topic_count == read->topic_count);
    for (uint32_t i = 0; i < again.topic_count; i++) {
        const struct group_topic_partitions *one = &read->topics[i], *other = &again.topics[i];
        check(str_equal(one->topic, other->topic));
        check(one->partition_count == other->partition_count);
        for (uint32_t j = 0; j < one->partition_count; j++)
            check(one->partitions[j] == other->partitions[j]);
    }
    arena_free(&arena);
}

static void read_assignment(struct bytes bytes)
{
    struct arena arena = {0};
    struct embedded_assignment read;
    if (embedded_read_assignment(bytes, &arena, &read)) {
        check_topics(bytes, read.topic_count, read.topics);
        check_again(&read);
    }
    check_memory(&arena, bytes);
    arena_free(&arena);
}

/* ---- Expressions. */

struct names {
    char names[TOPICS][NAME_SIZE];
    uint32_t sizes[TOPICS];
};

static struct group_topic topic_at(const struct names *names, int at)
{
    return (struct group_topic){.name = {.data = names->names[at], .size = names->sizes[at]},
                                .partition_count = 1};
}

static bool next(const void *context, struct str after, struct group_topic *out)
{
    const struct names *names = context;
    int at = 0;
    while (at < TOPICS && after.data != NULL && topic_at(names, at).name.data != after.data)
        at++;
    at += after.data != NULL;
    if (at >= TOPICS)
        return false;
    *out = topic_at(names, at);
    return true;
}

/* Names as long as they may be, of letters that the expression is likely to name. */
static void make_names(struct names *names, struct str pattern)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    for (uint32_t i = 0; i < TOPICS; i++) {
        names->sizes[i] = 1 + i * 31 % NAME_SIZE;
        for (uint32_t j = 0; j < names->sizes[i]; j++) {
            uint8_t said = pattern.size == 0 || i % 2 == 0
                               ? 'a'
                               : (uint8_t)pattern.data[(i + j) % pattern.size];
            bool is_letter = said != 0 && strchr(letters, said) != NULL;
            names->names[i][j] = is_letter ? (char)said : letters[said % (sizeof letters - 1)];
        }
    }
}

static void check_order(const struct names *names, uint32_t count, const struct str *found)
{
    int at = 0;
    for (uint32_t i = 0; i < count; i++, at++) {
        while (at < TOPICS && topic_at(names, at).name.data != found[i].data)
            at++;
        check(at < TOPICS);
    }
}

static void resolve(struct str pattern)
{
    struct names *names = mem_zalloc(sizeof *names);
    struct group_topics topics = {.context = names, .next = next};
    struct arena arena = {0};
    struct str *found = NULL, *again = NULL;
    uint32_t count = 0, again_count = 0;
    make_names(names, pattern);
    enum err err = regex_resolve(pattern, &topics, &arena, &count, &found);
    check(err == ERR_NONE || err == ERR_INVALID_REGULAR_EXPRESSION);
    check(regex_resolve(pattern, &topics, &arena, &again_count, &again) == err);
    check(count == again_count);
    check_order(names, count, found);
    check(err == ERR_NONE || count == 0);
    arena_free(&arena);
    mem_free(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct bytes rest = {.data = data + 1, .size = (uint32_t)size - 1};
    if (data[0] % 3 == 0)
        read_subscription(rest);
    else if (data[0] % 3 == 1)
        read_assignment(rest);
    else
        resolve((struct str){.data = (const char *)rest.data, .size = rest.size});
    return 0;
}

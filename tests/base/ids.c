/* ids.c -- uuids as Kafka prints them, and partitions by identity. */
#include "base/base.h"

#include <criterion/criterion.h>

static const struct uuid sample = {
    .bytes = {0xfb, 0xef, 0xbe, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0xff}};

Test(uuid, prints_as_url_safe_base64_without_padding)
{
    char text[UUID_TEXT_SIZE];

    uuid_format(sample, text);

    cr_assert_str_eq(text, "----AAECAwQFBgcICQoL_w");
}

Test(uuid, reads_back_what_it_printed)
{
    char text[UUID_TEXT_SIZE];
    struct uuid back;
    uuid_format(sample, text);

    cr_assert(uuid_parse(str_from(text), &back));

    cr_assert(uuid_equal(back, sample));
}

Test(uuid, refuses_what_is_no_uuid)
{
    struct uuid out = sample;

    cr_assert_not(uuid_parse(STR("----AAECAwQFBgcICQoL_"), &out));
    cr_assert_not(uuid_parse(STR("----AAECAwQFBgcICQoL_w="), &out));
    cr_assert_not(uuid_parse(STR("----AAECAwQFBgcICQoL+w"), &out));
    cr_assert_not(uuid_parse(STR("----AAECAwQFBgcICQoL_x"), &out)); /* Bits beyond the 128. */
    cr_assert_not(uuid_parse(str_from(NULL), &out));
    cr_assert(uuid_equal(out, sample));
}

Test(uuid, orders_by_its_bytes)
{
    struct uuid zero = {{0}};

    cr_assert(uuid_is_zero(zero));
    cr_assert_not(uuid_is_zero(sample));
    cr_assert_lt(uuid_compare(zero, sample), 0);
}

Test(partition_key, tells_topics_and_indexes_apart)
{
    struct partition_key a = {.topic_id = sample, .index = 1}, b = {.topic_id = sample, .index = 2};
    struct partition_key c = {.index = 1};

    cr_assert(partition_key_equal(a, a));
    cr_assert_not(partition_key_equal(a, b));
    cr_assert_not(partition_key_equal(a, c));
    cr_assert_lt(partition_key_compare(a, b), 0);
    cr_assert_lt(partition_key_compare(c, a), 0);
}

Test(partition_key, spreads_a_topics_partitions_over_all_shards)
{
    uint32_t counts[4] = {0};

    for (partition_id index = 0; index < 400; index++)
        counts[partition_shard((struct partition_key){.topic_id = sample, .index = index}, 4)]++;

    cr_assert_gt(counts[0], 60);
    cr_assert_gt(counts[1], 60);
    cr_assert_gt(counts[2], 60);
    cr_assert_gt(counts[3], 60);
}

Test(partition_key, has_a_shard_that_no_release_may_move)
{
    struct partition_key key = {.topic_id = sample, .index = 7};

    cr_assert_eq(partition_shard(key, 1), 0);
    cr_assert_eq(partition_shard(key, 4), partition_shard(key, 4));
    cr_assert_eq(partition_shard(key, 1024), 565);
}

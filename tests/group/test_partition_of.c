/* test_partition_of.c -- the partition of a group; expected values are those of Java's
 * String.hashCode(). */
#include <criterion/criterion.h>

#include "group.h"

Test(partition_of, rule_90_is_the_absolute_java_hash_of_the_id)
{
    cr_assert_eq(group_partition_of(STR(""), 50), 0);
    cr_assert_eq(group_partition_of(STR("a"), 50), 47);
    cr_assert_eq(group_partition_of(STR("my-group"), 50), 12);
    cr_assert_eq(group_partition_of(STR("my-group"), 7), 1);
    cr_assert_eq(group_partition_of(STR("console-consumer-12345"), 50), 6);
    cr_assert_eq(group_partition_of(STR("connect-cluster"), 50), 13);
}

Test(partition_of, the_absolute_value_of_the_least_number_is_0)
{
    cr_assert_eq(group_partition_of(STR("polygenelubricants"), 50), 0);
    cr_assert_eq(group_partition_of(STR("GydZG_"), 50), 0);
}

Test(partition_of, hashes_utf_16)
{
    cr_assert_eq(group_partition_of(STR("group\xc3\xa9"), 50), 6);
    cr_assert_eq(group_partition_of(STR("\xe6\xb6\x88\xe8\xb4\xb9\xe8\x80\x85\xe7\xbb\x84"), 50),
                 38);
    cr_assert_eq(group_partition_of(STR("\xf0\x9f\x98\x80-group"), 50), 43);
}

/* spare.c -- src/base/spare.c. */
#include "base/spare.h"

#include <criterion/criterion.h>

Test(spare, gives_cleared_blocks_whoever_had_them)
{
    struct spare spare;
    spare_init(&spare, 64, 2);
    for (int round = 0; round < 3; round++) {
        unsigned char *block = spare_take(&spare);
        for (int i = 0; i < 64; i++) {
            cr_assert_eq(block[i], 0);
            block[i] = 0xff;
        }
        spare_give(&spare, block);
    }
    spare_free(&spare);
}

Test(spare, keeps_no_more_than_it_may)
{
    struct spare spare;
    void *blocks[5];
    spare_init(&spare, 64, 2);
    for (int i = 0; i < 5; i++)
        blocks[i] = spare_take(&spare);
    for (int i = 0; i < 5; i++)
        spare_give(&spare, blocks[i]);

    cr_assert_leq(spare.count, 2);
    spare_free(&spare);
    cr_assert_eq(spare.count, 0);
}

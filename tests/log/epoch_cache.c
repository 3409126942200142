/* epoch_cache.c -- leader epochs, KIP-101 and KIP-279. */
#include <criterion/criterion.h>

#include "epoch_cache.h"

static void fill(struct epoch_cache *cache)
{
    epoch_cache_assign(cache, 2, 0);
    epoch_cache_assign(cache, 4, 10);
    epoch_cache_assign(cache, 7, 30);
}

Test(epoch_cache, kip_279_answers_with_the_greatest_epoch_not_above)
{
    struct epoch_cache cache = {0};
    fill(&cache);

    cr_assert_eq(epoch_cache_end(&cache, 7, 50).end, 50);
    cr_assert_eq(epoch_cache_end(&cache, 4, 50).end, 30);
    cr_assert_eq(epoch_cache_end(&cache, 5, 50).epoch, 4);
    cr_assert_eq(epoch_cache_end(&cache, 5, 50).end, 30);
    cr_assert_eq(epoch_cache_end(&cache, 1, 50).epoch, 1);
    cr_assert_eq(epoch_cache_end(&cache, 1, 50).end, 0);
    cr_assert_eq(epoch_cache_end(&cache, 8, 50).end, -1);
    epoch_cache_free(&cache);
}

Test(epoch_cache, an_epoch_without_records_gives_way_to_the_next)
{
    struct epoch_cache cache = {0};
    fill(&cache);

    cr_assert(epoch_cache_assign(&cache, 9, 30));
    cr_assert_not(epoch_cache_assign(&cache, 9, 40));

    cr_assert_eq(cache.count, 3);
    cr_assert_eq(epoch_cache_find(&cache, 30), 9);
    cr_assert_eq(epoch_cache_find(&cache, 29), 4);
    epoch_cache_free(&cache);
}

Test(epoch_cache, truncation_drops_epochs_that_start_past_it)
{
    struct epoch_cache cache = {0};
    fill(&cache);

    cr_assert(epoch_cache_truncate(&cache, 30));
    cr_assert_eq(epoch_cache_last(&cache), 4);
    cr_assert_not(epoch_cache_truncate(&cache, 11));
    epoch_cache_free(&cache);
}

Test(epoch_cache, reads_the_text_that_it_wrote_and_nothing_torn)
{
    struct epoch_cache cache = {0}, copy = {0};
    fill(&cache);
    struct buf *text = epoch_cache_write(&cache);

    cr_assert_eq(epoch_cache_read(&copy, (struct bytes){text->data, text->size}), ERR_NONE);
    cr_assert_eq(copy.count, 3);
    cr_assert_eq(copy.entries[2].start, 30);
    for (uint32_t size = 0; size < text->size; size++)
        cr_assert_eq(epoch_cache_read(&copy, (struct bytes){text->data, size}), ERR_CORRUPT);
    cr_assert_eq(copy.count, 0);
    buf_unref(text);
    epoch_cache_free(&cache);
    epoch_cache_free(&copy);
}

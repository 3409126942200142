/* test_epochs.c -- src/raft/epochs.c */
#include "fixture.h"

static struct epochs make(void)
{
    struct epochs epochs = {0};

    epochs_add(&epochs, 1, 0);
    epochs_add(&epochs, 4, 10);
    epochs_add(&epochs, 6, 20);
    return epochs;
}

Test(epochs, finds_an_epoch_and_where_it_ends)
{
    struct epochs epochs = make();
    log_offset end;

    log_epoch found = epochs_find(&epochs, 4, 0, 25, &end);

    cr_assert_eq(found, 4);
    cr_assert_eq(end, 20);
    mem_free(epochs.items);
}

Test(epochs, finds_the_largest_epoch_below_one_that_it_never_had)
{
    struct epochs epochs = make();
    log_offset end;

    log_epoch found = epochs_find(&epochs, 5, 0, 25, &end);

    cr_assert_eq(found, 4);
    cr_assert_eq(end, 20);
    mem_free(epochs.items);
}

Test(epochs, ends_its_last_epoch_at_the_end_of_the_log)
{
    struct epochs epochs = make();
    log_offset end;

    log_epoch found = epochs_find(&epochs, 9, 0, 25, &end);

    cr_assert_eq(found, 6);
    cr_assert_eq(end, 25);
    mem_free(epochs.items);
}

Test(epochs, finds_nothing_below_its_first_epoch)
{
    struct epochs epochs = make();
    log_offset end;

    log_epoch found = epochs_find(&epochs, 0, 0, 25, &end);

    cr_assert_eq(found, -1);
    cr_assert_eq(end, 0);
    mem_free(epochs.items);
}

Test(epochs, forgets_epochs_that_begin_at_or_past_a_cut)
{
    struct epochs epochs = make();

    epochs_cut(&epochs, 10);

    cr_assert_eq(epochs.count, 1);
    cr_assert_eq(epochs_last(&epochs), 1);
    mem_free(epochs.items);
}

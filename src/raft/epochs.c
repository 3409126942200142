/* epochs.c -- where each leader epoch of our log begins.
 *
 * Enough to say whether a replica's (offset, last epoch) lies on our history, and
 * if not, up to where it does. Ascending in epoch and in start, without empties.
 *
 * Source  KIP-101, KIP-320, KIP-595 (diverging epoch in Fetch). */
#include "raft_state.h"

void epochs_add(struct epochs *epochs, log_epoch epoch, log_offset start)
{
    check(epoch >= 0);
    check(epochs->count == 0 || epochs->items[epochs->count - 1].epoch < epoch);
    check(epochs->count == 0 || epochs->items[epochs->count - 1].start < start);

    mem_grow(epochs->items, epochs->count, &epochs->capacity);
    epochs->items[epochs->count++] = (struct raft_epoch_start){.epoch = epoch, .start = start};
}

void epochs_cut(struct epochs *epochs, log_offset end)
{
    while (epochs->count > 0 && epochs->items[epochs->count - 1].start >= end)
        epochs->count--;
}

log_epoch epochs_last(const struct epochs *epochs)
{
    return epochs->count > 0 ? epochs->items[epochs->count - 1].epoch : -1;
}

log_epoch epochs_find(const struct epochs *epochs, log_epoch epoch, log_offset start,
                      log_offset end, log_offset *epoch_end)
{
    uint32_t above = epochs->count; /* Index of the first epoch above `epoch`. */

    while (above > 0 && epochs->items[above - 1].epoch > epoch)
        above--;
    if (above == 0) {
        *epoch_end = start;
        return -1;
    }
    *epoch_end = above == epochs->count ? end : epochs->items[above].start;
    return epochs->items[above - 1].epoch;
}

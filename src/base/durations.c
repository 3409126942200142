/* durations.c -- counts of durations in fixed classes, from fifty microseconds to ten seconds. */
#include "base/durations.h"

const int64_t durations_bounds_us[DURATIONS_BOUNDS] = {
    50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 500000, 1000000, 10000000};

void durations_add(struct durations *durations, int64_t took_us)
{
    uint32_t place = 0;
    if (took_us < 0)
        took_us = 0;
    while (place < DURATIONS_BOUNDS && took_us > durations_bounds_us[place])
        place++;
    durations->counts[place]++;
    durations->sum_us += (uint64_t)took_us;
}

void durations_merge(struct durations *into, const struct durations *other)
{
    for (uint32_t i = 0; i <= DURATIONS_BOUNDS; i++)
        into->counts[i] += other->counts[i];
    into->sum_us += other->sum_us;
}

uint64_t durations_count(const struct durations *durations)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i <= DURATIONS_BOUNDS; i++)
        count += durations->counts[i];
    return count;
}

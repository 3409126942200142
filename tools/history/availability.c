/* availability.c -- acknowledgements in the order of time, made into gaps, latency, a timeline. */
#include "availability.h"

enum { BUCKET_NS = 10000000 };

void availability_init(struct availability *availability, const struct marks *marks,
                       uint32_t partitions, int64_t from, int64_t to)
{
    *availability = (struct availability){
        .marks = marks, .partitions = partitions, .from = -1, .bucket_ns = BUCKET_NS};
    availability->buckets =
        mem_zalloc((size_t)partitions * AVAILABILITY_BUCKETS * sizeof *availability->buckets);
    if (to <= from)
        return;
    availability->is_window = true;
    availability->from = from;
    availability->bucket_ns = (to - from + AVAILABILITY_BUCKETS - 1) / AVAILABILITY_BUCKETS;
    availability->bucket_count =
        (uint32_t)((to - from + availability->bucket_ns - 1) / availability->bucket_ns);
}

static struct gap_series *series_of(const struct availability *availability, uint32_t profile,
                                    uint32_t partition)
{
    return &availability->series[(size_t)profile * (availability->partitions + 1) + partition];
}

static struct histogram **latency_of(const struct availability *availability, uint32_t profile,
                                     uint32_t mark)
{
    return &availability->latency[(size_t)profile * (availability->marks->count + 1) + mark];
}

const struct gap_series *availability_series(const struct availability *availability,
                                             uint32_t profile, uint32_t partition)
{
    return series_of(availability, profile, partition);
}

const struct histogram *availability_latency(const struct availability *availability,
                                             uint32_t profile, uint32_t mark)
{
    return *latency_of(availability, profile, mark);
}

void availability_free(struct availability *availability)
{
    for (uint32_t i = 0; i < availability->profile_count; i++) {
        for (uint32_t p = 0; p <= availability->partitions; p++)
            mem_free(series_of(availability, i, p)->gaps);
        for (uint32_t m = 0; m <= availability->marks->count; m++)
            mem_free(*latency_of(availability, i, m));
        mem_free(availability->profiles[i]);
    }
    mem_free(availability->series);
    mem_free(availability->latency);
    mem_free(availability->stalls);
    mem_free(availability->buckets);
}

/* ---- Profiles. */

static void *grow_zeroed(void *memory, size_t old_size, size_t size)
{
    uint8_t *grown = mem_realloc(memory, size);
    memset(grown + old_size, 0, size - old_size);
    return grown;
}

uint32_t availability_profile(struct availability *availability, struct str name)
{
    uint32_t count = availability->profile_count;
    for (uint32_t i = 0; i < count; i++)
        if (str_equal(str_from(availability->profiles[i]), name))
            return i;
    if (count == AVAILABILITY_PROFILES_MAX)
        return count;
    size_t series = (availability->partitions + 1) * sizeof *availability->series;
    size_t latency = (availability->marks->count + 1) * sizeof(struct histogram *);
    availability->series = grow_zeroed(availability->series, count * series, (count + 1) * series);
    availability->latency =
        grow_zeroed(availability->latency, count * latency, (count + 1) * latency);
    availability->profiles[count] = history_copy(name);
    return availability->profile_count++;
}

/* ---- Gaps. */

static void keep_gap(const struct marks *marks, struct gap_series *series, uint32_t mark,
                     int64_t from, int64_t to)
{
    if (!series->gaps)
        series->gaps = mem_zalloc(marks->count * sizeof *series->gaps);
    if (to - from > series->gaps[mark].ns)
        series->gaps[mark] = (struct gap){.ns = to - from, .from = from};
}

/* Nothing was acknowledged in between. A fault cuts off what was under way, so the gap that it
 * makes begins before it does: all of it is the first one's that begins within. One before it
 * has only what was over when that began, and one after it what lies in its own time. */
static void take_gap(const struct availability *availability, struct gap_series *series,
                     int64_t from, int64_t to)
{
    const struct marks *marks = availability->marks;
    while (series->mark < marks->count && marks->all[series->mark].stop <= from)
        series->mark++;
    uint32_t first = series->mark;
    while (first < marks->count && marks->all[first].begin < from)
        first++;
    bool begins_within = first < marks->count && marks->all[first].begin < to;
    for (uint32_t i = series->mark; i < marks->count && marks->all[i].begin < to; i++) {
        const struct mark *mark = &marks->all[i];
        if (mark->stop <= from)
            continue;
        bool is_whole = i == first || !begins_within;
        int64_t begin = is_whole || mark->begin < from ? from : mark->begin;
        int64_t end = is_whole || mark->stop > to ? to : mark->stop;
        keep_gap(marks, series, i, begin, end);
    }
}

void availability_begin(struct availability *availability, uint32_t profile, uint32_t partition,
                        int64_t time)
{
    struct gap_series *series = series_of(availability, profile, partition);
    if (!series->is_used)
        series->last_acked = time;
    series->is_used = true;
    series->last_tried = time;
}

void availability_tried(struct availability *availability, uint32_t profile, uint32_t partition,
                        int64_t begun, int64_t time)
{
    struct gap_series *series = series_of(availability, profile, partition);
    if (begun >= series->last_acked && time > series->last_tried)
        series->last_tried = time;
}

void availability_finish(struct availability *availability)
{
    for (uint32_t i = 0; i < availability->profile_count; i++)
        for (uint32_t p = 0; p <= availability->partitions; p++) {
            struct gap_series *series = series_of(availability, i, p);
            if (series->is_used && series->last_tried > series->last_acked)
                take_gap(availability, series, series->last_acked, series->last_tried);
        }
}

/* ---- The timeline. */

/* Twice as much time in each bucket. */
static void widen(struct availability *availability)
{
    for (uint32_t p = 0; p < availability->partitions; p++) {
        uint32_t *buckets = availability->buckets + (size_t)p * AVAILABILITY_BUCKETS;
        for (uint32_t i = 0; i < AVAILABILITY_BUCKETS / 2; i++)
            buckets[i] = buckets[2 * i] + buckets[2 * i + 1];
        memset(buckets + AVAILABILITY_BUCKETS / 2, 0, AVAILABILITY_BUCKETS / 2 * sizeof *buckets);
    }
    availability->bucket_ns *= 2;
    availability->bucket_count = (availability->bucket_count + 1) / 2;
}

static void count_in_time(struct availability *availability, uint32_t partition, int64_t time)
{
    if (availability->from < 0)
        availability->from = time;
    int64_t since = time - availability->from;
    if (availability->is_window &&
        (since < 0 || since / availability->bucket_ns >= availability->bucket_count))
        return;
    while (since / availability->bucket_ns >= AVAILABILITY_BUCKETS)
        widen(availability);
    uint32_t bucket = (uint32_t)(since / availability->bucket_ns);
    if (bucket >= availability->bucket_count)
        availability->bucket_count = bucket + 1;
    availability->buckets[(size_t)partition * AVAILABILITY_BUCKETS + bucket]++;
}

/* ---- Acknowledgements. */

/* The last fault that a write began in; the count of them: none. */
static uint32_t mark_of(const struct marks *marks, int64_t begun)
{
    uint32_t low = 0;
    uint32_t high = marks->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (marks->all[middle].begin <= begun)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && marks->all[low - 1].stop > begun ? low - 1 : marks->count;
}

void availability_acked(struct availability *availability, uint32_t profile, uint32_t partition,
                        int64_t begun, int64_t time)
{
    struct gap_series *series = series_of(availability, profile, partition);
    uint32_t mark = mark_of(availability->marks, begun);
    struct histogram **latency = latency_of(availability, profile, mark);
    if (time > series->last_acked) {
        take_gap(availability, series, series->last_acked, time);
        series->last_acked = time;
    }
    if (!*latency)
        *latency = mem_zalloc(sizeof **latency);
    histogram_add(*latency, (uint64_t)(time - begun));
    if (partition < availability->partitions)
        count_in_time(availability, partition, time);
}

/* ---- The host. */

void availability_stall(struct availability *availability, int64_t from, int64_t to)
{
    mem_grow(availability->stalls, availability->stall_count, &availability->stall_capacity);
    availability->stalls[availability->stall_count++] = (struct stall){from, to};
}

bool availability_is_of_host(const struct availability *availability, const struct gap *gap)
{
    int64_t to = gap->from + gap->ns;
    for (uint32_t i = 0; i < availability->stall_count; i++) {
        const struct stall *stall = &availability->stalls[i];
        int64_t from = stall->from > gap->from ? stall->from : gap->from;
        int64_t end = stall->to < to ? stall->to : to;
        if (end > from && end - from >= gap->ns / 2)
            return true;
    }
    return false;
}

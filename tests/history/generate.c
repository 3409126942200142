/* generate.c -- history-generate: a valid history of as many writes as one likes, for measuring.
 *
 *   history-generate DIR WRITES [PARTITIONS [WRITERS]]
 *
 * Writes writers.txt, live.txt and final.txt to DIR. Of a thousand writes one has an unknown
 * outcome, and every second of those is in the log. Every record is read twice. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"

enum { OPEN_MAX = 500, LAG = 2000, UNKNOWN_OF = 1000, STEP_NS = 1000, PARTITIONS_MAX = 1000 };

struct value {
    unsigned writer, partition;
    long long number, offset; /* -1: not in the log. */
    bool is_unknown;
};

static struct value value_of(long long i, unsigned partitions, unsigned writers,
                             long long *next_offset)
{
    struct value value = {.writer = (unsigned)(i % writers),
                          .partition = (unsigned)(i / writers % partitions),
                          .number = i / writers,
                          .is_unknown = i % UNKNOWN_OF == UNKNOWN_OF - 1};
    bool is_in_log = !value.is_unknown || i / UNKNOWN_OF % 2;
    value.offset = is_in_log ? next_offset[value.partition]++ : -1;
    return value;
}

static FILE *open_file(const char *dir, const char *name, unsigned partitions)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *out = fopen(path, "we");
    if (!out)
        exit(say_error(EXIT_FAILED, "%s cannot be written", path));
    fprintf(out, "# skiff-history 1 run=c0ffee topic=orders partitions=%u\n", partitions);
    return out;
}

static void write_reads(FILE *out, unsigned client, long long writes, unsigned partitions,
                        unsigned writers, long long start)
{
    static long long next_offset[PARTITIONS_MAX];
    memset(next_offset, 0, sizeof next_offset);
    for (unsigned p = 0; p < partitions; p++)
        fprintf(out, "s %u %u 0 %lld\n", client, p, start);
    for (long long i = 0; i < writes; i++) {
        struct value value = value_of(i, partitions, writers, next_offset);
        long long time = start + (i + 1) * STEP_NS;
        if (value.offset >= 0)
            fprintf(out, "r %u %u %lld %u %lld %lld\n", client, value.partition, value.offset,
                    value.writer, value.number, time);
    }
    for (unsigned p = 0; client == 9001 && p < partitions; p++)
        fprintf(out, "z %u %u %lld %lld\n", client, p, next_offset[p],
                start + (writes + 1) * STEP_NS);
    fprintf(out, ". %lld\n", start + (writes + 2) * STEP_NS);
}

static void write_writes(FILE *out, long long writes, unsigned partitions, unsigned writers)
{
    static long long next_offset[PARTITIONS_MAX];
    struct value open[OPEN_MAX];
    for (long long i = 0; i < writes + OPEN_MAX; i++) {
        long long time = (i + 1) * STEP_NS;
        struct value *value = &open[i % OPEN_MAX];
        if (i >= OPEN_MAX && value->is_unknown)
            fprintf(out, "e %u %lld _MSG_TIMED_OUT %lld\n", value->writer, value->number, time);
        else if (i >= OPEN_MAX)
            fprintf(out, "a %u %lld %lld %lld\n", value->writer, value->number, value->offset,
                    time);
        if (i >= writes) {
            value->is_unknown = false;
            continue;
        }
        *value = value_of(i, partitions, writers, next_offset);
        fprintf(out, "w %u %lld %u %lld\n", value->writer, value->number, value->partition, time);
    }
    fprintf(out, ". %lld\n", (writes + OPEN_MAX + 2) * STEP_NS);
}

int main(int count, char **words)
{
    int64_t writes = 0;
    int64_t partitions = 30;
    int64_t writers = 8;
    if (count < 3 || count > 5 || !parse_int(words[2], OPEN_MAX, INT64_C(1) << 32, &writes) ||
        (count > 3 && !parse_int(words[3], 1, PARTITIONS_MAX, &partitions)) ||
        (count > 4 && !parse_int(words[4], 1, 9000, &writers)))
        return say_error(EXIT_USAGE, "usage: history-generate DIR WRITES [PARTITIONS [WRITERS]]");
    FILE *out = open_file(words[1], "writers.txt", (unsigned)partitions);
    for (int64_t i = 0; i < writers; i++)
        fprintf(out, "c %lld writer tuned generated\n", (long long)i);
    write_writes(out, writes, (unsigned)partitions, (unsigned)writers);
    fclose(out);
    out = open_file(words[1], "live.txt", (unsigned)partitions);
    fprintf(out, "c 9000 reader live generated\n");
    write_reads(out, 9000, writes, (unsigned)partitions, (unsigned)writers, LAG * STEP_NS);
    fclose(out);
    out = open_file(words[1], "final.txt", (unsigned)partitions);
    fprintf(out, "c 9001 reader final generated\n");
    write_reads(out, 9001, writes, (unsigned)partitions, (unsigned)writers,
                (writes + 3 * LAG) * STEP_NS);
    fclose(out);
    return EXIT_DONE;
}

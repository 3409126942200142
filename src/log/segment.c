/* segment.c -- a segment's files, and finding a batch in it. */
#include "segment.h"

#include <stdio.h>

void segment_path(const char *dir, log_offset base, const char *kind, char out[ENV_PATH_MAX])
{
    int size = snprintf(out, ENV_PATH_MAX, "%s/%020lld%s", dir, (long long)base, kind);
    check(size > 0 && size < ENV_PATH_MAX);
}

void segment_file_path(const struct segment *segment, const char *dir, const char *kind,
                       char out[ENV_PATH_MAX])
{
    segment_path(dir, segment->base, kind, out);
    if (!segment->suffix)
        return;
    size_t size = strlen(out), more = strlen(segment->suffix);
    check(size + more < ENV_PATH_MAX);
    memcpy(out + size, segment->suffix, more + 1);
}

struct segment *segment_new(log_offset base)
{
    struct segment *segment = mem_zalloc(sizeof *segment);

    segment->base = base;
    segment->file = -1;
    segment->max_timestamp = -1;
    segment->max_timestamp_offset = -1;
    segment->first_timestamp = segment->roll_ms = -1;
    segment->seen_at = segment->retired_at = -1;
    segment->index_files[0] = segment->index_files[1] = -1;
    return segment;
}

void segment_free(struct env *env, struct segment *segment)
{
    if (segment->file >= 0)
        env_close(env, segment->file);
    for (int i = 0; i < 2; i++)
        if (segment->index_files[i] >= 0)
            env_close(env, segment->index_files[i]);
    mem_free(segment->index);
    mem_free(segment);
}

void segment_unlink(struct env *env, const char *dir, const struct segment *segment)
{
    static const char *const kinds[] = {".index", ".timeindex", ".log"};
    char path[ENV_PATH_MAX];

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        segment_file_path(segment, dir, kinds[i], path);
        /* Absent is as good; a leftover is refused at the next start. */
        (void)env_unlink(env, path);
    }
}

/* Scan from a hint; a hint that leads nowhere is dropped for the start of the segment. */
enum err segment_locate(const struct segment *segment, struct env *env, const char *dir,
                        log_offset target, struct placed_batch *out)
{
    struct scan scan;
    uint64_t hint = index_seek_offset(segment, env, dir, target);

    scan_start(&scan, env, segment, hint, segment->written);
    enum err err = scan_next(&scan, out);
    if (hint > 0 && (err == ERR_CORRUPT || (err == ERR_NONE && out->info.base > target))) {
        scan_start(&scan, env, segment, 0, segment->written);
        err = scan_next(&scan, out);
    }
    while (err == ERR_NONE && batch_last(&out->info) < target)
        err = scan_next(&scan, out);
    return err;
}

enum err segment_end_before(const struct segment *segment, struct env *env, const char *dir,
                            uint64_t position, log_offset *out)
{
    struct placed_batch batch;
    struct scan scan;
    log_offset end = segment->base;

    *out = end;
    if (position == 0)
        return ERR_NONE;
    scan_start(&scan, env, segment, index_seek_position(segment, env, dir, position - 1),
               segment->written > position ? segment->written : position);
    while (scan.position < position) {
        enum err err = scan_next(&scan, &batch);
        if (err != ERR_NONE)
            return err;
        end = batch_end(&batch.info);
    }
    *out = end;
    return scan.position == position ? ERR_NONE : ERR_CORRUPT;
}

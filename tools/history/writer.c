/* writer.c -- the lines that one process adds to its history.
 *
 * A line is taken whole into a buffer under a lock, with the time of that moment, and the buffer
 * goes out in whole lines: a process that is killed leaves whole lines and at most one cut. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "history.h"

enum { BUFFER_SIZE = 256 << 10, FOREIGN_BYTES = 32 };

struct history {
    pthread_mutex_t lock;
    int fd;
    int error; /* Of the first write that failed. */
    int64_t flushed_ns;
    uint32_t used;
    char buffer[BUFFER_SIZE];
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void flush(struct history *history)
{
    uint32_t done = 0;
    while (!history->error && done < history->used) {
        ssize_t got = write(history->fd, history->buffer + done, history->used - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            history->error = errno;
        else
            done += (uint32_t)got;
    }
    history->used = 0;
    history->flushed_ns = now_ns();
}

/* A field of text: a newline would end the line, a blank the field. */
static void put_text(char *out, size_t size, const char *text, bool is_word)
{
    size_t at = 0;
    for (; at + 1 < size && text[at]; at++) {
        bool is_control = (unsigned char)text[at] < ' ' || text[at] == 127;
        out[at] = text[at];
        if (is_control || (is_word && text[at] == ' '))
            out[at] = '_';
    }
    if (at == 0 && is_word)
        out[at++] = '-';
    out[at] = 0;
}

/* Add the line "<head> <time> <tail>"; the time is taken under the lock, so that times rise. */
static int64_t add_line(struct history *history, const char *head, bool is_timed, const char *tail)
{
    pthread_mutex_lock(&history->lock);
    int64_t time = now_ns();
    if (BUFFER_SIZE - history->used < HISTORY_LINE_MAX)
        flush(history);
    char *at = history->buffer + history->used;
    int size = is_timed ? snprintf(at, HISTORY_LINE_MAX, "%s %lld%s%s\n", head, (long long)time,
                                   *tail ? " " : "", tail)
                        : snprintf(at, HISTORY_LINE_MAX, "%s%s\n", head, tail);
    check(size > 0);
    check(size < HISTORY_LINE_MAX);
    history->used += (uint32_t)size;
    if (time - history->flushed_ns > HISTORY_FLUSH_MS * INT64_C(1000000))
        flush(history);
    pthread_mutex_unlock(&history->lock);
    return time;
}

static int64_t add(struct history *history, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A line that ends with its time. */
static int64_t add(struct history *history, const char *format, ...)
{
    char head[256];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(head, sizeof head, format, arguments);
    va_end(arguments);
    check(size < (int)sizeof head);
    return add_line(history, head, true, "");
}

int history_open(struct history **out, const char *path, const struct history_head *head)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return errno;
    struct history *history = mem_alloc(sizeof *history);
    pthread_mutex_init(&history->lock, NULL);
    history->fd = fd;
    history->error = 0;
    history->used = 0;
    history->flushed_ns = now_ns();
    char text[HISTORY_RUN_MAX + HISTORY_TOPIC_MAX + 64];
    snprintf(text, sizeof text, "# skiff-history 1 run=%s topic=%s partitions=%u", head->run,
             head->topic, head->partitions);
    add_line(history, text, false, "");
    history_flush(history);
    if (history->error) {
        int error = history->error;
        history_close(history, false);
        return error;
    }
    *out = history;
    return 0;
}

int history_close(struct history *history, bool whole)
{
    if (whole)
        add(history, ".");
    history_flush(history);
    int error = history->error;
    if (close(history->fd) < 0 && !error)
        error = errno;
    pthread_mutex_destroy(&history->lock);
    mem_free(history);
    return error;
}

int history_error(struct history *history)
{
    pthread_mutex_lock(&history->lock);
    int error = history->error;
    pthread_mutex_unlock(&history->lock);
    return error;
}

void history_flush(struct history *history)
{
    pthread_mutex_lock(&history->lock);
    flush(history);
    pthread_mutex_unlock(&history->lock);
}

/* ---- Lines. */

int64_t history_client(struct history *history, uint32_t client, const char *kind,
                       const char *profile, const char *name)
{
    char words[3][128];
    char head[HISTORY_LINE_MAX / 2];
    put_text(words[0], sizeof words[0], kind, true);
    put_text(words[1], sizeof words[1], profile, true);
    put_text(words[2], sizeof words[2], name, false);
    snprintf(head, sizeof head, "c %u %s %s %s", client, words[0], words[1], words[2]);
    return add_line(history, head, false, "");
}

int64_t history_begin(struct history *history, uint32_t client, int64_t value, uint32_t partition)
{
    return add(history, "w %u %lld %u", client, (long long)value, partition);
}

int64_t history_acked(struct history *history, uint32_t client, int64_t value, int64_t offset)
{
    return add(history, "a %u %lld %lld", client, (long long)value, (long long)offset);
}

int64_t history_failed(struct history *history, uint32_t client, int64_t value, const char *code)
{
    char word[128];
    put_text(word, sizeof word, code, true);
    return add(history, "e %u %lld %s", client, (long long)value, word);
}

int64_t history_position(struct history *history, uint32_t client, uint32_t partition,
                         int64_t offset)
{
    return add(history, "s %u %u %lld", client, partition, (long long)offset);
}

int64_t history_read(struct history *history, uint32_t client, uint32_t partition, int64_t offset,
                     uint32_t writer, int64_t value)
{
    return add(history, "r %u %u %lld %u %lld", client, partition, (long long)offset, writer,
               (long long)value);
}

int64_t history_foreign(struct history *history, uint32_t client, uint32_t partition,
                        int64_t offset, struct bytes value)
{
    char head[128];
    char digits[2 * FOREIGN_BYTES + 1] = "-";
    snprintf(head, sizeof head, "x %u %u %lld", client, partition, (long long)offset);
    for (uint32_t i = 0; i < value.size && i < FOREIGN_BYTES; i++)
        snprintf(digits + (size_t)2 * i, 3, "%02x", value.data[i]);
    return add_line(history, head, true, digits);
}

int64_t history_corrupt(struct history *history, uint32_t client, uint32_t partition,
                        int64_t offset)
{
    return add(history, "b %u %u %lld", client, partition, (long long)offset);
}

int64_t history_watermark(struct history *history, uint32_t client, uint32_t partition,
                          int64_t high_watermark)
{
    return add(history, "h %u %u %lld", client, partition, (long long)high_watermark);
}

int64_t history_committed(struct history *history, uint32_t client, uint32_t partition,
                          int64_t offset, int64_t asked)
{
    return add(history, "q %u %u %lld %lld", client, partition, (long long)offset,
               (long long)asked);
}

int64_t history_final(struct history *history, uint32_t client, uint32_t partition, int64_t end)
{
    return add(history, "z %u %u %lld", client, partition, (long long)end);
}

int64_t history_begin_key(struct history *history, uint32_t client, int64_t value,
                          uint32_t partition, uint32_t key, bool is_tombstone)
{
    return add(history, "%c %u %lld %u %u", is_tombstone ? 't' : 'k', client, (long long)value,
               partition, key);
}

int64_t history_read_key(struct history *history, uint32_t client, uint32_t partition,
                         int64_t offset, uint32_t key, uint32_t writer, int64_t value)
{
    return add(history, "v %u %u %lld %u %u %lld", client, partition, (long long)offset, key,
               writer, (long long)value);
}

int64_t history_given(struct history *history, uint32_t client, uint32_t partition)
{
    return add(history, "o %u %u", client, partition);
}

int64_t history_taken(struct history *history, uint32_t client, uint32_t partition)
{
    return add(history, "d %u %u", client, partition);
}

int64_t history_committing(struct history *history, uint32_t client, uint32_t partition,
                           int64_t offset)
{
    return add(history, "m %u %u %lld", client, partition, (long long)offset);
}

int64_t history_commit_ended(struct history *history, uint32_t client, uint32_t partition,
                             const char *code)
{
    char word[128];
    put_text(word, sizeof word, code, true);
    return add(history, "f %u %u %s", client, partition, word);
}

int64_t history_stall(struct history *history, int64_t from, int64_t to)
{
    char head[128];
    snprintf(head, sizeof head, "g %lld %lld", (long long)from, (long long)to);
    return add_line(history, head, false, "");
}

int64_t history_note(struct history *history, const char *text)
{
    char words[HISTORY_LINE_MAX / 2];
    put_text(words, sizeof words, text, false);
    return add_line(history, "n ", false, words);
}

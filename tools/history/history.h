/* history.h -- what clients did to one topic, as lines of text: written, and read again.
 *
 * docs/chaos-history.md has the format. Several files are one history: each process writes its
 * own. Times are nanoseconds of CLOCK_MONOTONIC. In one file the times of operations do not go
 * back; the writer sees to it by taking them itself, when the line is written: so begin a
 * write's line before the request can leave, and acknowledge after the answer came. */
#ifndef CHAOS_HISTORY_H
#define CHAOS_HISTORY_H

#include "base/base.h"

enum {
    HISTORY_RUN_MAX = 32, /* Hexadecimal digits of a run's name. */
    HISTORY_TOPIC_MAX = 249,
    HISTORY_PARTITIONS_MAX = 10000,
    HISTORY_CLIENTS_MAX = 1 << 20, /* Client numbers are below it. */
    HISTORY_KEYS_MAX = 1 << 20,    /* And numbers of one writer's keys. */
    HISTORY_LINE_MAX = 4096,       /* Bytes, the newline included. */
    HISTORY_VALUE_MAX = 96,        /* Bytes of a value without padding, at most. */
    HISTORY_FLUSH_MS = 50,         /* No line waits longer, if another one follows. */
};

/* So that sums of a few of them, and of a writer and his number (edn.h), stay numbers. */
#define HISTORY_NUMBER_MAX INT64_C(999999999999)
#define HISTORY_OFFSET_MAX (INT64_C(1) << 62)

/* The first line, the same in all files of a history. */
struct history_head {
    char run[HISTORY_RUN_MAX + 1];
    char topic[HISTORY_TOPIC_MAX + 1];
    uint32_t partitions;
};

/* ---- Values (value.c). */

/* The value number `number` of `writer`: "<run>:<writer>:<number>:<checksum>", padded with dots
 * up to `size` bytes where it is shorter. `out` holds max(size, HISTORY_VALUE_MAX) bytes and is
 * not terminated. Returns the size. */
uint32_t history_value_write(char *out, uint32_t size, const char *run, uint32_t writer,
                             int64_t number);

/* Errors  false: not a whole value of this run; the outputs are untouched. */
bool history_value_read(struct bytes value, const char *run, uint32_t *writer, int64_t *number);

/* ---- Writing (writer.c). Any thread may call. */

struct history;

/* Create or replace `path`, and write the first line.
 * Owns    *out until history_close().
 * Errors  an errno, and *out is untouched. */
int history_open(struct history **out, const char *path, const struct history_head *head);

/* Write the last line, unless the history was cut short (`whole` is false), and close.
 * Errors  the errno of the first write that failed, or 0. */
int history_close(struct history *history, bool whole);

/* The errno of the first write that failed, or 0. Nothing is written after it: whoever uses the
 * history looks here now and then, and stops. */
int history_error(struct history *history);

/* Hand what is buffered to the kernel; what a kill takes then is what came later. */
void history_flush(struct history *history);

/* One kind of line each; they return the time that they wrote. */
int64_t history_client(struct history *history, uint32_t client, const char *kind,
                       const char *profile, const char *name);
int64_t history_begin(struct history *history, uint32_t client, int64_t value, uint32_t partition);
/* `offset` is -1 where the acknowledgement told none. */
int64_t history_acked(struct history *history, uint32_t client, int64_t value, int64_t offset);
/* `code`: the client's name of the error; ":not-persisted" may follow (docs/chaos-history.md). */
int64_t history_failed(struct history *history, uint32_t client, int64_t value, const char *code);
int64_t history_position(struct history *history, uint32_t client, uint32_t partition,
                         int64_t offset);
int64_t history_read(struct history *history, uint32_t client, uint32_t partition, int64_t offset,
                     uint32_t writer, int64_t value);
int64_t history_foreign(struct history *history, uint32_t client, uint32_t partition,
                        int64_t offset, struct bytes value);
/* What came at `offset` does not have its checksum. */
int64_t history_corrupt(struct history *history, uint32_t client, uint32_t partition,
                        int64_t offset);
int64_t history_watermark(struct history *history, uint32_t client, uint32_t partition,
                          int64_t high_watermark);
/* Asked at `asked`, the group of the partition had `offset` committed; -1: nothing. */
int64_t history_committed(struct history *history, uint32_t client, uint32_t partition,
                          int64_t offset, int64_t asked);
int64_t history_final(struct history *history, uint32_t client, uint32_t partition, int64_t end);
/* The same of a writer with keys; `is_tombstone`: the value deletes its key. */
int64_t history_begin_key(struct history *history, uint32_t client, int64_t value,
                          uint32_t partition, uint32_t key, bool is_tombstone);
int64_t history_read_key(struct history *history, uint32_t client, uint32_t partition,
                         int64_t offset, uint32_t key, uint32_t writer, int64_t value);
/* A member of a group was given a partition, or has it no more. */
int64_t history_given(struct history *history, uint32_t client, uint32_t partition);
int64_t history_taken(struct history *history, uint32_t client, uint32_t partition);
/* A member begins to commit `offset`; `code`: how that ended, HISTORY_COMMITTED if well. */
int64_t history_committing(struct history *history, uint32_t client, uint32_t partition,
                           int64_t offset);
int64_t history_commit_ended(struct history *history, uint32_t client, uint32_t partition,
                             const char *code);
#define HISTORY_COMMITTED "NO_ERROR"
/* The host stood still from `from` to `to`. */
int64_t history_stall(struct history *history, int64_t from, int64_t to);
int64_t history_note(struct history *history, const char *text);

/* ---- Reading (reader.c). */

/* One line, by field; those that its kind has not are 0. */
struct history_line {
    char kind;         /* 'c', 'w', ...: the first character. '#' never gets here. */
    bool begins;       /* '!': the fault begins. */
    bool has_key;      /* 'w', 'r': written as 'k' or 't', and as 'v'. */
    bool is_tombstone; /* 'w': written as 't'. */
    uint32_t key;
    uint32_t client;
    uint32_t partition;
    uint32_t writer;
    int64_t value;  /* 'q': when it was asked. */
    int64_t offset; /* 'h': the watermark; 'z': the end. */
    int64_t time;   /* 'c', 'n': that of the line before. */
    int64_t to;     /* 'g': the end of the stall. */
    /* 'c': kind, profile, name. 'e', 'f': code. '!': id, name, detail. 'x': digits. 'n': text. */
    struct str words[3];
    struct str text; /* The whole line, without its newline. */
    uint64_t number; /* From 1 on. */
};

enum history_result {
    HISTORY_LINE,
    HISTORY_END, /* The last line has been read. */
    HISTORY_CUT, /* The file ends without it, or within a line. */
    HISTORY_BAD, /* history_problem() says what. */
};

struct history_reader;

/* Errors  false: *out is there all the same, to be asked and closed; history_problem() says what
 *         is wrong: the file cannot be read, or its first line is no history's. */
bool history_reader_open(struct history_reader **out, const char *path);
/* The same of bytes in memory, which outlive the reader; `name` stands for the path. */
bool history_reader_open_bytes(struct history_reader **out, const char *name, struct bytes text);
void history_reader_close(struct history_reader *reader);

const char *history_path(const struct history_reader *reader);
const struct history_head *history_head(const struct history_reader *reader);

/* The next line; its strings last until the next call. After anything but HISTORY_LINE the
 * answer stays the same. HISTORY_END fills the time alone. */
enum history_result history_next(struct history_reader *reader, struct history_line *line);

/* The same, but lines of faults alone ('!'): the others are passed over unread. */
enum history_result history_next_mark(struct history_reader *reader, struct history_line *line);

/* A terminated copy in printable ASCII: '?' stands for every other byte. mem_free() it. */
char *history_copy(struct str text);

/* "FILE:LINE: field N (what): why", or "FILE: why". */
const char *history_problem(const struct history_reader *reader);

#endif

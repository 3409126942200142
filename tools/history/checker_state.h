/* checker_state.h -- what the checker knows while it goes through a history; its own files only.
 *
 * Nothing is known of a record but what lines say. The log that they speak of grows at its end
 * and never changes, so one rule is behind most classes: what was seen at an offset once is what
 * everyone sees there, for ever.
 *
 * "Seen": each partition counts the positions that its readers took. A write remembers that
 * count when it is read; so whatever has less than a final read began with was not there any
 * more when that read came by. */
#ifndef CHAOS_CHECKER_STATE_H
#define CHAOS_CHECKER_STATE_H

#include "checker.h"
#include "client_kind.h"
#include "writes.h"

/* Where a reader is in one partition. */
struct position {
    bool is_set;
    uint32_t seen; /* The partition's count when it took the position. */
    int64_t from;  /* Where it asked to begin; -1: at the beginning. */
    int64_t last;  /* The offset read last; -1: none since. */
    int64_t begun; /* ns. */
};

struct client {
    const struct client_kind *kind; /* NULL: not declared. */
    uint32_t number;
    uint32_t profile;
    uint32_t file;
    struct write_list writes;
    struct position *positions; /* By partition; NULL: it has not read. */
    struct keys *keys;          /* NULL: its values have none. */
    struct group *group;        /* NULL: it is in none. */
    uint32_t *given;            /* By partition: which of its group's gifts it was; 0: none. */
    uint32_t *had;              /* The same of the last gift that it has no more; 0: none. */
};

/* The keys of one writer (check_key.c): which key each value has, and where each key's are. */
struct keys {
    uint32_t *of_values; /* By value number: 2 * key, plus 1 for a tombstone; UINT32_MAX: none. */
    uint32_t value_count, value_capacity;
    uint32_t *partitions; /* By key; UINT32_MAX: not written yet. */
    uint32_t key_count, key_capacity;
};

/* A watermark that went back below what a reader had got. */
struct dip {
    bool is_open;
    uint32_t client;
    int64_t high_watermark;
    int64_t needed; /* The reads are explained once it is this again. */
    int64_t last;   /* The offset that had been read. */
};

struct partition {
    int64_t acked_max; /* The highest offset acknowledged to a client that keeps; -1: none. */
    uint32_t seen;     /* Positions that its readers took. */
    bool may_hold;     /* Something was acknowledged, or may have been written. */
    struct dip dip;
};

/* From `time` on nobody may be told less than `value`: it was acknowledged, or told before. */
struct commit_bound {
    int64_t time;
    int64_t value;
    uint32_t client; /* Who was told. */
    int64_t asked;   /* When that one had asked; -1: it was acknowledged. */
};

/* What one group has committed for one partition, by one committer. */
struct commits {
    bool has_committer;
    uint32_t committer;
    int64_t begun; /* The last value; -1: none. */
    int64_t acked; /* ns of the last acknowledgement; -1: none. */
    int64_t asked; /* ns of the last question that was answered; -1: none. */
    uint32_t count, capacity;
    struct commit_bound *bounds; /* Times and values rise. */
};

/* That a group had `value` committed for a partition between two moments, at one of them or
 * somewhere in between: it was acknowledged to a member, or told to one. */
struct group_known {
    int64_t value;
    int64_t begun;
    int64_t ended;
    int64_t floor; /* The latest `begun` of this one and those before it. */
    uint32_t client;
    bool is_told;
};

/* A commit without an acknowledgement: it takes effect at any time after its begin, or never. */
struct group_doubt {
    int64_t value;
    int64_t begun;
    uint32_t client;
    uint32_t given; /* Under which gift it was made. */
    bool is_open;
    bool is_refused; /* It may not: fenced, or of a generation that was over when it began. */
};

/* Acknowledged commits in a row of one member, under one gift. */
struct group_turn {
    uint32_t client;
    uint32_t given;
    int64_t ended; /* The last of them. */
    int64_t value;
};

enum { GROUP_TURNS = 4 };

/* One partition as a group sees it. */
struct group_partition {
    struct group_known *known; /* By `ended`. */
    uint32_t known_count, known_capacity;
    struct group_doubt *doubts;
    uint32_t doubt_count, doubt_capacity;
    struct group_turn turns[GROUP_TURNS]; /* The last one last. */
    uint32_t turn_count;
    uint32_t gifts;    /* How often a member was given it. */
    uint32_t owner;    /* Who was given it last. */
    uint32_t owners;   /* Members that have it, or do not know yet that they have it no more. */
    int64_t unowned;   /* Since when nobody has it, ns; -1: somebody has, or nobody had. */
    int64_t acked;     /* ns of the last acknowledgement; -1: none. */
    int64_t committed; /* What was told last; -1: nothing is. */
    int64_t asked;     /* When that was asked, ns; -1: never. */
    uint32_t asker;
};

/* The members of one profile. */
struct group {
    uint32_t profile;
    struct group_partition *partitions;
    uint8_t *delivered; /* A bit for each write. */
    uint32_t delivered_size;
};

/* A reader went from one offset to another and got nothing in between. */
struct jump {
    uint32_t client;
    uint32_t partition;
    uint32_t seen;
    int64_t low;  /* Read before; or one less than where it began. */
    int64_t high; /* Read after, or its end. */
};

/* A write that was read at another offset than its own. */
struct stray {
    uint32_t id;
    int64_t offset;
};

/* A value that was read when no write of it had begun. */
struct unborn {
    uint32_t writer;
    uint32_t client;
    uint32_t partition;
    int64_t value;
    int64_t offset;
};

struct checker {
    struct verdict *verdict;
    struct merge *merge;
    struct client **clients; /* By number. */
    uint32_t client_count, client_capacity;
    struct partition *partitions;
    struct commits *commits; /* By partition. */
    struct group **groups;
    uint32_t group_count, group_capacity;
    struct writes writes;
    struct places places;
    struct jump *jumps;
    uint32_t jump_count, jump_capacity;
    struct stray *strays;
    uint32_t stray_count, stray_capacity;
    struct unborn *unborn;
    uint32_t unborn_count, unborn_capacity;
    bool has_reader;
    bool too_many_jumps;
};

/* Say what is wrong with the line; false, for the caller to return. */
bool refuse_line(struct checker *checker, const struct history_line *line, const char *path,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));
void add_reason(struct verdict *verdict, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

struct client *find_client(const struct checker *checker, uint32_t number);

/* Lines by kind (check_write.c, check_read.c). Errors  false: refused; `path` names the file. */
bool take_begin(struct checker *checker, const struct history_line *line, const char *path);
bool take_acked(struct checker *checker, const struct history_line *line, const char *path);
bool take_failed(struct checker *checker, const struct history_line *line, const char *path);
bool take_position(struct checker *checker, const struct history_line *line, const char *path);
bool take_read(struct checker *checker, const struct history_line *line, const char *path);
bool take_foreign(struct checker *checker, const struct history_line *line, const char *path);
bool take_corrupt(struct checker *checker, const struct history_line *line, const char *path);
bool take_watermark(struct checker *checker, const struct history_line *line, const char *path);
bool take_final(struct checker *checker, const struct history_line *line, const char *path);

bool take_committed(struct checker *checker, const struct history_line *line, const char *path);

/* The same of a committer's lines (check_commit.c). */
bool begin_commit(struct checker *checker, const struct history_line *line, const char *path);
void ack_commit(struct checker *checker, uint32_t partition, int64_t value, int64_t time);
void check_commits(struct checker *checker);

/* Keys (check_key.c): a write under one, what was read under one, and what became of them. */
bool begin_key(struct checker *checker, const struct history_line *line, const char *path);
void check_read_key(struct checker *checker, const struct history_line *line);
void check_keys(struct checker *checker);
void keys_free(struct keys *keys);

/* Members of groups (check_member.c). */
void join_group(struct checker *checker, struct client *client);
bool take_given(struct checker *checker, const struct history_line *line, const char *path);
bool take_taken(struct checker *checker, const struct history_line *line, const char *path);
bool take_committing(struct checker *checker, const struct history_line *line, const char *path);
bool take_commit_ended(struct checker *checker, const struct history_line *line, const char *path);
bool take_told(struct checker *checker, const struct history_line *line, const char *path);
void deliver(const struct client *client, uint32_t id);
void check_delivered(struct checker *checker, const struct write *write, uint32_t id);
void check_members(struct checker *checker);
void groups_free(struct checker *checker);

/* What only shows at the end (check_end.c). */
void check_end(struct checker *checker);

/* Two writes at one offset. */
void tell_shared_offset(struct checker *checker, uint32_t id, uint32_t other, uint32_t partition,
                        int64_t offset);
/* It stands, or was acknowledged, at `offset`: not above what was acknowledged before it began? */
void check_above(struct checker *checker, struct write *write, uint32_t id, int64_t offset);

#endif

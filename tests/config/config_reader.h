/* config_reader.h -- read a text as a node would, and look at the remarks. */
#ifndef TESTS_CONFIG_READER_H
#define TESTS_CONFIG_READER_H

#include <string.h>

#include "config_parts.h"

struct config_reader {
    struct config config;
    struct arena arena;
    struct config_remark *remarks;
    enum err result;
};

/* Read and finish `text` over the defaults; `set` comes after the file, NULL for none. */
static inline void reader_read(struct config_reader *reader, const char *text, const char *set)
{
    memset(reader, 0, sizeof *reader);
    config_init(&reader->config);
    enum err read = config_read(&reader->config, str_from(text), &reader->arena, &reader->remarks);
    if (set != NULL && read == ERR_NONE)
        read = config_read(&reader->config, str_from(set), &reader->arena, &reader->remarks);
    enum err finished = config_finish(&reader->config, &reader->arena, &reader->remarks);
    reader->result = read != ERR_NONE ? read : finished;
}

static inline void reader_free(struct config_reader *reader)
{
    arena_free(&reader->arena);
}

/* The first remark that contains `words`; NULL: none does. */
static inline const struct config_remark *reader_find(const struct config_reader *reader,
                                                      const char *words)
{
    const struct config_remark *remark = reader->remarks;
    while (remark != NULL && strstr(remark->text, words) == NULL)
        remark = remark->next;
    return remark;
}

static inline bool reader_refuses(const struct config_reader *reader, const char *words)
{
    const struct config_remark *remark = reader_find(reader, words);
    return reader->result == ERR_INVALID_CONFIG && remark != NULL && remark->fatal;
}

#endif

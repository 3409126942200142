/* topic_place.c -- TOPIC or TOPIC/PARTITION, as a user names them; topics' names have no slash. */
#include "topic_place.h"

#include <string.h>

#include "say.h"

bool topic_place_read(const char *word, struct str *topic, partition_id *partition)
{
    const char *slash = strchr(word, '/');
    int64_t number = -1;
    if (slash && !parse_int(slash + 1, 0, INT32_MAX, &number))
        return false;
    *topic = slash ? (struct str){.data = word, .size = (uint32_t)(slash - word)} : str_from(word);
    *partition = (partition_id)number;
    return topic->size > 0;
}

bool topic_place_is_valid(const char *word)
{
    struct str topic;
    partition_id partition;
    return topic_place_read(word, &topic, &partition);
}

bool topic_place_has(const char *word, struct str topic, partition_id partition)
{
    struct str named;
    partition_id number;
    return topic_place_read(word, &named, &number) && str_equal(named, topic) &&
           (number < 0 || number == partition);
}

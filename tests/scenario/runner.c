/* runner.c -- plays a scenario file and compares the whole trace with what stands in it.
 *
 * A file begins with a line that cites its source. Lines with `$` are commands, the
 * lines below them what every node did and said until the next one:
 *
 *   $ nodes 3 [voters]    that many nodes; messages take 1 ms, syncs 2 ms
 *   $ start 1 2 3         $ kill 1 (kill -9)      $ power 1 (unsynced is lost or kept)
 *   $ wipe 1              $ shutdown 1            $ append 1 [count]
 *   $ cut 1 2             $ heal                  $ pause 1 500 (milliseconds)
 *   $ sync 1 5000         from now on a sync of this node takes so long
 *   $ run 100             let time pass
 *   $ show                each node's role, epoch, log and high watermark
 *
 * `scenario FILE` compares, `scenario --write FILE` writes what happened instead. */
#include <stdio.h>
#include <stdlib.h>

#include "cluster.h"

struct text {
    char *data;
    size_t size;
    size_t capacity;
};

struct player {
    struct cluster *cluster;
    struct text out;
};

static void text_add(struct text *text, const char *line)
{
    size_t size = strlen(line);

    while (text->size + size + 2 > text->capacity) {
        text->capacity = text->capacity ? 2 * text->capacity : 4096;
        text->data = mem_realloc(text->data, text->capacity);
    }
    memcpy(text->data + text->size, line, size);
    text->size += size;
    text->data[text->size++] = '\n';
    text->data[text->size] = '\0';
}

static void take_line(void *context, const char *line)
{
    struct player *player = context;

    text_add(&player->out, line);
}

static void play_nodes(struct player *player, const int64_t *arguments, uint32_t count)
{
    struct cluster_config config = {.seed = 1,
                                    .node_count = (uint32_t)arguments[0],
                                    .voter_count = (uint32_t)arguments[count > 1 ? 1 : 0],
                                    .delay_min_ms = 1,
                                    .delay_max_ms = 1,
                                    .sync_min_ms = 2,
                                    .sync_max_ms = 2};

    player->cluster = cluster_open(&config);
    player->cluster->line = take_line;
    player->cluster->context = player;
}

static void play_show(struct player *player)
{
    struct cluster *cluster = player->cluster;

    for (uint32_t i = 0; i < cluster->config.node_count; i++) {
        const struct node *node = &cluster->nodes[i];
        char log[120];
        size_t at = 0;
        for (uint32_t k = 0; k < node->log.count && at < sizeof log - 16; k++)
            at += (size_t)snprintf(log + at, sizeof log - at, " %d", node->log.items[k].epoch);
        log[at] = '\0';
        cluster_trace(cluster, "n%d %s epoch %d, epochs in log:%s, durable %ld, committed %ld",
                      node->id, node->up ? raft_role_name(node->role) : "down",
                      node->up ? node->role_epoch : node->vote.epoch, log, (long)node->durable,
                      (long)node->high_watermark);
    }
}

/* One argument is a node by its id. */
static void play_on_node(struct cluster *cluster, const char *name, const int64_t *arguments,
                         uint32_t count)
{
    uint32_t index = (uint32_t)arguments[0] - 1;
    int64_t second = count > 1 ? arguments[1] : 1;

    if (strcmp(name, "kill") == 0)
        cluster_kill(cluster, index, false);
    else if (strcmp(name, "power") == 0)
        cluster_kill(cluster, index, true);
    else if (strcmp(name, "wipe") == 0)
        cluster_wipe(cluster, index);
    else if (strcmp(name, "shutdown") == 0)
        cluster_shutdown(cluster, index);
    else if (strcmp(name, "pause") == 0)
        cluster->nodes[index].paused_until = cluster->now + second;
    else if (strcmp(name, "sync") == 0)
        cluster->nodes[index].sync_ms = (uint32_t)second;
    else if (strcmp(name, "append") == 0)
        while (second-- > 0)
            check(cluster_append(cluster, index));
    else
        check(!name[0]); /* No such command. */
}

static void play(struct player *player, const char *name, const int64_t *arguments, uint32_t count)
{
    struct cluster *cluster = player->cluster;

    if (strcmp(name, "nodes") == 0) {
        play_nodes(player, arguments, count);
    } else if (strcmp(name, "show") == 0) {
        play_show(player);
    } else if (strcmp(name, "heal") == 0) {
        memset(cluster->cut, 0, sizeof cluster->cut);
    } else if (strcmp(name, "run") == 0) {
        cluster_run(cluster, cluster->now + arguments[0]);
    } else if (strcmp(name, "cut") == 0) {
        cluster->cut[arguments[0] - 1][arguments[1] - 1] = true;
        cluster->cut[arguments[1] - 1][arguments[0] - 1] = true;
    } else if (strcmp(name, "start") == 0) {
        for (uint32_t i = 0; i < count; i++)
            cluster_start(cluster, (uint32_t)arguments[i] - 1);
    } else {
        play_on_node(cluster, name, arguments, count);
    }
}

static void play_command(struct player *player, const char *line)
{
    char name[16] = "";
    int64_t arguments[CLUSTER_NODES_MAX] = {0};
    uint32_t count = 0;
    int used = 0;

    text_add(&player->out, line);
    check(sscanf(line, "$ %15s%n", name, &used) == 1);
    for (const char *at = line + used; count < CLUSTER_NODES_MAX; count++) {
        char *end;
        arguments[count] = strtoll(at, &end, 10);
        if (end == at)
            break;
        at = end;
    }
    play(player, name, arguments, count);
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t capacity = 1u << 20;
    char *text = mem_alloc(capacity);

    if (file == NULL) {
        perror(path);
        exit(2);
    }
    size_t size = fread(text, 1, capacity - 1, file);
    text[size] = '\0';
    fclose(file);
    return text;
}

/* The head (comments and blank lines above the first command) is kept as it is. */
static void play_file(struct player *player, char *text)
{
    bool is_head = true;

    for (char *line = text; *line != '\0';) {
        char *end = strchr(line, '\n');
        char *next = end != NULL ? end + 1 : line + strlen(line);
        if (end != NULL)
            *end = '\0';
        if (line[0] == '$') {
            is_head = false;
            play_command(player, line);
        } else if (is_head || line[0] == '#') {
            text_add(&player->out, line);
        }
        line = next;
    }
}

static int compare(const char *path, const char *expected, const char *found)
{
    uint32_t number = 1;

    if (strcmp(expected, found) == 0)
        return 0;
    for (; *expected == *found; expected++, found++)
        number += *expected == '\n';
    fprintf(stderr, "%s: differs at line %u; what happened from there:\n%.2000s\n", path, number,
            found);
    return 1;
}

int main(int argc, char **argv)
{
    bool writes = argc == 3 && strcmp(argv[1], "--write") == 0;
    const char *path = argv[argc - 1];
    struct player player = {0};

    if (argc < 2)
        return 2;
    char *expected = read_file(path);
    char *text = mem_strdup(expected);
    int result = 0;
    play_file(&player, text);
    if (player.cluster->violation[0] != '\0') {
        fprintf(stderr, "%s: %s\n", path, player.cluster->violation);
        result = 11;
    } else if (expected[0] != '#') {
        fprintf(stderr, "%s: the first line cites nothing\n", path);
        result = 2;
    } else if (writes) {
        FILE *file = fopen(path, "wb");
        if (file == NULL || fwrite(player.out.data, 1, player.out.size, file) != player.out.size)
            result = 2;
        if (file != NULL)
            fclose(file);
    } else {
        result = compare(path, expected, player.out.data);
    }
    cluster_close(player.cluster);
    mem_free(player.out.data);
    mem_free(expected);
    mem_free(text);
    return result;
}
